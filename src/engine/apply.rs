//! Makes the changes of a plan, in order, and looks after each that it holds.
//! All or back: where one fails, those before it are undone.

use std::path::Path;
use std::time::Instant;

use super::journal::{Journal, Outcome};
use super::last_known::LastKnown;
use super::rollback_plan::rollback_plan;
use super::{Change, Event, Plan, STATE_DIR};
use crate::fault::{Point, pass};
use crate::host::{Error, Host, Result, wait_for_next_second};
use crate::resource::{self, Key, Said, State};

/// A run that failed, or was told to stop.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct Failure {
    /// The step that failed.
    pub step: String,
    /// Why.
    pub source: Error,
    /// What is not as it was before the run, each in a sentence.
    pub left: Vec<String>,
}

/// A run that is under way.
struct Run<'r> {
    host: &'r Host,
    journal: Journal<'r>,
    last_known: LastKnown,
    sink: &'r mut dyn FnMut(Event<'_>),
    /// An earlier step may have changed more than it declares, as a package does.
    explained: bool,
}

/// Makes the changes of `plan`, as the run of `command`. `stop` is asked before
/// each step; once it says yes, the run is undone.
///
/// # Errors
///
/// Fails at the first change that fails, or before one to something that is no
/// longer what the plan saw. What was done by then is undone.
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

/// Consecutive changes of one step are made as one: apt is called once.
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

    /// Makes the changes of one step. `back`: on the way back, where what is
    /// there now does not matter, and all that was is in the journal already: a
    /// disk that is full must not keep us from it.
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
                // What is met already may have been brought by a package of this run: the plan
                // announced it, and the way back leads past it.
                numbers.push(self.journal.record_before(change)?);
            }
            if !is_met {
                // What the plan saw says more than what this run made of it since.
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
        pass(Point::Change).map_err(|error| Error::Other(error.to_string()))?;
        // What brings more than it declares has looked for itself.
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

    /// Undoes what the run did, as far as that goes, and returns what is left.
    fn undo(&mut self, error: &Error) -> Vec<String> {
        (self.sink)(Event::Undoing);
        let mut left = Vec::new();
        // What we keep for ourselves is no part of the host: without it, as on a full disk, the
        // next plan only asks for more than it must.
        let is_about_the_host = |error: &Error| !error.is_below(Path::new(STATE_DIR));
        let mut note = |result: Result<()>| {
            left.extend(result.err().filter(is_about_the_host).map(|error| error.to_string()));
        };
        // A journal that takes no more is no reason to leave the host as it is. Without an end the
        // run counts as cut off, whose way back is the same.
        let _ = self.journal.undoing(&error.to_string());
        let records = self.journal.records().to_vec();
        let mut not_reverted = Vec::new();
        match rollback_plan(self.host, &records, false) {
            Ok(back) => {
                not_reverted = back.not_reverted;
                // What fails keeps nothing else from coming back; apt is called once.
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
