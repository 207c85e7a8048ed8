//! `mailprov plan`.

use std::path::Path;

use super::load::load;
use super::{Exit, Stop};
use crate::cli::Global;
use crate::report::Report;

/// Shows what `apply` would do.
pub(super) fn run(
    global: &Global,
    mail: Option<&Path>,
    detailed_exitcode: bool,
    report: &mut Report,
) -> Result<Exit, Stop> {
    let loaded = load(global, mail, report)?;
    let plan = loaded.plan(report)?;
    report.plan(&plan, &loaded.subject());
    Ok(if detailed_exitcode && !plan.changes.is_empty() { Exit::Changes } else { Exit::Done })
}
