//! `mailprov plan`: shows the changes.

use std::path::Path;

use super::dns::note_forwards;
use super::{CommandError, Exit, saved, say, tell_who_changed};
use crate::app::{Context, MailSource};
use crate::cli::Global;
use crate::engine::SavedPlan;
use crate::reach::as_path;
use crate::report::Report;

pub(super) fn run(
    global: &Global,
    mail: MailSource<'_>,
    out: Option<&Path>,
    detailed_exitcode: bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let sent = match mail {
        MailSource::Sent(bundle) => Some(bundle.name.as_str()),
        MailSource::Here(_) | MailSource::Draft { .. } => None,
    };
    let context = Context::open(global, mail)?;
    say(&context, report);
    if let MailSource::Sent(bundle) = mail {
        tell_who_changed(bundle, &context.host, report);
    }
    let plan = super::plan_of(&context, report)?;
    report.plan_to_read(&plan, &context.subject());
    if let Some(spec) = context.spec().filter(|_| !plan.changes.is_empty()) {
        note_forwards(spec, report);
    }
    if let Some(out) = out {
        // An absolute path, since it may be applied from another folder.
        let mail = context.mail.and_then(|path| std::path::absolute(path).ok());
        saved::write(out, &SavedPlan::new(&plan, mail), report)?;
        let file = out.display().to_string();
        let plan = as_path(&file);
        let mut words = vec!["apply"];
        // The mail.yml of the other side is not a file of this host.
        let mail = sent.map(as_path);
        words.extend(mail.as_deref());
        words.extend(["--plan", &plan]);
        let apply = report.reach().command(&words);
        report.note(&format!("Kept in {file}: {apply}\n"));
    }
    Ok(if detailed_exitcode && !plan.changes.is_empty() { Exit::Changes } else { Exit::Done })
}

pub(super) fn show(path: &Path, report: &mut Report) -> Result<Exit, CommandError> {
    report.saved_plan(&saved::read(path)?);
    Ok(Exit::Done)
}
