//! `mailprov rollback`: reverts runs.

use super::apply::{can_confirm, confirm, lock, make, settle};
use super::history::find;
use super::{CommandError, Exit, check, left_behind};
use crate::cli::Global;
use crate::engine::{self, Record};
use crate::host::Host;
use crate::report::Report;
use crate::resource::unwell_services;

/// Brings the host back to the state before a run.
pub(super) fn run(
    global: &Global,
    number: Option<u64>,
    purge: bool,
    yes: bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    can_confirm(yes, report)?;
    let host = Host::open(&global.root)?;
    let _lock = lock(&host, "rollback")?;
    let runs = engine::runs(&host)?;
    engine::cleanup(&host, runs.last(), &mut |text| report.note(&format!("{text}\n")))?;
    let oldest = match number {
        Some(number) => find(&runs, number, report)?,
        None => runs.last().ok_or_else(|| CommandError::failed("there is no run to roll back"))?,
    };
    let later = runs.iter().filter(|run| run.number >= oldest.number);
    let records: Vec<Record> = later.flat_map(|run| run.records.clone()).collect();
    let back = engine::rollback_plan(&host, &records, purge)?;
    let subject = format!("the way back to before run {}", oldest.number);
    report.plan(&back.plan, &subject);
    if !back.not_reverted.is_empty() {
        report.note(&format!(
            "What a rollback does not take back:\n  {}\n",
            back.not_reverted.join("\n  ")
        ));
    }
    if back.plan.changes.is_empty() {
        settle(&host, runs.last())?;
        return Ok(Exit::Done);
    }
    confirm(&back.plan, &subject, yes, report)?;
    let interruption =
        make(&host, &back.plan, &format!("rollback of run {}", oldest.number), report)?;
    match left_behind::say(global, report) {
        Some(loaded) => check::look_after(&loaded, &interruption, report),
        None => look(&host, report)?,
    }
    Ok(Exit::Done)
}

/// Checks whether each service answers, by the records of mailprov, since no
/// mail.yml describes the restored server.
fn look(host: &Host, report: &mut Report) -> Result<(), CommandError> {
    let (count, wrong) = unwell_services(host)?;
    if count == 0 || host.is_tree() {
        return Ok(());
    }
    report.note(&match &wrong[..] {
        [] => "Each service answers where it must.\n".to_owned(),
        wrong => format!(
            "The changes are made, but not all is well:\n  {}\nSee: mailprov check\n",
            wrong.join("\n  ")
        ),
    });
    Ok(())
}
