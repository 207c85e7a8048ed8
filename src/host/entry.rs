//! What stands at a path, as data.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use nix::sys::stat::{FileStat, SFlag};
use serde::{Deserialize, Serialize};

/// What a file holds. Shared, since plans, views and journals all hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<Vec<u8>>);

impl Content {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(bytes.into()))
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "«{} bytes»", self.0.len())
    }
}

/// To whom something belongs and who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The user's name, or `#number` where the number has none.
    pub owner: String,
    /// The group's name, or `#number` where the number has none.
    pub group: String,
    /// The permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
    /// Extended attributes, access lists among them, by name (xattr(7)).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Vec<u8>>,
}

/// Whose something is by number, and who may use it: what the kernel goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The owner's number.
    pub uid: u32,
    /// The permission bits.
    pub mode: u32,
    /// Whether it is a folder.
    pub is_folder: bool,
}

impl Ownership {
    /// Makes one without extended attributes.
    pub fn new(owner: &str, group: &str, mode: u32) -> Self {
        Self { owner: owner.into(), group: group.into(), mode, attributes: BTreeMap::new() }
    }

    /// Makes root's, with these permission bits.
    pub fn of_root(mode: u32) -> Self {
        Self::new("root", "root", mode)
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its bytes.
        content: Content,
        /// Its owner, group and mode.
        ownership: Ownership,
    },
    /// A folder, whatever is in it.
    Directory(Ownership),
    /// A FIFO, of whose extended attributes nothing is known.
    Fifo(Ownership),
    /// A symbolic link.
    Link {
        /// Where it points, as written.
        target: PathBuf,
    },
    /// A socket or a device.
    Special,
}

/// What tells, without reading it, that a file is still the one seen before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FileStamp {
    /// The inode number.
    pub inode: u64,
    /// The size in bytes.
    pub size: i64,
    /// When the content last changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When content, owner or mode last changed, in nanoseconds since 1970.
    pub changed: i64,
}

pub(super) fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}

pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
