//! The common parts of describing a change.

use std::fmt;

use super::State;
use crate::host::Ownership;

/// What a change does, as its symbol shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Create,
    Update,
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// Returns what a change from `before` to `after` does.
pub(crate) fn action(before: &State, after: &State) -> Action {
    match (before, after) {
        (State::Absent, _) => Action::Create,
        (_, State::Absent) => Action::Delete,
        _ => Action::Update,
    }
}

/// Describes the difference of two owners, groups and modes.
pub(super) fn ownership_differences(old: &Ownership, new: &Ownership) -> Vec<String> {
    [
        ("owner", old.owner.clone(), new.owner.clone()),
        ("group", old.group.clone(), new.group.clone()),
        ("mode", format!("{:04o}", old.mode), format!("{:04o}", new.mode)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .map(|(name, old, new)| format!("{name} {old} → {new}"))
    .collect()
}

/// Describes the owner of a thing.
pub(super) fn owned(ownership: &Ownership) -> String {
    format!("{}:{} {:04o}", ownership.owner, ownership.group, ownership.mode)
}
