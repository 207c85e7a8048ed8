//! `mailprov plan`.

use std::path::Path;

use super::dns::note_forwards;
use super::load::{Wanted, load};
use super::sent::tell_who_changed;
use super::settled::Settled;
use super::{CommandError, Exit, saved};
use crate::cli::Global;
use crate::engine::SavedPlan;
use crate::reach::as_path;
use crate::report::Report;

/// Shows what `apply` would do.
pub(super) fn run(
    global: &Global,
    wanted: Wanted<'_>,
    out: Option<&Path>,
    detailed_exitcode: bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let sent = match wanted {
        Wanted::Sent(parcel) => Some(parcel.name.as_str()),
        Wanted::Here(_) | Wanted::Draft { .. } => None,
    };
    let settled = Settled::find(global, wanted);
    let nothing = settled.and_then(|settled| Some((settled.nothing_to_do(report)?, settled)));
    let (plan, mail) = match nothing {
        Some((plan, settled)) => {
            report.plan(&plan, settled.subject());
            (plan, Some(settled.mail))
        }
        None => {
            let loaded = load(global, wanted, report)?;
            if let Wanted::Sent(parcel) = wanted {
                tell_who_changed(parcel, &loaded.host, report);
            }
            let plan = loaded.plan(report)?;
            report.plan(&plan, &loaded.subject());
            if let Some(spec) = loaded.spec().filter(|_| !plan.changes.is_empty()) {
                note_forwards(spec, report);
            }
            (plan, loaded.mail)
        }
    };
    if let Some(out) = out {
        // Applied from another folder, it must still find what it was made from.
        let mail = mail.and_then(|path| std::path::absolute(path).ok());
        saved::write(out, &SavedPlan::new(&plan, mail), report)?;
        let file = out.display().to_string();
        let plan = as_path(&file);
        let mut words = vec!["apply"];
        // The mail.yml of the one who asks is not on the host that is asked.
        let mail = sent.map(as_path);
        words.extend(mail.as_deref());
        words.extend(["--plan", &plan]);
        let apply = report.reach().command(&words);
        report.note(&format!("Kept in {file}: {apply}\n"));
    }
    Ok(if detailed_exitcode && !plan.changes.is_empty() { Exit::Changes } else { Exit::Done })
}

/// Shows a saved plan.
pub(super) fn show(path: &Path, report: &mut Report) -> Result<Exit, CommandError> {
    report.saved_plan(&saved::read(path)?);
    Ok(Exit::Done)
}
