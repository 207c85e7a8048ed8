//! `mailprov plan`: shows the changes.

use std::path::Path;

use super::{CommandError, Exit, notes, say};
use crate::app::{Context, MailSource, read_plan, received};
use crate::cli::Global;
use crate::engine::SavedPlan;
use crate::reach::as_path;
use crate::report::{Report, moment};

pub(super) fn run(
    global: &Global,
    source: MailSource<'_>,
    out: Option<&Path>,
    detailed_exitcode: bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let context = Context::open(global, source)?;
    say(&context, report);
    let sent = if let MailSource::Sent(bundle) = source { Some(bundle) } else { None };
    let changed = sent.and_then(|bundle| received::changed_by(bundle, &context.host, moment));
    report.notes(changed);
    let planned = context.plan(&mut notes(report))?;
    report.warnings(planned.warnings.as_ref());
    let plan = planned.plan;
    report.plan_to_read(&plan, &context.subject());
    if !plan.changes.is_empty() {
        report.notes(context.forwards());
    }
    if let Some(out) = out {
        // An absolute path, since it may be applied from another folder.
        let mail = context.mail.and_then(|path| std::path::absolute(path).ok());
        let text = SavedPlan::new(&plan, mail).to_text();
        report.save(out, text).map_err(|error| CommandError::not_written(out, error))?;
        let file = out.display().to_string();
        let plan = as_path(&file);
        let mut words = vec!["apply"];
        // The mail.yml of the other side is not a file of this host.
        let mail = sent.map(|bundle| as_path(&bundle.name));
        words.extend(mail.as_deref());
        words.extend(["--plan", &plan]);
        let apply = report.reach().command(&words);
        report.note(&format!("Kept in {file}: {apply}\n"));
    }
    Ok(if detailed_exitcode && !plan.changes.is_empty() { Exit::Changes } else { Exit::Done })
}

pub(super) fn show(path: &Path, report: &mut Report) -> Result<Exit, CommandError> {
    report.saved_plan(&read_plan(path)?);
    Ok(Exit::Done)
}
