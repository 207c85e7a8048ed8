//! The membership of a user in a group besides its main one: a part of a `user`
//! step.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::host::{Host, Result};
use crate::resource::kind::Thing;
use crate::resource::{Overlay, Said, State, Undo};

/// A user and one of its groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    pub(crate) user: String,
    pub group: String,
}

impl Thing for Membership {
    const NAME: &str = "member";
    type Key = Self;
    type State = ();

    fn name(Self { user, group }: &Self) -> String {
        format!("{user} of {group}")
    }

    fn observe(host: &Host, Self { user, group }: &Self) -> Result<State> {
        let Some(content) = host.read(Path::new("/etc/group"))? else { return Ok(State::Absent) };
        let text = String::from_utf8_lossy(content.bytes());
        let is_member = text.lines().any(|line| {
            let mut fields = line.split(':');
            fields.next() == Some(group)
                && fields.nth(2).is_some_and(|members| members.split(',').any(|it| it == user))
        });
        Ok(if is_member { State::Done } else { State::Absent })
    }

    fn write(
        host: &Host,
        Self { user, group }: &Self,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let option = if *after == State::Absent { "--delete" } else { "--add" };
        host.command(["gpasswd", option, user, group]).run().map(drop)
    }

    fn undo(_: &Self, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Restore(before.clone()))
    }
}
