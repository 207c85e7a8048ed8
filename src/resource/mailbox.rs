//! A mailbox that gets another place: no step of its own, but what a plan adds
//! where an account is called otherwise, or mailboxes lie elsewhere.
//!
//! Mail may come at any moment, by the old name or by the new one. So first both
//! names lead to the one folder, by a link at the new place; then the accounts
//! change; then folder and link trade places, and the link goes. Nothing is ever
//! put into a mailbox that is there already.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::kind::Thing;
use super::{Overlay, Said, State, Undo};
use crate::host::{Entry, Host, Ownership, Result};

/// The home of a mailbox, and where it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Removal {
    /// The old home.
    pub from: PathBuf,
    /// The new one.
    pub to: PathBuf,
}

/// Where a mailbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the old place only.
    Old,
    /// At the old place, and a link at the new one leads there.
    Both,
    /// At the new place, and the link, which leads nowhere, is at the old one.
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

    /// Looks where it is. `Special` where each place is somebody's.
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

    /// Brings it from one place to the next.
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

    /// By an earlier step it is on its way.
    fn is_unchanged(was: &State, now: &State) -> bool {
        matches!((was, now), (State::Mailbox(_), State::Mailbox(_))) || was == now
    }

    /// Ends what a run left that was cut off between the two.
    fn cleanup_key(host: &Host, removal: &Self) -> Result<()> {
        match Self::observe(host, removal)? {
            State::Mailbox(Place::Traded) => host.remove(&removal.from),
            _ => Ok(()),
        }
    }
}

/// Makes the folder of the new place, such as that of a domain, as the mailbox
/// itself is.
fn make_above(host: &Host, from: &Path, to: &Path) -> Result<()> {
    let Some(above) = to.parent() else { return Ok(()) };
    if host.exists(above)? {
        return Ok(());
    }
    let Some(Entry::Directory(of)) = host.entry(from)? else { return Ok(()) };
    host.put_directory(above, &Ownership::new(&of.owner, &of.group, 0o700))
}

/// Removes the folder of the new place again, if nothing is in it.
fn remove_above(host: &Host, from: &Path, to: &Path) -> Result<()> {
    match to.parent().filter(|above| from.parent() != Some(above)) {
        Some(above) if host.list(above)?.is_empty() => host.remove(above),
        _ => Ok(()),
    }
}
