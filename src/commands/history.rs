//! `mailprov history`: lists and shows runs.

use super::{CommandError, Exit};
use crate::cli::Global;
use crate::engine::{self, Run};
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
            let run = find(&runs, number, report)?;
            report.run(run, &run.changes(&host)?);
        }
    }
    Ok(Exit::Done)
}

pub(super) fn find<'r>(
    runs: &'r [Run],
    number: u64,
    report: &Report,
) -> Result<&'r Run, CommandError> {
    runs.iter().find(|run| run.number == number).ok_or_else(|| {
        CommandError::usage(format!("there is no run {number}"))
            .hinted(format!("`{}` lists them.", report.reach().command(&["history"])))
    })
}
