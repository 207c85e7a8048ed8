//! `mailprov rollback`: reverts runs.

use super::apply::{can_confirm, confirm};
use super::{CommandError, Exit, check, notes};
use crate::app::{Rollback, left_behind};
use crate::cli::Global;
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
    let reach = report.reach().clone();
    let rollback = Rollback::plan(global, number, purge, &reach, &mut notes(report))?;
    let back = &rollback.back;
    let subject = format!("the way back to before run {}", rollback.number);
    report.plan(&back.plan, &subject);
    if !back.not_reverted.is_empty() {
        report.note(&format!(
            "What a rollback does not take back:\n  {}\n",
            back.not_reverted.join("\n  ")
        ));
    }
    if rollback.is_done()? {
        return Ok(Exit::Done);
    }
    confirm(&back.plan, &subject, yes, report)?;
    let interruption = report.interruption()?;
    let elapsed = rollback.make(&|| interruption.is_asked(), &mut |it| report.event(it))?;
    report.applied(back.plan.changes.len(), elapsed);
    let context = left_behind(global, &mut notes(report));
    match context {
        Some(context) => check::after(&context, &interruption, report),
        None => look(&rollback.host, report)?,
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
