//! The way back: a plan whose wishes are what journals kept. Undo after a
//! failure and `rollback` both are such plans; history is never edited.

use std::collections::HashSet;

use super::journal::Record;
use super::store::Store;
use super::{Change, Plan};
use crate::host::{Host, Result};
use crate::resource::{self, Back, Key, State, View, back};

/// The way back, and what it does not go.
#[derive(Debug, Default)]
pub struct WayBack {
    /// What is to be changed back.
    pub plan: Plan,
    /// What stays, each in a sentence.
    pub stays: Vec<String>,
}

/// Plans the way back to before the oldest of `records`, which stand in the
/// order in which they were made, in one run or in several.
///
/// # Errors
///
/// Fails where a look fails or a kept content is gone.
pub fn way_back(host: &Host, records: &[Record]) -> Result<WayBack> {
    let store = Store::new(host);
    let mut view = View::new(host);
    let mut stays = Vec::new();
    let (mut first, mut puts, mut removals, mut last) = (vec![], vec![], vec![], vec![]);
    // Of several changes to one thing the oldest knows what it was. The order is
    // kept, as a table must not be older than its source.
    let mut seen = HashSet::new();
    for record in records {
        for (path, before) in &record.traces {
            let key = Key::File(path.clone());
            if seen.insert(key.clone()) {
                let before = store.fetch(before.clone())?;
                view.lay(key.clone(), before.clone());
                let list = if before == State::Absent { &mut removals } else { &mut puts };
                let now = resource::observe(host, &key)?;
                list.push(Change::new(record.step.clone(), key, now, before));
            }
        }
    }
    let mut seen = HashSet::new();
    for record in records.iter().filter(|record| seen.insert(&record.key)) {
        let (before, after) =
            (store.fetch(record.before.clone())?, store.fetch(record.after.clone())?);
        let now = resource::observe(host, &record.key)?;
        let way = back(&record.key, &before, &after, &now, &view)?;
        let (list, wish) = match way {
            Back::First(state) => (&mut first, state),
            Back::Put(state) => (&mut puts, state),
            Back::Remove => (&mut removals, State::Absent),
            Back::Last(state) => (&mut last, state),
            Back::Paths => continue,
            Back::Stays(sentence) => {
                stays.push(sentence);
                continue;
            }
        };
        list.push(Change::new(record.step.clone(), record.key.clone(), now, wish));
    }
    // What was made last goes first: a file before its folder, a folder before its owner.
    removals.sort_by_key(|change| {
        std::cmp::Reverse(records.iter().position(|record| record.key == change.key))
    });
    let all = first.into_iter().chain(puts).chain(removals).chain(last);
    let changes = all.filter(|change| !change.after.is_met_by(&change.before)).collect();
    Ok(WayBack { plan: Plan { changes, unseen: Vec::new() }, stays })
}
