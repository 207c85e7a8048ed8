//! Plans the changes: compares each resource with the host as the earlier steps
//! will leave it. The plan makes every choice; apply makes none.

use super::change::{Change, Origin};
use super::complaint::Staged;
use super::last_known::LastKnown;
use super::staged_check::StagedCheck;
use crate::host::{Error, Host};
use crate::intent::{Affected, Intent, Step};
use crate::playbook::Declared;
use crate::resource::{Blob, Key, Overlay, Resource, State};

/// The ordered changes that bring a host into its declared state.
#[derive(Debug, Default)]
pub struct Plan {
    pub(crate) origin: Origin,
    /// In the order in which they are made.
    pub changes: Vec<Change>,
    /// The steps that could not be compared for lack of permission.
    pub unseen: Vec<Unseen>,
    /// The mailboxes that move or lose their account by the plan.
    pub affected: Vec<Affected>,
    /// The names of the steps that need no change.
    pub fulfilled: Vec<String>,
    /// The consequences to show before the question.
    pub notes: Vec<Note>,
}

/// A consequence of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The consequence, in a sentence.
    pub what: String,
    /// How to avoid it.
    pub keep: String,
}

impl Plan {
    /// Summarizes the changes in the words of mail.yml.
    pub(crate) fn intent(&self) -> Intent {
        let steps = self.changes.iter().map(|change| Step {
            key: &change.key,
            before: &change.before,
            after: &change.after,
            drift: change.drift.as_ref().map(|drift| drift.run),
        });
        Intent::of(&steps.collect::<Vec<_>>(), &self.affected)
    }

    /// Inserts a change directly before, or after, the one of another key; at
    /// the end if there is none.
    pub(crate) fn put_beside(
        &mut self,
        other: &Key,
        behind: bool,
        step: &str,
        key: Key,
        before: State,
        after: State,
    ) {
        let at = self.changes.iter().position(|change| change.key == *other);
        let at = at.map_or(self.changes.len(), |at| at + usize::from(behind));
        self.changes.insert(at, Change::new(step.to_owned(), key, before, after));
    }
}

/// A step that could not be compared for lack of permission.
#[derive(Debug)]
pub struct Unseen {
    pub(crate) step: String,
    pub(crate) reason: String,
}

/// A step that cannot be planned, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct PlanError {
    pub(crate) step: String,
    pub(crate) source: Error,
}

/// Compares the declared resources with the host. Changes nothing.
///
/// # Errors
///
/// Fails where the host cannot be read, or where apply would fail. A lack of
/// permission is not an error: the plan lists the step as unseen.
pub fn plan(host: &Host, declared: &[Declared]) -> Result<Plan, PlanError> {
    let mut overlay = Overlay::new(host);
    let mut plan = Plan::default();
    let no_journals = |source| PlanError { step: "Read the journals".into(), source };
    let last_known = LastKnown::read(host).map_err(no_journals)?;
    for Declared { step, resource, withdrawn } in declared {
        let fail = |source| PlanError { step: step.clone(), source };
        let is_ours = withdrawn.as_ref().map(|key| last_known.has_brought(key));
        let targets = match is_ours {
            None => resource.targets(&overlay),
            Some(Ok(true)) => resource.withdrawn(&overlay),
            // A run did not put it there, so it stays.
            Some(Ok(false)) => continue,
            Some(Err(reason)) => {
                plan.unseen.push(Unseen { step: step.clone(), reason: reason.to_owned() });
                continue;
            }
        };
        let compared = targets.and_then(|targets| {
            let pairs = targets.into_iter().map(|target| Ok((overlay.state(&target.key)?, target)));
            pairs.collect::<Result<Vec<_>, Error>>()
        });
        let pairs = match compared {
            Ok(pairs) => pairs,
            Err(error) if error.is_permission_denied() && !Host::is_root() => {
                plan.unseen.push(Unseen { step: step.clone(), reason: error.to_string() });
                continue;
            }
            Err(error) => return Err(fail(error)),
        };
        if withdrawn.is_none()
            && pairs.iter().all(|(before, target)| target.after.is_met_by(before))
        {
            plan.fulfilled.push(step.clone());
        }
        for (before, target) in pairs {
            if target.after.is_met_by(&before) {
                continue;
            }
            let refused = overlay
                .reject_unsafe_paths(&target.key)
                .and_then(|()| resource.reject_obstacles(&overlay));
            match refused {
                // Without root's permissions the obstacle is reported later, by apply.
                Err(error) if error.is_permission_denied() && !Host::is_root() => {}
                refused => refused.map_err(fail)?,
            }
            overlay.set(target.key.clone(), target.after.clone());
            let reason = resource.reason(&target);
            let (key, after) = (target.key, target.after);
            let mut change = Change::new(step.clone(), key, before, after);
            change.drift = last_known.drift(host, &change).map_err(fail)?;
            change.reason = reason;
            change.polled = resource.is_polled();
            plan.changes.push(change);
        }
    }
    for Declared { step, resource, .. } in declared {
        let staged = stage(resource, &overlay, &mut plan.changes);
        staged.map_err(|source| PlanError { step: step.clone(), source })?;
    }
    Ok(plan)
}

/// Runs the checks of a service if its program and all its files are in place,
/// else attaches them to the first change to its files.
fn stage(resource: &Resource, overlay: &Overlay<'_>, changes: &mut [Change]) -> Result<(), Error> {
    let Some((checks, loads)) = resource.staged_checks() else { return Ok(()) };
    let is_one = |change: &Change| {
        loads.contains(&change.key) && change.key.path().is_some() && change.after.blob().is_some()
    };
    let first = changes.iter().position(is_one);
    let (Some(first), false) = (first, checks.is_empty()) else { return Ok(()) };
    let mut files = Vec::new();
    let mut all_there = true;
    for (key, path) in loads.iter().filter_map(|key| Some((key, key.path()?))) {
        match overlay.planned(key) {
            Some(state) => {
                all_there &= state.blob().is_none_or(Blob::is_known);
                files
                    .extend(state.blob().map(|blob| Staged::new(path, &blob.content, blob.secret)));
            }
            None => match overlay.content(path) {
                // A file that no step declares, such as a key, may be secret.
                Ok(Some(content)) => files.push(Staged::new(path, &content, true)),
                Ok(None) => all_there = false,
                Err(error) if error.is_permission_denied() => all_there = false,
                Err(error) => return Err(error),
            },
        }
    }
    let staged = StagedCheck { checks: checks.to_vec(), files };
    let packages_come = changes.iter().any(|change| change.key.has_side_effects());
    if all_there && !packages_come && Host::is_root() {
        return staged.run(overlay.host());
    }
    changes[first].checks.push(staged);
    Ok(())
}
