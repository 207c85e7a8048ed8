//! Hands files over to a user or group whose number changes: not a step of its
//! own, but a part of a `user` or `group` step. It comes before the number
//! changes, so that a later run finds what an interrupted one left.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::host::{Host, Renumbered, Result};
use crate::resource::kind::Thing;
use crate::resource::{Key, Overlay, Said, State, Target, Undo};

/// The files below a folder that belong to an old number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Handover {
    pub folder: PathBuf,
    pub uid: Option<Renumbered>,
    pub gid: Option<Renumbered>,
}

impl Handover {
    fn reversed(&self) -> Self {
        let back = |it: Renumbered| Renumbered { from: it.to, to: it.from };
        Self { folder: self.folder.clone(), uid: self.uid.map(back), gid: self.gid.map(back) }
    }

    /// Returns whether the handover gives a path from the old number of a user,
    /// or group, to the new one.
    pub(in crate::resource) fn covers(
        &self,
        path: &Path,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> bool {
        let is_from = |number: Option<u32>, it: Option<Renumbered>| {
            number.is_some() && number == it.map(|it| it.from)
        };
        path.starts_with(&self.folder) && (is_from(uid, self.uid) || is_from(gid, self.gid))
    }

    fn goal(&self) -> String {
        numbers(self.uid.map(|it| it.to), self.gid.map(|it| it.to))
    }
}

impl fmt::Display for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = numbers(self.uid.map(|it| it.from), self.gid.map(|it| it.from));
        write!(f, "{} of {from}", self.folder.display())
    }
}

fn numbers(uid: Option<u32>, gid: Option<u32>) -> String {
    let words = [("uid", uid), ("gid", gid)];
    let words = words.into_iter().filter_map(|(word, it)| Some(format!("{word} {}", it?)));
    words.collect::<Vec<_>>().join(", ")
}

/// Hands over the files in the home of a user, if a number changes.
pub(in crate::resource) fn target(
    overlay: &Overlay<'_>,
    home: &Path,
    uid: (u32, u32),
    gid: Option<(u32, u32)>,
) -> Result<Option<Target>> {
    let changed = |(from, to)| (from != to).then_some(Renumbered { from, to });
    let (changed_uid, changed_gid) = (changed(uid), gid.and_then(changed));
    if changed_uid.is_none() && changed_gid.is_none() {
        return Ok(None);
    }
    // The step for the folder reports a dangling link.
    let behind = overlay.host().folder_behind(home).ok().flatten();
    let folder = behind.unwrap_or_else(|| home.to_owned());
    let Some(standing) = overlay.host().standing(&folder)? else { return Ok(None) };
    // A home such as `/` or `/home` is shared, and large.
    let is_own = [uid.0, uid.1].contains(&standing.uid) || folder.components().count() > 2;
    let is_root = folder.parent().is_none();
    if !standing.is_folder || is_root || !is_own {
        return Ok(None);
    }
    let handover = Handover { folder, uid: changed_uid, gid: changed_gid };
    Ok(Some(Target { key: Key::Handover(handover), after: State::Done }))
}

/// The number of files that still belong to an old number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held(u64);

impl Thing for Handover {
    const NAME: &str = "files";
    type Key = Self;
    type State = Held;

    fn name(key: &Self) -> String {
        key.to_string()
    }

    /// Counts the files to hand over.
    fn observe(host: &Host, handover: &Self) -> Result<State> {
        Ok(match host.count_held(&handover.folder, handover.uid, handover.gid)? {
            0 => State::Done,
            count => State::Handover(Held(count)),
        })
    }

    fn write(
        host: &Host,
        handover: &Self,
        _: &State,
        _: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        host.hand_over(&handover.folder, handover.uid, handover.gid)
    }

    fn undo(handover: &Self, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Instead(Key::Handover(handover.reversed()), State::Done))
    }

    fn describe(handover: &Self, before: &State, _: &State) -> Option<Vec<String>> {
        let State::Handover(Held(count)) = before else { return None };
        let files = if *count == 1 { "file changes" } else { "files change" };
        Some(vec![format!("{count} {files} hands, to {}", handover.goal())])
    }

    fn json(Held(count): &Held) -> Value {
        json!({"state": "held", "files": count})
    }

    /// Mail may arrive and leave meanwhile.
    fn is_unchanged(was: &State, now: &State) -> bool {
        matches!((was, now), (State::Handover(_), State::Handover(_) | State::Done)) || was == now
    }
}
