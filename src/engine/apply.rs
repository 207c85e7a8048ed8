//! Makes the changes of a plan, in order, and looks after each that it holds.

use std::time::Instant;

use super::applied::Applied;
use super::{Change, Event, Plan};
use crate::host::{Error, Host, Result};
use crate::resource::{self, Key, State};

/// A run that stopped.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct Failure {
    /// The step that failed.
    pub step: String,
    /// Why.
    pub source: Error,
    /// How many changes were made before.
    pub made: usize,
}

/// Makes the changes of `plan`.
///
/// # Errors
///
/// Stops at the first change that fails, or before one to something that is
/// no longer what the plan saw.
pub fn apply(
    host: &Host,
    plan: &Plan,
    sink: &mut dyn FnMut(Event<'_>),
) -> std::result::Result<(), Failure> {
    let mut made = 0;
    let mut explained = Explained::default();
    let mut applied = Applied::read(host);
    for changes in plan.changes.chunk_by(|a, b| a.step == b.step && a.key.kind() == b.key.kind()) {
        let start = Instant::now();
        sink(Event::Started { changes });
        make(host, changes, &explained, sink)
            .and_then(|()| applied.note(host, changes))
            .map_err(|source| Failure { step: changes[0].step.clone(), source, made })?;
        sink(Event::Finished { changes, elapsed: start.elapsed() });
        explained.add(changes);
        made += changes.len();
    }
    Ok(())
}

/// What the earlier steps of a run may have changed beside what they declare.
#[derive(Debug, Default)]
struct Explained {
    /// Anything: a package came, a program ran.
    all: bool,
    /// What is made from other things, or runs with them: some of those changed.
    derived: bool,
}

impl Explained {
    fn add(&mut self, changes: &[Change]) {
        self.all |= changes.iter().any(|change| change.key.reaches_further());
        self.derived |= !changes.is_empty();
    }

    fn covers(&self, key: &Key) -> bool {
        self.all || (self.derived && key.is_derived())
    }
}

/// Makes the changes of one step. What is no longer as the plan saw it must be
/// `explained` by an earlier step of this run.
fn make(
    host: &Host,
    changes: &[Change],
    explained: &Explained,
    sink: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    let mut batch: Vec<(&Key, State, &State)> = Vec::new();
    for change in changes {
        for check in &change.checks {
            check.run(host)?;
        }
        let now = resource::observe(host, &change.key)?;
        if change.after.is_met_by(&now) {
            continue;
        }
        if now != change.before && !explained.covers(&change.key) {
            return Err(Error::Other(format!(
                "{} changed while this ran, by another hand than ours; run it again to see the new plan",
                change.key
            )));
        }
        batch.push((&change.key, now, &change.after));
    }
    let borrowed: Vec<_> = batch.iter().map(|(key, now, after)| (*key, now, *after)).collect();
    resource::write(host, &borrowed, &mut |text| sink(Event::Said { text }))?;
    // What brings more than it declares has looked for itself.
    for (key, _, after) in batch.iter().filter(|(key, ..)| !key.reaches_further()) {
        if !after.is_met_by(&resource::observe(host, key)?) {
            return Err(Error::Other(format!("{key} was changed, yet is not what it should be")));
        }
    }
    Ok(())
}
