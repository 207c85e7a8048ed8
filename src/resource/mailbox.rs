//! Moves a mailbox: not a step of its own, but an addition to a plan that
//! renames accounts or moves mailboxes.
//!
//! Mail may arrive at any moment, by the old name or by the new one. So first a
//! link at the new place makes both names lead to the one folder; then the
//! accounts change; then folder and link trade places, and the link is removed.
//! An existing mailbox is never merged into.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kind::Thing;
use super::{Overlay, Said, State, Undo};
use crate::host::{Entry, Host, Ownership, Result};

/// The old and the new home of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Removal {
    pub from: PathBuf,
    pub to: PathBuf,
}

/// Where a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the old place only.
    Old,
    /// At the old place, with a link to it at the new one.
    Both,
    /// At the new place, with the dangling link at the old one.
    Traded,
    /// At the new place only.
    New,
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from.display(), self.to.display())
    }
}

impl Thing for Removal {
    const NAME: &str = "mailbox";
    type Key = Self;
    type State = Place;

    fn name(key: &Self) -> String {
        key.to_string()
    }

    /// Finds the mailbox. Returns `Special` where both places hold one.
    fn observe(host: &Host, Self { from, to }: &Self) -> Result<State> {
        let is_ours = |target: &Path| target == from;
        Ok(match (host.entry(from)?, host.entry(to)?) {
            (None, None) => State::Absent,
            (Some(Entry::Directory(_)), None) => State::Mailbox(Place::Old),
            (Some(Entry::Directory(_)), Some(Entry::Link { target })) if is_ours(&target) => {
                State::Mailbox(Place::Both)
            }
            (Some(Entry::Link { target }), Some(Entry::Directory(_))) if is_ours(&target) => {
                State::Mailbox(Place::Traded)
            }
            (None, Some(Entry::Directory(_))) => State::Mailbox(Place::New),
            _ => State::Special,
        })
    }

    /// Moves it from one place to the next.
    fn write(
        host: &Host,
        removal: &Self,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let Self { from, to } = removal;
        let State::Mailbox(wish) = after else { return Ok(()) };
        loop {
            let State::Mailbox(now) = Self::observe(host, removal)? else { return Ok(()) };
            match (now, wish) {
                (now, wish) if now == *wish => return Ok(()),
                (Place::Old, _) => {
                    make_above(host, from, to)?;
                    host.put_link(to, from)?;
                }
                (Place::Both, Place::Old) => {
                    host.remove(to)?;
                    remove_above(host, from, to)?;
                }
                (Place::Both, _) => host.trade_with_link(from, to)?,
                (Place::Traded, _) => host.remove(from)?,
                (Place::New, _) => host.trade_back(from, to)?,
            }
        }
    }

    fn undo(
        removal: &Self,
        before: &State,
        _: &State,
        now: &State,
        _: &Overlay<'_>,
    ) -> Result<Undo> {
        Ok(match (before, now) {
            (State::Mailbox(_), State::Mailbox(_)) => {
                Undo::Around(State::Mailbox(Place::Both), State::Mailbox(Place::Old))
            }
            _ => Undo::Irreversible(format!(
                "the mailbox {} stays, since something is in {}",
                removal.to.display(),
                removal.from.display()
            )),
        })
    }

    fn describe(_: &Self, before: &State, after: &State) -> Option<Vec<String>> {
        let (State::Mailbox(_), State::Mailbox(place)) = (before, after) else { return None };
        let text = match place {
            Place::Old => "back at the old place",
            Place::Both => "at both places, while the accounts change",
            Place::Traded | Place::New => "at the new place",
        };
        Some(vec![text.into()])
    }

    fn json(place: &Place) -> Value {
        json!({"state": "mailbox", "place": place})
    }

    /// An earlier step may have moved it part of the way.
    fn is_unchanged(was: &State, now: &State) -> bool {
        matches!((was, now), (State::Mailbox(_), State::Mailbox(_))) || was == now
    }

    /// Completes the exchange of an interrupted run.
    fn cleanup_key(host: &Host, removal: &Self) -> Result<()> {
        match Self::observe(host, removal)? {
            State::Mailbox(Place::Traded) => host.remove(&removal.from),
            _ => Ok(()),
        }
    }
}

/// Creates the parent folder of the new place, such as that of a domain, with
/// the owner and mode of the mailbox.
fn make_above(host: &Host, from: &Path, to: &Path) -> Result<()> {
    let Some(above) = to.parent() else { return Ok(()) };
    if host.exists(above)? {
        return Ok(());
    }
    let Some(Entry::Directory(of)) = host.entry(from)? else { return Ok(()) };
    host.put_directory(above, &Ownership::new(&of.owner, &of.group, 0o700))
}

/// Removes the parent folder of the new place again, if it is empty.
fn remove_above(host: &Host, from: &Path, to: &Path) -> Result<()> {
    match to.parent().filter(|above| from.parent() != Some(above)) {
        Some(above) if host.list(above)?.is_empty() => host.remove(above),
        _ => Ok(()),
    }
}
