//! `backup`: keeps the originals of some paths, once, before the first run
//! changes them: content, owner, group and mode.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attributes::{TEXTS, path, section};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::yaml::{self, Decoder, KeySpec, Node, Section, ValueType};

/// The folder of the originals, each under its own path. Only root may read it.
const ORIGINALS: &str = "/var/lib/mailprov/originals";

/// Marks an original that did not exist.
const ABSENT: &str = "mailprov-absent";

/// The paths whose originals are kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Backup {
    paths: Vec<PathBuf>,
}

const FIELDS: Section =
    section(&[KeySpec::new("paths", TEXTS, "The paths whose originals are kept.")], &["paths"]);
impl Declaration for Backup {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "backup",
        ValueType::Either(&[TEXTS, ValueType::Section(&FIELDS)]),
        "The originals of these paths are kept, once and for good.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let list = match &node.kind {
            yaml::Kind::Map(_) => {
                let fields = decoder.fields(node, &FIELDS)?;
                let entry = fields.require("paths", &node.span, decoder)?;
                decoder.list(&entry.value)?
            }
            _ => decoder.list(node)?,
        };
        let paths: Option<Vec<_>> = list.iter().map(|node| path(node, decoder)).collect();
        Some(Self { paths: paths? })
    }

    fn targets(&self, _: &Overlay<'_>) -> Result<Vec<Target>> {
        let target = |path: &PathBuf| Target { key: Key::Backup(path.clone()), after: State::Kept };
        Ok(self.paths.iter().map(target).collect())
    }
}

impl Thing for Backup {
    const NAME: &str = "backup";
    type Key = PathBuf;
    type State = ();

    fn name(path: &PathBuf) -> String {
        path.display().to_string()
    }

    fn observe(host: &Host, path: &PathBuf) -> Result<State> {
        let kept = host.is_taken(&kept(path))? || host.is_taken(&absence(path))?;
        Ok(if kept { State::Kept } else { State::Absent })
    }

    /// Keeps what is at a path now as its original.
    fn write(
        host: &Host,
        path: &PathBuf,
        _: &State,
        _: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let copy = kept(path);
        if let Some(folder) = copy.parent() {
            host.make_private_directories(folder)?;
        }
        match host.entry(path)? {
            // A partial copy of a folder must not look like a kept original.
            Some(Entry::Directory(_)) => {
                let new = Host::unfinished(&copy);
                host.remove_tree(&new)?;
                copy_tree(host, path, &new)?;
                host.rename(&new, &copy)
            }
            Some(Entry::Special) => Err(Error::Other(format!(
                "{} is a socket or a device, of which no copy can be kept; move it away first",
                path.display()
            ))),
            Some(_) => copy_tree(host, path, &copy),
            None => {
                let root = Ownership::of_root(0o600);
                host.put_file(&absence(path), &Content::new([]), &root)
            }
        }
    }

    /// Originals are never removed.
    fn undo(_: &PathBuf, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }
}

/// Copies what is at `from`, with the contents of a folder.
fn copy_tree(host: &Host, from: &Path, to: &Path) -> Result<()> {
    match host.entry(from)? {
        Some(Entry::File { content, ownership }) => host.put_file(to, &content, &ownership),
        Some(Entry::Link { target }) => host.put_link(to, &target),
        Some(Entry::Directory(ownership)) => {
            host.put_directory(to, &ownership)?;
            for name in host.list(from)? {
                copy_tree(host, &from.join(&name), &to.join(&name))?;
            }
            Ok(())
        }
        Some(Entry::Fifo(ownership)) => host.put_fifo(to, &ownership),
        Some(Entry::Special) | None => Ok(()),
    }
}

fn kept(path: &Path) -> PathBuf {
    Path::new(ORIGINALS).join(path.strip_prefix("/").unwrap_or(path))
}

fn absence(path: &Path) -> PathBuf {
    let mut name = kept(path).into_os_string();
    name.push(".");
    name.push(ABSENT);
    name.into()
}
