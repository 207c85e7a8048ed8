//! `file`, `directory` and `link`: what stands at a path. One key for all
//! three, since a path holds one of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attributes::{Assets, Declared, content, path};
use super::{Blob, Key, Overlay, State, Target, keys};
use crate::digest::Digest;
use crate::host::{self, Content, Entry, Error, Host, Result};
use crate::yaml::{Decoder, Fields, Node};

/// A step's path and what should stand there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct File {
    path: PathBuf,
    desired: Desired,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Desired {
    Absent,
    File {
        content: Option<Wanted>,
        secret: bool,
        /// Its reader looks once a second whether it changed.
        polled: bool,
        declared: Declared,
    },
    Directory(Declared),
    Link {
        target: PathBuf,
    },
}

/// What a file should hold. It is written down as its digest, which tells
/// whether a file holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Digest", into = "Digest")]
enum Wanted {
    Content(Content),
    ContentOf(Digest),
}

impl From<Digest> for Wanted {
    fn from(digest: Digest) -> Self {
        Self::ContentOf(digest)
    }
}

impl From<Wanted> for Digest {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Content(content) => Self::of(content.bytes()),
            Wanted::ContentOf(digest) => digest,
        }
    }
}

impl Wanted {
    /// Returns the content, given what is there: that may be it.
    fn content(&self, there: Option<&Content>) -> Result<Content> {
        match self {
            Self::Content(content) => Ok(content.clone()),
            Self::ContentOf(digest) => there
                .filter(|content| Digest::of(content.bytes()) == *digest)
                .cloned()
                .ok_or_else(|| Error::Other("of this content only the digest is known".into())),
        }
    }
}

impl File {
    /// Reads the fields of a `file` step.
    pub(super) fn decode_file(
        node: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Self> {
        let fields = decoder.fields(node, &keys::FILE)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let secret = is_true(&fields, "secret", decoder);
        let polled = is_true(&fields, "polled", decoder);
        let desired = if is_true(&fields, "absent", decoder) {
            Desired::Absent
        } else {
            let declared = Declared::decode(&fields, decoder);
            let content = content(&fields, assets, decoder)?.map(Wanted::Content);
            Desired::File { content, secret, polled, declared }
        };
        Some(Self { path: path?, desired })
    }

    /// Reads the fields of a `directory` step.
    pub(super) fn decode_directory(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &keys::DIRECTORY)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let desired = if is_true(&fields, "absent", decoder) {
            Desired::Absent
        } else {
            Desired::Directory(Declared::decode(&fields, decoder))
        };
        Some(Self { path: path?, desired })
    }

    /// Reads the fields of a `link` step.
    pub(super) fn decode_link(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &keys::LINK)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let desired = if is_true(&fields, "absent", decoder) {
            Desired::Absent
        } else {
            let target = fields.require("target", &node.span, decoder)?;
            Desired::Link { target: decoder.line(&target.value)?.into() }
        };
        Some(Self { path: path?, desired })
    }

    /// Wants a file of root's with this content, which is never shown.
    pub(super) fn secret(path: PathBuf, content: &str, mode: u32) -> Self {
        let content = Some(Wanted::Content(Content::new(content.as_bytes().to_vec())));
        let declared = Declared::of_root(mode);
        let desired = Desired::File { content, secret: true, polled: false, declared };
        Self { path, desired }
    }

    /// Wants no file.
    pub(super) fn absent(path: PathBuf) -> Self {
        Self { path, desired: Desired::Absent }
    }

    /// Wants a directory of root's.
    pub(super) fn directory(path: PathBuf, mode: u32) -> Self {
        Self { path, desired: Desired::Directory(Declared::of_root(mode)) }
    }

    /// Returns the path as a key.
    pub(super) fn key(&self) -> Key {
        Key::File(self.path.clone())
    }

    /// Returns path and content of a file whose content is declared, and whether
    /// that is secret.
    pub(super) fn declared_content(&self) -> Option<(&Path, &Content, bool)> {
        match &self.desired {
            Desired::File { content: Some(Wanted::Content(content)), secret, .. } => {
                Some((&self.path, content, *secret))
            }
            _ => None,
        }
    }

    /// Tells whether what follows a change waits until the file's reader saw it.
    pub(super) fn is_polled(&self) -> bool {
        matches!(self.desired, Desired::File { polled: true, .. })
    }

    /// Returns the path with the state that is declared for it.
    pub(super) fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
        if let Desired::Directory(_) = self.desired
            && view.planned(&self.key()).is_none()
        {
            if let Some(path) = view.host().folder_behind(&self.path)? {
                return Self { path, desired: self.desired.clone() }.targets(view);
            }
            view.host().refuse_unmounted(&self.path)?;
        }
        let key = self.key();
        let before = view.state(&key)?;
        let actual = match &before {
            State::File { ownership, .. } | State::Directory(ownership) => Some(ownership),
            _ => None,
        };
        let after = match &self.desired {
            Desired::Absent => State::Absent,
            Desired::Link { target } => State::Link { target: target.clone() },
            Desired::Directory(declared) => {
                let actual = actual.filter(|_| matches!(before, State::Directory(_)));
                State::Directory(declared.complete(actual, 0o755))
            }
            Desired::File { content, secret, declared, .. } => {
                let (old, actual) = match &before {
                    State::File { blob, ownership } => (Some(&blob.content), Some(ownership)),
                    _ => (None, None),
                };
                let content = match content {
                    Some(wanted) => wanted.content(old)?,
                    None => old.cloned().unwrap_or_else(|| Content::new([])),
                };
                let blob = Blob { content, secret: *secret };
                State::File {
                    blob,
                    ownership: declared.complete(actual, if *secret { 0o600 } else { 0o644 }),
                }
            }
        };
        self.refuse_the_impossible(view, &before, &after)?;
        refuse_unknown_names(view, &after)?;
        Ok(vec![Target { key, after }])
    }

    /// Says in the plan what apply would fail at.
    fn refuse_the_impossible(
        &self,
        view: &Overlay<'_>,
        before: &State,
        after: &State,
    ) -> Result<()> {
        if *after == State::Absent || before != &State::Absent {
            let in_the_way =
                matches!(before, State::Directory(_)) && !matches!(after, State::Directory(_));
            if in_the_way && !view.host().list(&self.path)?.is_empty() {
                return Err(Error::DirectoryInTheWay { path: self.path.clone() });
            }
            return Ok(());
        }
        let Some(parent) = self.path.parent() else { return Ok(()) };
        let planned = view.planned(&Key::File(parent.to_owned()));
        let is_there = match planned {
            Some(state) => matches!(state, State::Directory(_) | State::Link { .. }),
            None => view.host().exists(parent)?,
        };
        // A package that the plan installs may bring the folder.
        if is_there || view.has_side_effects() {
            return Ok(());
        }
        Err(Error::NoParent { path: parent.to_owned() })
    }
}

/// Says in the plan that an owner or a group will not be there.
fn refuse_unknown_names(view: &Overlay<'_>, after: &State) -> Result<()> {
    let (State::File { ownership, .. } | State::Directory(ownership)) = after else {
        return Ok(());
    };
    for (kind, name, key) in [
        ("user", &ownership.owner, Key::User(ownership.owner.clone())),
        ("group", &ownership.group, Key::Group(ownership.group.clone())),
    ] {
        let given_by_number = name.starts_with('#');
        // A package that the plan installs may bring the name.
        let is_there =
            given_by_number || view.has_side_effects() || view.state(&key)? != State::Absent;
        if !is_there {
            return Err(Error::NoSuchName { kind, name: name.clone() });
        }
    }
    Ok(())
}

fn is_true(fields: &Fields<'_>, key: &str, decoder: &mut Decoder) -> bool {
    fields.get(key).is_some_and(|entry| decoder.boolean(&entry.value) == Some(true))
}

/// Looks at what stands at a path.
pub(super) fn observe(host: &Host, path: &Path) -> Result<State> {
    Ok(match host.entry(path)? {
        None => State::Absent,
        Some(Entry::File { content, ownership }) => {
            let secret = ownership.mode & 0o004 == 0;
            State::File { blob: Blob { content, secret }, ownership }
        }
        Some(Entry::Directory(ownership)) => State::Directory(ownership),
        Some(Entry::Link { target }) => State::Link { target },
        Some(Entry::Fifo(ownership)) => State::Fifo(ownership),
        Some(Entry::Special) => State::Special,
    })
}

/// Puts what belongs at a path there.
pub(super) fn write(host: &Host, path: &Path, after: &State) -> Result<()> {
    match after {
        State::Absent => host.remove(path),
        State::File { blob, ownership } => host.put_file(path, &blob.content, ownership),
        State::Directory(ownership) => host.put_directory(path, ownership),
        State::Link { target } => host.put_link(path, target),
        State::Fifo(ownership) => host.put_fifo(path, ownership),
        State::Special => Err(host::Error::Other(format!(
            "{} was a socket or a device, and none is made again",
            path.display()
        ))),
        other => Err(host::Error::Other(format!("{} cannot become {other:?}", path.display()))),
    }
}
