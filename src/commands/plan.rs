//! `mailprov plan`.

use std::path::Path;

use super::dns::note_forwards;
use super::load::{Wanted, load};
use super::settled::Settled;
use super::{Exit, Stop, saved};
use crate::cli::Global;
use crate::engine::SavedPlan;
use crate::report::Report;

/// Shows what `apply` would do.
pub(super) fn run(
    global: &Global,
    wanted: Wanted<'_>,
    out: Option<&Path>,
    detailed_exitcode: bool,
    report: &mut Report,
) -> Result<Exit, Stop> {
    let settled = Settled::find(global, wanted);
    let nothing = settled.and_then(|settled| Some((settled.nothing_to_do()?, settled)));
    let (plan, mail) = match nothing {
        Some((plan, settled)) => {
            report.plan(&plan, settled.subject());
            (plan, Some(settled.mail))
        }
        None => {
            let loaded = load(global, wanted, report)?;
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
        report.note(&format!("Kept in {0}: mailprov apply --plan {0}\n", out.display()));
    }
    Ok(if detailed_exitcode && !plan.changes.is_empty() { Exit::Changes } else { Exit::Done })
}

/// Shows a saved plan.
pub(super) fn show(path: &Path, report: &mut Report) -> Result<Exit, Stop> {
    report.saved_plan(&saved::read(path)?);
    Ok(Exit::Done)
}
