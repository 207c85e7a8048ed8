//! The entries of the file system, as data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The content of a file. It is shared, because plans, overlays and journals all contain it.
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

    /// Returns the text. What is not UTF-8 is replaced.
    pub fn text(&self) -> Cow<'_, str> {
        // Much faster than the other for a text that is UTF-8.
        std::str::from_utf8(&self.0)
            .map_or_else(|_| String::from_utf8_lossy(&self.0), Cow::Borrowed)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "«{} bytes»", self.0.len())
    }
}

/// Owner, group and mode of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The name of the user, or `#number` if it has none.
    pub owner: String,
    /// The name of the group, or `#number` if it has none.
    pub group: String,
    /// The permission bits, including set-uid, set-gid and sticky.
    pub mode: u32,
    /// The extended attributes by name, including access control lists (xattr(7)).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Vec<u8>>,
}

/// Owner number and mode of an entry, as the kernel compares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub uid: u32,
    pub mode: u32,
    pub is_folder: bool,
}

impl Ownership {
    /// Returns an ownership without extended attributes.
    pub fn new(owner: &str, group: &str, mode: u32) -> Self {
        Self { owner: owner.into(), group: group.into(), mode, attributes: BTreeMap::new() }
    }

    /// Returns the ownership of an entry of root's with these permission bits.
    pub fn of_root(mode: u32) -> Self {
        Self::new("root", "root", mode)
    }
}

/// An entry of the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// The bytes.
        content: Content,
        /// Owner, group and mode.
        ownership: Ownership,
    },
    /// A folder, without its content.
    Directory(Ownership),
    /// A FIFO. Its extended attributes are not read.
    Fifo(Ownership),
    /// A symbolic link.
    Link {
        /// The target, as written in the link.
        target: PathBuf,
    },
    /// A socket or a device.
    Special,
}

/// Identifies a version of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct FileStamp {
    pub inode: u64,
    pub size: i64,
    /// The time of the last change of the content, in nanoseconds since 1970.
    pub modified: i64,
    /// The time of the last change of content, owner or mode, in nanoseconds since 1970.
    pub changed: i64,
}

pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
