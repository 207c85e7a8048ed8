//! `secret`: a line of random text that is made once, such as a key by which a
//! program knows its own addresses again. It is never replaced, and an undo keeps it.

use std::path::PathBuf;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::attributes::{DeclaredOwnership, GROUP_OF, MODE, OWNER, PATH, path, section};
use super::describe::{owned, ownership_differences};
use super::file::ownership_once_made;
use super::kind::{Declaration, Thing};
use super::public_key::unusable;
use super::state::owned_json;
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::secret::random_bytes;
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A path with the owner and mode that a step declares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RandomSecret {
    path: PathBuf,
    declared: DeclaredOwnership,
}

const FIELDS: Section =
    section(&[PATH, OWNER, GROUP_OF, MODE.or("`\"0600\"` for a new one")], &["path"]);
impl Declaration for RandomSecret {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "secret",
        ValueType::Section(&FIELDS),
        "A file with a line of random text is there, made once and never replaced.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let declared = DeclaredOwnership::decode(&fields, decoder);
        Some(Self { path: path?, declared })
    }

    /// Returns the present secret with the declared owner, else a new one.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::RandomSecret(self.path.clone());
        let actual = match overlay.state(&key)? {
            State::RandomSecret(ownership) => Some(ownership),
            _ => None,
        };
        let ownership = ownership_once_made(overlay, &self.path, &self.declared, actual.as_ref())?;
        Ok(vec![Target { key, after: State::RandomSecret(ownership) }])
    }

    fn loadable(&self) -> Vec<Key> {
        vec![Key::File(self.path.clone())]
    }
}

impl Thing for RandomSecret {
    const NAME: &str = "secret";
    type Key = PathBuf;
    type State = Ownership;

    fn name(path: &PathBuf) -> String {
        path.display().to_string()
    }

    fn observe(host: &Host, path: &PathBuf) -> Result<State> {
        match host.entry(path)? {
            None => Ok(State::Absent),
            Some(Entry::File { content, .. }) if content.bytes().trim_ascii().is_empty() => {
                Err(unusable(path, "is empty"))
            }
            Some(Entry::File { ownership, .. }) => Ok(State::RandomSecret(ownership)),
            Some(_) => Err(unusable(path, "is no file")),
        }
    }

    /// Makes a missing secret. Of an existing one it only changes owner and mode.
    fn write(
        host: &Host,
        path: &PathBuf,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::RandomSecret(ownership) = after else {
            return Err(Error::Other("a secret is never removed".into()));
        };
        let content = match host.read(path)? {
            Some(content) => content,
            None => random()?,
        };
        host.put_file(path, &content, ownership)
    }

    /// Keeps the secret: what was made by it goes on to be known.
    fn undo(_: &PathBuf, before: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(match before {
            State::RandomSecret(_) => Undo::Restore(before.clone()),
            _ => Undo::FilesOnly,
        })
    }

    fn describe(_: &PathBuf, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::RandomSecret(old), State::RandomSecret(new)) => ownership_differences(old, new),
            (State::Absent, State::RandomSecret(new)) => vec!["random".into(), owned(new)],
            _ => return None,
        })
    }

    fn json(ownership: &Ownership) -> Value {
        owned_json("secret", ownership).into()
    }
}

/// Returns a line of 192 random bits.
fn random() -> Result<Content> {
    let none = || Error::Other("there are no random numbers".into());
    let bytes = random_bytes::<24>().ok_or_else(none)?;
    Ok(Content::new(Base64::encode_string(&bytes) + "\n"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_never_replaced() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("etc")).unwrap();
        let (user, group) = (nix::unistd::getuid(), nix::unistd::getgid());
        let names = |file: &str, line: String| {
            std::fs::write(tree.path().join("etc").join(file), line).unwrap();
        };
        names("passwd", format!("me:x:{user}:{group}::/:/bin/sh\n"));
        names("group", format!("me:x:{group}:\n"));
        let host = Host::open(tree.path()).unwrap();
        let path = PathBuf::from("/etc/secret");
        let write = |mode| {
            let after = State::RandomSecret(Ownership::new("me", "me", mode));
            RandomSecret::write(&host, &path, &State::Absent, &after, &mut |_| {}).unwrap();
            assert_eq!(RandomSecret::observe(&host, &path).unwrap(), after);
            host.read(&path).unwrap().unwrap().bytes().to_vec()
        };
        assert_eq!(RandomSecret::observe(&host, &path).unwrap(), State::Absent);
        let made = write(0o600);
        assert_eq!(made.len(), 33);
        assert_eq!(write(0o640), made);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&tree.path().join("etc/secret")), 0o640);
        assert_ne!(random().unwrap().bytes(), random().unwrap().bytes());
        std::fs::write(tree.path().join("etc/secret"), "\n").unwrap();
        assert!(RandomSecret::observe(&host, &path).unwrap_err().to_string().contains("is empty"));
    }
}
