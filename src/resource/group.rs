//! `group`: a system group.

use serde::{Deserialize, Serialize};

use super::attributes::name;
use super::{Key, Overlay, State, Target, keys, user};
use crate::host::{self, Error, Host, Result};
use crate::yaml::{Decoder, Node};

/// A group with the number it should have, if that matters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    name: String,
    gid: Option<u32>,
    absent: bool,
}

impl Group {
    /// Reads the fields of a `group` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Some(Self { name: name(node, decoder)?, gid: None, absent: false });
        }
        let fields = decoder.fields(node, &keys::GROUP)?;
        let name = fields.require("name", &node.span, decoder);
        let gid = match fields.get("gid") {
            Some(entry) => Some(number(&entry.value, decoder)?),
            None => None,
        };
        let absent = fields.get("absent").is_some_and(|e| decoder.boolean(&e.value) == Some(true));
        Some(Self { name: name.and_then(|entry| self::name(&entry.value, decoder))?, gid, absent })
    }

    /// Returns the group with the number that it should have, and what belongs to
    /// it in the homes of its users.
    pub(super) fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Group(self.name.clone());
        let before = view.state(&key)?;
        let after = match (self.absent, self.gid, &before) {
            (true, ..) => State::Absent,
            (false, None, State::Group(_)) => before,
            (false, gid, _) => State::Group(gid.map(|gid| host::Group { gid })),
        };
        if let (State::Group(Some(group)), true) = (&after, view.planned(&key).is_none()) {
            let taken_by = view.host().group_name(group.gid);
            if taken_by != self.name && !taken_by.starts_with('#') {
                return Err(Error::Other(format!(
                    "the group number {} that `{}` should have belongs to the group `{taken_by}`; \
                     give that one another (groupmod --gid) first",
                    group.gid, self.name
                )));
            }
        }
        let mut targets = Vec::new();
        if let (State::Group(Some(old)), State::Group(Some(new))) = (view.state(&key)?, &after) {
            for (uid, home) in view.host().members(old.gid)? {
                let gid = Some((old.gid, new.gid));
                targets.extend(user::handover::target(view, &home, (uid, uid), gid)?);
            }
        }
        targets.push(Target { key, after });
        Ok(targets)
    }
}

/// Reads the number of a user or a group.
pub(super) fn number(node: &Node, decoder: &mut Decoder) -> Option<u32> {
    // A template that stands for the whole value leaves text, hence no `integer`.
    let text = decoder.line(node)?;
    let number = text.parse().ok().filter(|number| *number < u32::MAX);
    if number.is_none() {
        decoder.error(&node.span, "this is not a user or group number", "write decimal digits");
    }
    number
}

/// Looks a group up.
pub(super) fn observe(host: &Host, name: &str) -> Result<State> {
    Ok(host.group(name)?.map_or(State::Absent, |group| State::Group(Some(group))))
}

/// Makes, changes or removes a group.
pub(super) fn write(host: &Host, name: &str, before: &State, after: &State) -> Result<()> {
    let gid = match after {
        State::Group(Some(group)) => vec!["--gid".into(), group.gid.to_string()],
        _ => Vec::new(),
    };
    let mut argv: Vec<String> = match (before, after) {
        (State::Absent, State::Group(_)) => vec!["groupadd".into(), "--system".into()],
        (_, State::Group(_)) => vec!["groupmod".into()],
        _ => vec!["groupdel".into()],
    };
    argv.extend(gid);
    argv.extend(["--".into(), name.into()]);
    host.command(argv).run().map(drop)
}
