//! `file`, `directory` and `link`: what is at a path. One key for all three,
//! since a path holds one of them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attributes::{
    ABSENT, DeclaredOwnership, GROUP_OF, MODE, OWNER, PATH, content, is_true, path, section,
};
use super::describe::{owned, ownership_differences};
use super::kind::{Declaration, Thing};
use super::{Assets, Blob, Key, Overlay, Said, State, Target, Undo, public_key};
use crate::digest::Digest;
use crate::host::{self, Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A path with the thing that a step declares there.
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
        /// Whether the program that reads it checks it once a second.
        polled: bool,
        declared: DeclaredOwnership,
    },
    Directory(DeclaredOwnership),
    Link {
        target: PathBuf,
    },
}

/// The content that a file should have. The cache stores it as a digest, which
/// is enough to compare.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Noted", into = "Noted")]
enum Wanted {
    Content(Content),
    ContentOf(Digest),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Noted {
    Sha256(Digest),
    /// A content with holes for public keys that are not made yet.
    WithHoles(String),
}

impl From<Noted> for Wanted {
    fn from(noted: Noted) -> Self {
        match noted {
            Noted::Sha256(digest) => Self::ContentOf(digest),
            Noted::WithHoles(text) => Self::Content(Content::new(text)),
        }
    }
}

impl From<Wanted> for Noted {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Content(content) => match public_key::with_holes(&content) {
                Some(text) => Self::WithHoles(text.to_owned()),
                None => Self::Sha256(Digest::of(content.bytes())),
            },
            Wanted::ContentOf(digest) => Self::Sha256(digest),
        }
    }
}

impl Wanted {
    /// Returns the content, which may be the one that is `there`.
    fn content(&self, overlay: &Overlay<'_>, there: Option<&Content>) -> Result<Content> {
        match self {
            Self::Content(content) => public_key::fill(overlay.host(), content),
            Self::ContentOf(digest) => there
                .filter(|content| Digest::of(content.bytes()) == *digest)
                .cloned()
                .ok_or_else(|| Error::Other("of this content only the digest is known".into())),
        }
    }
}

const DIRECTORY: Section = section(
    &[
        PATH,
        OWNER,
        GROUP_OF,
        MODE.or("`\"0755\"` for a new one"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: it is removed, if it is empty.")
            .or("`false`"),
    ],
    &["path"],
);
const FILE: Section = section(
    &[
        PATH,
        KeySpec::new("content", ValueType::Text, "The text itself.").or("it stays as it is"),
        KeySpec::new(
            "template",
            ValueType::Text,
            "Or: a Jinja template, in `templates/` beside the playbook.",
        ),
        KeySpec::new(
            "copy",
            ValueType::Text,
            "Or: a file to copy as it is, in `files/` beside the playbook.",
        ),
        OWNER,
        GROUP_OF,
        MODE.or("`\"0644\"` for a new one, of a secret `\"0600\"`"),
        KeySpec::new("secret", ValueType::Boolean, "`true`: the content is never shown.")
            .or("`false`"),
        KeySpec::new(
            "polled",
            ValueType::Boolean,
            "`true`: its reader looks once a second whether it changed, and what follows waits \
             until it has.",
        )
        .or("`false`"),
        ABSENT,
    ],
    &["path"],
);
const LINK: Section = section(
    &[PATH, KeySpec::new("target", ValueType::Text, "Where it leads, as it is written."), ABSENT],
    &["path"],
);
impl Declaration for File {
    const WORDS: &[KeySpec] = &[
        KeySpec::new("directory", ValueType::Section(&DIRECTORY), "A folder is there."),
        KeySpec::new("file", ValueType::Section(&FILE), "A file is there, replaced as a whole."),
        KeySpec::new("link", ValueType::Section(&LINK), "A symbolic link is there."),
    ];

    fn decode(word: &str, node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        match word {
            "directory" => Self::decode_directory(node, decoder),
            "link" => Self::decode_link(node, decoder),
            _ => Self::decode_file(node, assets, decoder),
        }
    }

    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        if let Desired::Directory(_) = self.desired
            && overlay.planned(&Key::File(self.path.clone())).is_none()
        {
            if let Some(path) = overlay.host().folder_behind(&self.path)? {
                return Self { path, desired: self.desired.clone() }.targets(overlay);
            }
            overlay.host().refuse_unmounted(&self.path)?;
        }
        let key = Key::File(self.path.clone());
        let before = overlay.state(&key)?;
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
                    Some(wanted) => wanted.content(overlay, old)?,
                    None => old.cloned().unwrap_or_else(|| Content::new([])),
                };
                let blob = Blob { content, secret: *secret };
                State::File {
                    blob,
                    ownership: declared.complete(actual, if *secret { 0o600 } else { 0o644 }),
                }
            }
        };
        self.refuse_the_impossible(overlay, &before, &after)?;
        if let State::File { ownership, .. } | State::Directory(ownership) = &after {
            refuse_unknown_names(overlay, ownership)?;
        }
        Ok(vec![Target { key, after }])
    }

    fn loadable(&self) -> Vec<Key> {
        vec![Key::File(self.path.clone())]
    }

    fn key(&self) -> Option<Key> {
        Some(Key::File(self.path.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["path", "secret"])
    }

    /// Keeps a directory that is not empty. Sockets do not count: they end with
    /// the daemon that made them.
    fn withdrawn(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::File(self.path.clone());
        let going = overlay.all_planned().filter(|(_, state)| **state == State::Absent);
        let paths = |key: &Key| match key {
            // It has no former state that is kept.
            Key::DataFile(path) => vec![path.clone()],
            key => key.affected_paths(),
        };
        let going: Vec<PathBuf> = going.flat_map(|(key, _)| paths(key)).collect();
        if overlay.state(&key)?.is_directory() {
            for path in overlay.host().list(&self.path)?.iter().map(|name| self.path.join(name)) {
                if !going.contains(&path) && !standing_at(overlay.host(), &path)?.is_special() {
                    return Ok(Vec::new());
                }
            }
        }
        Ok(vec![Target { key, after: State::Absent }])
    }

    fn declared_file(&self) -> Option<(&Path, &Content, bool)> {
        match &self.desired {
            Desired::File { content: Some(Wanted::Content(content)), secret, .. } => {
                Some((&self.path, content, *secret))
            }
            _ => None,
        }
    }

    fn is_polled(&self) -> bool {
        matches!(self.desired, Desired::File { polled: true, .. })
    }
}

impl File {
    fn decode_file(node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FILE)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let secret = is_true(&fields, "secret", decoder);
        let polled = is_true(&fields, "polled", decoder);
        let desired = if is_true(&fields, "absent", decoder) {
            Desired::Absent
        } else {
            let declared = DeclaredOwnership::decode(&fields, decoder);
            let content = content(&fields, assets, decoder)?.map(Wanted::Content);
            Desired::File { content, secret, polled, declared }
        };
        Some(Self { path: path?, desired })
    }

    fn decode_directory(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &DIRECTORY)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let desired = if is_true(&fields, "absent", decoder) {
            Desired::Absent
        } else {
            Desired::Directory(DeclaredOwnership::decode(&fields, decoder))
        };
        Some(Self { path: path?, desired })
    }

    fn decode_link(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &LINK)?;
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

    /// Declares a file of root's with this content, which is never shown.
    pub(super) fn secret(path: PathBuf, content: &str, mode: u32) -> Self {
        let content = Some(Wanted::Content(Content::new(content.as_bytes().to_vec())));
        let declared = DeclaredOwnership::of_root(mode);
        let desired = Desired::File { content, secret: true, polled: false, declared };
        Self { path, desired }
    }

    /// Declares a file of root's with this content.
    pub(super) fn of_root(path: PathBuf, content: &str, mode: u32) -> Self {
        let content = Some(Wanted::Content(Content::new(content.as_bytes().to_vec())));
        let declared = DeclaredOwnership::of_root(mode);
        let desired = Desired::File { content, secret: false, polled: false, declared };
        Self { path, desired }
    }

    pub(super) fn absent(path: PathBuf) -> Self {
        Self { path, desired: Desired::Absent }
    }

    pub(super) fn directory(path: PathBuf, mode: u32) -> Self {
        Self { path, desired: Desired::Directory(DeclaredOwnership::of_root(mode)) }
    }

    /// Rejects in the plan what apply would fail at.
    fn refuse_the_impossible(
        &self,
        overlay: &Overlay<'_>,
        before: &State,
        after: &State,
    ) -> Result<()> {
        if *after == State::Absent || before != &State::Absent {
            let in_the_way =
                matches!(before, State::Directory(_)) && !matches!(after, State::Directory(_));
            if in_the_way && !overlay.host().list(&self.path)?.is_empty() {
                return Err(Error::DirectoryInTheWay { path: self.path.clone() });
            }
            return Ok(());
        }
        refuse_missing_folder(overlay, &self.path)
    }
}

/// Returns the owner and mode of a file that is made once and that no undo restores.
/// Rejects a place where it cannot be made.
pub(super) fn ownership_once_made(
    overlay: &Overlay<'_>,
    path: &Path,
    declared: &DeclaredOwnership,
    actual: Option<&Ownership>,
) -> Result<Ownership> {
    let ownership = declared.complete(actual, 0o600);
    // An undo does not restore this path, so no other place checks it.
    overlay.reject_unsafe_paths(&Key::at(path.to_owned()))?;
    if actual.is_none() {
        refuse_missing_folder(overlay, path)?;
    }
    refuse_unknown_names(overlay, &ownership)?;
    Ok(ownership)
}

/// Rejects a path whose folder will not exist.
pub(super) fn refuse_missing_folder(overlay: &Overlay<'_>, path: &Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let planned = overlay.planned(&Key::File(parent.to_owned()));
    let is_there = match planned {
        Some(state) => matches!(state, State::Directory(_) | State::Link { .. }),
        None => overlay.host().exists(parent)?,
    };
    // A package that the plan installs may create the folder.
    if is_there || overlay.has_side_effects() {
        return Ok(());
    }
    Err(Error::NoParent { path: parent.to_owned() })
}

/// Rejects an owner or a group that will not exist.
fn refuse_unknown_names(overlay: &Overlay<'_>, ownership: &Ownership) -> Result<()> {
    let Ownership { owner, group, .. } = ownership;
    reject_unknown_name(overlay, "user", owner, &Key::User(owner.clone()))?;
    reject_unknown_name(overlay, "group", group, &Key::Group(group.clone()))
}

/// Rejects a user or a group that will not exist.
pub(super) fn reject_unknown_name(
    overlay: &Overlay<'_>,
    kind: &'static str,
    name: &str,
    key: &Key,
) -> Result<()> {
    let given_by_number = name.starts_with('#');
    // A package that the plan installs may create the name.
    match given_by_number || overlay.has_side_effects() || overlay.state(key)? != State::Absent {
        true => Ok(()),
        false => Err(Error::NoSuchName { kind, name: name.to_owned() }),
    }
}

impl Thing for File {
    const NAME: &str = "file";
    type Key = PathBuf;
    type State = ();

    fn name(path: &PathBuf) -> String {
        path.display().to_string()
    }

    fn observe(host: &Host, path: &PathBuf) -> Result<State> {
        standing_at(host, path)
    }

    fn write(
        host: &Host,
        path: &PathBuf,
        before: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        match after {
            State::Absent => {
                if before.is_directory() {
                    remove_sockets(host, path)?;
                }
                host.remove(path)
            }
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

    fn undo(_: &PathBuf, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(path: &PathBuf) -> Vec<PathBuf> {
        vec![path.clone()]
    }

    fn describe(_: &PathBuf, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::File { blob: old, ownership: a }, State::File { blob: new, ownership: b }) => {
                let content = (old != new).then(|| "content".to_owned());
                content.into_iter().chain(ownership_differences(a, b)).collect()
            }
            (State::Directory(a), State::Directory(b)) => ownership_differences(a, b),
            (State::Link { target: a }, State::Link { target: b }) => {
                vec![format!("target {} → {}", a.display(), b.display())]
            }
            (State::Absent, State::File { ownership, .. }) => vec![owned(ownership)],
            (State::Absent, State::Directory(ownership)) => {
                vec!["directory".into(), owned(ownership)]
            }
            (State::Absent, State::Fifo(ownership)) => vec!["FIFO".into(), owned(ownership)],
            (State::Absent, State::Link { target }) => {
                vec![format!("link to {}", target.display())]
            }
            _ => return None,
        })
    }
}

/// Removes the sockets that a daemon left in its directory.
fn remove_sockets(host: &Host, directory: &Path) -> Result<()> {
    for path in host.list(directory)?.iter().map(|name| directory.join(name)) {
        if standing_at(host, &path)?.is_special() {
            host.remove(&path)?;
        }
    }
    Ok(())
}

/// Observes what is at a path.
pub(super) fn standing_at(host: &Host, path: &Path) -> Result<State> {
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
