//! `data_file`: a file that a program keeps its data in. It is made empty; from then on
//! its content is the program's, so only owner and mode are compared. It goes with all
//! that is in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attributes::{
    ABSENT, DeclaredOwnership, GROUP_OF, MODE, OWNER, PATH, is_true, path, section,
};
use super::describe::{owned, ownership_differences};
use super::file::ownership_once_made;
use super::kind::{Declaration, Thing};
use super::state::owned_json;
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A path with the owner and mode that a step declares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataFile {
    path: PathBuf,
    declared: DeclaredOwnership,
    absent: bool,
}

const FIELDS: Section =
    section(&[PATH, OWNER, GROUP_OF, MODE.or("`\"0600\"` for a new one"), ABSENT], &["path"]);
impl Declaration for DataFile {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "data_file",
        ValueType::Section(&FIELDS),
        "A file is there that a program keeps its data in.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let absent = is_true(&fields, "absent", decoder);
        let declared = DeclaredOwnership::decode(&fields, decoder);
        Some(Self { path: path?, declared, absent })
    }

    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::DataFile(self.path.clone());
        if self.absent {
            return Ok(vec![Target { key, after: State::Absent }]);
        }
        let actual = match overlay.state(&key)? {
            State::DataFile(ownership) => Some(ownership),
            _ => None,
        };
        let ownership = ownership_once_made(overlay, &self.path, &self.declared, actual.as_ref())?;
        Ok(vec![Target { key, after: State::DataFile(ownership) }])
    }

    fn key(&self) -> Option<Key> {
        Some(Key::DataFile(self.path.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["path"])
    }
}

impl Thing for DataFile {
    const NAME: &str = "data_file";
    type Key = PathBuf;
    type State = Ownership;

    fn name(path: &PathBuf) -> String {
        path.display().to_string()
    }

    fn observe(host: &Host, path: &PathBuf) -> Result<State> {
        match host.entry(path)? {
            None => Ok(State::Absent),
            Some(Entry::File { ownership, .. }) => Ok(State::DataFile(ownership)),
            Some(_) => Err(Error::Other(format!(
                "{} is not a file; move it away, then apply again",
                path.display()
            ))),
        }
    }

    fn write(
        host: &Host,
        path: &PathBuf,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::DataFile(ownership) = after else { return host.remove(path) };
        let content = host.read(path)?.unwrap_or_else(|| Content::new([]));
        host.put_file(path, &content, ownership)
    }

    fn undo(_: &PathBuf, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Restore(before.clone()))
    }

    fn describe(_: &PathBuf, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::DataFile(old), State::DataFile(new)) => ownership_differences(old, new),
            (State::Absent, State::DataFile(new)) => vec!["empty".into(), owned(new)],
            _ => return None,
        })
    }

    fn json(ownership: &Ownership) -> Value {
        owned_json("data_file", ownership).into()
    }
}
