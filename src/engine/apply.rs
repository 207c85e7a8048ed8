//! Makes the changes of a plan, in order, and verifies each one. If one fails,
//! undoes those before it.

use std::path::Path;
use std::time::Instant;

use super::journal::{Journal, Outcome};
use super::last_known::LastKnown;
use super::rollback_plan::rollback_plan;
use super::{Change, Event, Plan, STATE_DIR};
use crate::fault::{Point, pass};
use crate::host::{Error, Host, Result, wait_for_next_second};
use crate::resource::{self, Key, Said, State};

/// A run that failed or was interrupted.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct Failure {
    pub(crate) step: String,
    pub(crate) source: Error,
    /// The things that are not as they were before the run, each in a sentence.
    pub(crate) left: Vec<String>,
}

struct Run<'r> {
    host: &'r Host,
    journal: Journal<'r>,
    last_known: LastKnown,
    sink: &'r mut dyn FnMut(Event<'_>),
    /// Whether an earlier step of the run may have changed more than it
    /// declares, as a package does.
    explained: bool,
}

/// Makes the changes of `plan`, as the run of `command`. Calls `stop` before
/// each step; when it returns true, undoes the run.
///
/// # Errors
///
/// Fails at the first change that fails, or that finds its key no longer as
/// planned. By then the run is undone.
pub fn apply(
    host: &Host,
    plan: &Plan,
    command: &str,
    stop: &dyn Fn() -> bool,
    sink: &mut dyn FnMut(Event<'_>),
) -> std::result::Result<(), Failure> {
    let fail = |source| Failure { step: "Keep a journal".into(), source, left: Vec::new() };
    let last_known = LastKnown::read(host).map_err(fail)?;
    let journal = Journal::begin(host, command, &plan.origin).map_err(fail)?;
    let mut run = Run { host, journal, last_known, sink, explained: false };
    let ended = |run: &Run<'_>| {
        let ended = run.journal.ended(Outcome::Applied);
        ended.map_err(|source| ("Keep a journal".to_owned(), source))
    };
    let Err((step, source)) = run.make_all(&plan.changes, stop).and_then(|()| ended(&run)) else {
        return Ok(());
    };
    let left = run.undo(&source);
    Err(Failure { step, source, left })
}

/// Groups consecutive changes of one step, so that apt is called once.
fn steps(changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    changes.chunk_by(|a, b| a.step == b.step && a.key.kind() == b.key.kind())
}

impl Run<'_> {
    fn make_all(
        &mut self,
        changes: &[Change],
        stop: &dyn Fn() -> bool,
    ) -> std::result::Result<(), (String, Error)> {
        for changes in steps(changes) {
            let step = &changes[0].step;
            if stop() {
                return Err((step.clone(), Error::Other("told to stop before this step".into())));
            }
            self.make(changes, false).map_err(|source| (step.clone(), source))?;
        }
        if stop() {
            return Err(("The end".into(), Error::Other("told to stop".into())));
        }
        Ok(())
    }

    /// Makes the changes of one step. `back`: this is the undo, where the
    /// current state does not matter and the journal has all former states
    /// already, so that a full disk cannot prevent it.
    fn make(&mut self, changes: &[Change], back: bool) -> Result<()> {
        let start = Instant::now();
        let known: Vec<Change> =
            changes.iter().map(|change| change.made_known(self.host)).collect::<Result<_>>()?;
        let changes = &known[..];
        (self.sink)(Event::Started { changes });
        let mut batch: Vec<(&Key, State, &State)> = Vec::new();
        let mut numbers = Vec::new();
        for change in changes {
            for check in &change.checks {
                check.run(self.host)?;
            }
            let now = resource::observe(self.host, &change.key)?;
            let is_met = change.after.is_met_by(&now);
            let is_unchanged = change.key.is_unchanged_since_plan(&change.before, &now);
            if !is_met && !is_unchanged && !self.explained && !back {
                return Err(Error::Other(format!(
                    "{} changed while this ran, by another hand than ours; run it again to see \
                     the new plan",
                    change.key
                )));
            }
            if !back {
                // A package of this run may have brought the state already. The plan announced
                // the change, so the journal records it for the undo.
                numbers.push(self.journal.record_before(change)?);
            }
            if !is_met {
                // The plan knows more of the former state than is left of it after this run's
                // steps.
                let before = if is_unchanged { change.before.clone() } else { now };
                batch.push((&change.key, before, &change.after));
            }
        }
        let borrowed: Vec<_> = batch.iter().map(|(key, now, after)| (*key, now, *after)).collect();
        resource::write(self.host, &borrowed, &mut |said| {
            (self.sink)(match said {
                Said::Doing(text) => Event::Said { text },
                Said::Warning(text) => Event::Warned { text },
            });
        })?;
        pass(Point::Change).map_err(|error| Error::system("go on", error))?;
        // Changes with side effects verify themselves.
        for (key, _, after) in batch.iter().filter(|(key, ..)| !key.has_side_effects()) {
            if !after.is_met_by(&resource::observe(self.host, key)?) {
                return Err(Error::Other(format!("{key} did not reach its planned state")));
            }
        }
        if changes.iter().any(|change| change.polled) && !batch.is_empty() {
            wait_for_next_second();
        }
        let noted = self.last_known.note(self.host, self.journal.number(), changes);
        if !back {
            noted?;
        }
        numbers.into_iter().try_for_each(|number| self.journal.record_done(number))?;
        self.explained |= changes.iter().any(|change| change.key.has_side_effects());
        (self.sink)(Event::Finished { changes, elapsed: start.elapsed() });
        Ok(())
    }

    /// Undoes the run as far as possible, and returns what remains changed.
    fn undo(&mut self, error: &Error) -> Vec<String> {
        (self.sink)(Event::Undoing);
        let mut left = Vec::new();
        // Files of mailprov's own are not part of the host's state. If they cannot be written,
        // as on a full disk, the next plan only does more than it must.
        let is_about_the_host = |error: &Error| !error.is_below(Path::new(STATE_DIR));
        let mut note = |result: Result<()>| {
            left.extend(result.err().filter(is_about_the_host).map(|error| error.to_string()));
        };
        // Undo even if the journal cannot be written. A run without an end counts as
        // interrupted, and is undone the same way.
        let _ = self.journal.undoing(&error.to_string());
        let records = self.journal.records().to_vec();
        let mut not_reverted = Vec::new();
        match rollback_plan(self.host, &records, false) {
            Ok(back) => {
                not_reverted = back.not_reverted;
                // A failed change does not keep others from being undone; apt is called once.
                let is_one = |a: &Change, b: &Change| {
                    a.step == b.step && a.key.has_side_effects() && b.key.has_side_effects()
                };
                for changes in back.plan.changes.chunk_by(is_one) {
                    note(self.make(changes, true));
                }
            }
            Err(error) => note(Err(error)),
        }
        left.extend(not_reverted);
        let outcome = match left.is_empty() {
            true => Outcome::Undone,
            false => Outcome::Broken { left: left.clone() },
        };
        let _ = self.journal.ended(outcome);
        left
    }
}
