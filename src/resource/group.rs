//! `group`: a system group. The smallest kind of resource, complete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{ABSENT, is_true, name, number, section};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Planned, Said, State, Target, Undo, user};
use crate::host::{self, Error, Host, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A group with its number, if a step declares one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    name: String,
    gid: Option<u32>,
    absent: bool,
}

const FIELDS: Section = section(
    &[
        KeySpec::new("name", ValueType::Text, "The group's name."),
        KeySpec::new("gid", ValueType::Number, "Its number.").or("the system's choice"),
        ABSENT,
    ],
    &["name"],
);
impl Declaration for Group {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "group",
        ValueType::Either(&[ValueType::Text, ValueType::Section(&FIELDS)]),
        "A group exists.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Some(Self { name: name(node, decoder)?, gid: None, absent: false });
        }
        let fields = decoder.fields(node, &FIELDS)?;
        let name = fields.require("name", &node.span, decoder);
        let gid = match fields.get("gid") {
            Some(entry) => Some(number(&entry.value, decoder)?),
            None => None,
        };
        let absent = is_true(&fields, "absent", decoder);
        Some(Self { name: name.and_then(|entry| self::name(&entry.value, decoder))?, gid, absent })
    }

    /// Returns the group with its declared number, and the files of the group
    /// in the homes of its users.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Group(self.name.clone());
        let before = overlay.state(&key)?;
        let after = match (self.absent, self.gid, &before) {
            (true, ..) => State::Absent,
            (false, None, State::Group(_)) => before,
            (false, gid, _) => State::Group(gid.map(|gid| host::Group { gid }).into()),
        };
        if let (State::Group(Planned::Known(group)), true) =
            (&after, overlay.planned(&key).is_none())
        {
            let taken_by = overlay.host().group_name(group.gid);
            if taken_by != self.name && !taken_by.starts_with('#') {
                return Err(Error::Other(format!(
                    "the group number {} that `{}` should have belongs to the group `{taken_by}`; \
                     give that one another (groupmod --gid) first",
                    group.gid, self.name
                )));
            }
        }
        let mut targets = Vec::new();
        if let (State::Group(Planned::Known(old)), State::Group(Planned::Known(new))) =
            (overlay.state(&key)?, &after)
        {
            for (uid, home) in overlay.host().members(old.gid)? {
                let gid = Some((old.gid, new.gid));
                targets.extend(user::handover::target(overlay, &home, (uid, uid), gid)?);
            }
        }
        targets.push(Target { key, after });
        Ok(targets)
    }
}

impl Thing for Group {
    const NAME: &str = "group";
    type Key = String;
    type State = Planned<host::Group>;

    fn name(name: &String) -> String {
        name.clone()
    }

    fn observe(host: &Host, name: &String) -> Result<State> {
        Ok(host.group(name)?.map_or(State::Absent, |group| State::Group(Planned::Known(group))))
    }

    fn write(
        host: &Host,
        name: &String,
        before: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let gid = match after {
            State::Group(Planned::Known(group)) => vec!["--gid".into(), group.gid.to_string()],
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

    fn undo(_: &String, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Restore(before.clone()))
    }

    fn describe(_: &String, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::Group(Planned::Known(old)), State::Group(Planned::Known(new))) => {
                vec![format!("gid {} → {}", old.gid, new.gid)]
            }
            (State::Absent, State::Group(Planned::Known(new))) => vec![format!("gid {}", new.gid)],
            _ => return None,
        })
    }

    fn json(group: &Self::State) -> Value {
        json!({"state": "group", "gid": group.known().map(|group| group.gid)})
    }

    fn is_met(wish: &Self::State, actual: &Self::State) -> bool {
        wish.is_met_by(actual)
    }
}
