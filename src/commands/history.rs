//! `mailprov history`: lists and shows runs.

use super::{CommandError, Exit};
use crate::app::find_run;
use crate::cli::Global;
use crate::engine;
use crate::host::Host;
use crate::report::Report;

pub(super) fn run(
    global: &Global,
    number: Option<u64>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let host = Host::open(&global.root)?;
    let runs = engine::runs(&host)?;
    match number {
        None => report.history(&runs),
        Some(number) => {
            let run = find_run(&runs, number, report.reach())?;
            report.run(run, &run.changes(&host)?);
        }
    }
    Ok(Exit::Done)
}
