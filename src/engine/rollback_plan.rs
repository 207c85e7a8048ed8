//! Plans a rollback: a plan whose wanted states are those of journals. The undo
//! of a failed run and `rollback` are both such plans. Journals are never
//! edited.

use std::collections::{HashMap, HashSet, hash_map};

use super::content_store::ContentStore;
use super::journal::Record;
use super::{Change, Plan};
use crate::host::{Host, Result};
use crate::resource::{self, Key, Overlay, State, Undo, dependents_of, returning};

/// A plan to revert changes, and the limits of it.
#[derive(Debug, Default)]
pub(crate) struct RollbackPlan {
    pub plan: Plan,
    /// The things that stay as they are, each in a sentence.
    pub not_reverted: Vec<String>,
}

/// Plans the rollback to before the oldest of `records`, which are in the order
/// in which they were made, by one or several runs. `purge`: also removes the
/// packages that they installed.
pub(crate) fn rollback_plan(host: &Host, records: &[Record], purge: bool) -> Result<RollbackPlan> {
    let store = ContentStore::new(host);
    let mut overlay = Overlay::new(host);
    // Of several changes to one thing the oldest has its former state.
    let mut traces = HashMap::new();
    for (path, before) in records.iter().flat_map(|record| &record.traces) {
        if let hash_map::Entry::Vacant(entry) = traces.entry(path) {
            let before = store.get(before.clone())?;
            overlay.set(Key::at(path.clone()), before.clone());
            entry.insert(before);
        }
    }
    let (mut not_reverted, mut installed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let (mut first, mut last, mut purged) = (vec![], vec![], vec![]);
    let (mut returns, mut puts, mut removals) = (vec![], vec![], vec![]);
    // By name, since the service may have been declared with other endpoints.
    let mut seen = HashSet::new();
    for record in records {
        let paths = record.traces.iter().filter_map(|(path, _)| {
            Some((Key::at(path.clone()), Undo::Restore(traces.remove(path)?)))
        });
        let mut ways: Vec<(Key, Undo)> = paths.collect();
        if seen.insert(record.key.to_string()) {
            let (before, after) =
                (store.get(record.before.clone())?, store.get(record.after.clone())?);
            let now = resource::observe(host, &record.key)?;
            ways.push((record.key.clone(), record.key.undo(&before, &after, &now, &overlay)?));
        }
        for (key, way) in ways {
            let key_now = if let Undo::Instead(key, _) = &way { key } else { &key };
            let now = resource::observe(host, key_now)?;
            let (list, key, wish) = match way {
                Undo::Before(state) => (&mut first, key, state),
                Undo::Restore(State::Absent) => (&mut removals, key, State::Absent),
                Undo::Restore(state) if state.is_special() && state != now => {
                    not_reverted
                        .push(format!("{key} was a socket or a device, which is not made again"));
                    continue;
                }
                Undo::Restore(state) if now == State::Absent => (&mut returns, key, state),
                Undo::Restore(state) => (&mut puts, key, state),
                Undo::Around(before, after) => {
                    let change =
                        |wish| Change::new(record.step.clone(), key.clone(), now.clone(), wish);
                    first.push(change(before));
                    last.push(change(after));
                    continue;
                }
                Undo::Instead(key, state) => (&mut puts, key, state),
                Undo::After(key, state) => (&mut last, key, state),
                Undo::Purge if purge => {
                    let mut change = Change::new(record.step.clone(), key, now, State::Absent);
                    change.reason = Some("brought by what is taken back".into());
                    purged.push(change);
                    continue;
                }
                Undo::Reinstall(before) => {
                    gone.push((key, before));
                    continue;
                }
                Undo::FilesOnly => continue,
                Undo::Purge => {
                    installed.push(key);
                    continue;
                }
                Undo::Irreversible(sentence) => {
                    not_reverted.push(sentence);
                    continue;
                }
            };
            let mut change = Change::new(record.step.clone(), key, now, wish);
            change.polled = record.polled;
            list.push(change);
        }
    }
    let returning = returning(host, &gone)?;
    not_reverted.extend(returning.not_reverted);
    let mut comes_back: Vec<Change> = Vec::new();
    for target in returning.targets {
        if purged.iter().any(|change: &Change| change.key == target.key) {
            continue;
        }
        installed.retain(|key| *key != target.key);
        let now = resource::observe(host, &target.key)?;
        let step = "Bring back what was removed".into();
        let mut change = Change::new(step, target.key, now, target.after);
        if change.after == State::Absent {
            change.reason = Some("makes way for what comes back".into());
        }
        comes_back.push(change);
    }
    if !installed.is_empty() {
        let installed: Vec<_> = installed.iter().map(ToString::to_string).collect();
        not_reverted.push(format!("what was installed stays: {}", installed.join(", ")));
    }
    // Reverts in reverse order: a created file goes before its folder, and a removed folder
    // comes back before its files. Updates keep the order of the steps.
    returns.reverse();
    removals.reverse();
    let removals = keep_what_is_filled(host, removals, &mut not_reverted)?;
    let all = first.into_iter().chain(returns).chain(puts).chain(removals);
    let is_change = |change: &Change| !change.after.is_met_by(&change.before);
    let mut changes: Vec<Change> = all.filter(is_change).collect();
    // An interrupted or failed run may have changed the files of a service but not reached the
    // service, or the source of a table but not the table.
    let files: Vec<&Key> = changes.iter().map(|change| &change.key).collect();
    let dependents = dependents_of(&files, &overlay)?;
    let put_right = |wishes: Vec<(Key, State)>| {
        let is_on_its_way = |key: &Key| {
            let mut planned = changes.iter().chain(&last);
            planned.any(|change| change.key.to_string() == key.to_string())
        };
        let others = wishes.into_iter().filter(|(key, _)| !is_on_its_way(key));
        let change = |(key, wish): (Key, State)| {
            let now = resource::observe(host, &key)?;
            Ok(Change::new("Put right what uses these files".into(), key, now, wish))
        };
        others.map(change).collect::<Result<Vec<_>>>()
    };
    let (compiled, running) = (put_right(dependents.compiled)?, put_right(dependents.running)?);
    // Packages come before the services that run by them. A service that the run had not
    // reached follows those that it had, since it may need them.
    let packages = purged.into_iter().chain(comes_back);
    let rest = compiled.into_iter().chain(packages).chain(last).chain(running);
    changes.extend(rest.filter(is_change));
    Ok(RollbackPlan { plan: Plan { changes, ..Plan::default() }, not_reverted })
}

/// Leaves out the removal of folders in which others put files since, such as
/// mail, and reports them. The contents of a folder go before it.
fn keep_what_is_filled(
    host: &Host,
    removals: Vec<Change>,
    not_reverted: &mut Vec<String>,
) -> Result<Vec<Change>> {
    let mut gone = HashSet::new();
    let mut kept = Vec::new();
    for change in removals {
        if let Some(path) = change.key.path().filter(|_| change.before.is_directory()) {
            let names = host.list(path)?;
            if names.iter().any(|name| !gone.contains(&path.join(name))) {
                not_reverted.push(format!("{} stays, since something is in it", path.display()));
                continue;
            }
        }
        if let Some(path) = change.key.path() {
            gone.insert(path.to_owned());
        }
        kept.push(change);
    }
    Ok(kept)
}
