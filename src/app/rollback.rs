//! The way back to what a host was before a run.

use std::time::Duration;

use super::plan::Say;
use super::run;
use crate::cli::Global;
use crate::command_error::CommandError;
use crate::engine::{self, Event, Lock, Record, RollbackPlan, Run};
use crate::host::Host;
use crate::reach::Reach;
use crate::services::self_service::keep_own_passwords;

/// A rollback that can be made.
pub(crate) struct Rollback {
    pub(crate) host: Host,
    pub(crate) back: RollbackPlan,
    /// The oldest run that it takes back.
    pub(crate) number: u64,
    last: Option<Run>,
    _lock: Lock,
}

impl Rollback {
    /// Takes the lock, and plans the way back to before a run; before the last one
    /// where none is named. `purge`: packages that were installed go, too.
    pub(crate) fn plan(
        global: &Global,
        number: Option<u64>,
        purge: bool,
        reach: &Reach,
        say: Say<'_>,
    ) -> Result<Self, CommandError> {
        let host = Host::open(&global.root)?;
        let lock = run::lock(&host, "rollback")?;
        let mut runs = engine::runs(&host)?;
        engine::cleanup(&host, runs.last(), &mut |text| say(text))?;
        let oldest = match number {
            Some(number) => find_run(&runs, number, reach)?,
            None => {
                runs.last().ok_or_else(|| CommandError::failed("there is no run to roll back"))?
            }
        };
        let number = oldest.number;
        let later = runs.iter().filter(|run| run.number >= number);
        let records: Vec<Record> = later.flat_map(|run| run.records.clone()).collect();
        let mut back = engine::rollback_plan(&host, &records, purge)?;
        keep_own_passwords(&host, &mut back.plan.changes)?;
        Ok(Self { host, back, number, last: runs.pop(), _lock: lock })
    }

    /// Returns whether there is nothing to do, and records that.
    pub(crate) fn is_done(&self) -> Result<bool, CommandError> {
        let is_done = self.back.plan.changes.is_empty();
        if is_done {
            run::settle(&self.host, self.last.as_ref())?;
        }
        Ok(is_done)
    }

    /// Makes the changes, and returns how long that took.
    pub(crate) fn make(
        &self,
        stop: &dyn Fn() -> bool,
        event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Duration, CommandError> {
        let deed = format!("rollback of run {}", self.number);
        run::make(&self.host, &self.back.plan, &deed, stop, event)
    }
}

/// Finds a run by its number.
pub(crate) fn find_run<'r>(
    runs: &'r [Run],
    number: u64,
    reach: &Reach,
) -> Result<&'r Run, CommandError> {
    runs.iter().find(|run| run.number == number).ok_or_else(|| {
        CommandError::usage(format!("there is no run {number}"))
            .hinted(format!("`{}` lists them.", reach.command(&["history"])))
    })
}
