//! The state of a whole disk, and the difference between two states.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::host;

/// Paths that change by themselves on any running system: the kernel's
/// and the run-time folders, logs, and systemd's own memory.
const VOLATILE: &[&str] =
    &["/dev", "/proc", "/run", "/sys", "/tmp", "/var/lib/systemd", "/var/log/journal", "/var/tmp"];

/// Every path of a disk with its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<PathBuf, Entry>,
}

/// The entry at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its kind and content.
    pub kind: Kind,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The time of the last change of content, in nanoseconds.
    pub mtime: i128,
    /// The inode's number, which a file that was replaced does not keep.
    pub inode: u64,
    /// Extended attributes, access control lists among them.
    pub attributes: BTreeMap<OsString, Vec<u8>>,
}

/// The kind and content of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A plain file with the SHA-256 of its content.
    File(String),
    /// A folder.
    Directory,
    /// A symbolic link with where it leads.
    Link(PathBuf),
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

/// The respect in which a path differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// It is there now and was not before.
    Added,
    /// It was there before and is not now.
    Removed,
    /// It is another kind of thing.
    Kind,
    /// It holds or leads to something else.
    Content,
    /// It has another owner or group.
    Owner,
    /// It has other permissions.
    Mode,
    /// It has other extended attributes.
    Attributes,
    /// It was written, be it with the same content.
    Mtime,
    /// It was replaced, be it by the same.
    Inode,
}

impl Snapshot {
    /// Looks at everything below `root`.
    pub(super) fn take(root: &Path) -> Self {
        let mut entries = BTreeMap::new();
        collect(root, Path::new("/"), &mut entries);
        Self { entries }
    }

    /// Returns the entry at a path.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&Entry> {
        self.entries.get(path.as_ref())
    }

    /// Returns all paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.entries.keys().map(PathBuf::as_path)
    }

    /// Returns the difference to `after`.
    pub fn diff(&self, after: &Self) -> Diff {
        let paths: BTreeSet<_> = self.entries.keys().chain(after.entries.keys()).collect();
        let changes = paths
            .into_iter()
            .map(|path| (path.clone(), aspects(self.get(path), after.get(path))))
            .filter(|(_, aspects)| !aspects.is_empty())
            .collect();
        Diff { changes }
    }
}

/// The difference between two snapshots; prints one path a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    changes: BTreeMap<PathBuf, BTreeSet<Aspect>>,
}

impl Diff {
    /// Tells whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns every path that differs with its aspects.
    pub fn changes(&self) -> &BTreeMap<PathBuf, BTreeSet<Aspect>> {
        &self.changes
    }

    /// Returns every path that differs.
    pub fn paths(&self) -> Vec<&Path> {
        self.changes.keys().map(PathBuf::as_path).collect()
    }

    /// Leaves out some paths with all below them.
    #[must_use]
    pub fn without(mut self, prefixes: &[&str]) -> Self {
        self.changes.retain(|path, _| !prefixes.iter().any(|prefix| path.starts_with(prefix)));
        self
    }

    /// Leaves out folders of which only the time is another, because something
    /// in them came or went.
    #[must_use]
    pub fn without_folder_times(mut self, after: &Snapshot) -> Self {
        let only_time = BTreeSet::from([Aspect::Mtime]);
        self.changes.retain(|path, aspects| {
            let directory = after.get(path).is_some_and(|entry| entry.kind == Kind::Directory);
            !(directory && *aspects == only_time)
        });
        self
    }

    /// Leaves out times and inodes: what is then the same has the same kind,
    /// content, owner, mode and attributes.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        for aspects in self.changes.values_mut() {
            aspects.retain(|aspect| !matches!(aspect, Aspect::Mtime | Aspect::Inode));
        }
        self.changes.retain(|_, aspects| !aspects.is_empty());
        self
    }

    /// Asserts that nothing differs.
    #[track_caller]
    pub fn assert_empty(&self) {
        assert!(self.is_empty(), "changed:\n{self}");
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.changes
            .iter()
            .try_for_each(|(path, aspects)| writeln!(f, "{} {aspects:?}", path.display()))
    }
}

/// Adds the entries below a folder, without its volatile parts.
fn collect(root: &Path, folder: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    let on_host = |path: &Path| root.join(path.strip_prefix("/").unwrap());
    let Some(listing) = still_there(fs::read_dir(on_host(folder))) else {
        return;
    };
    for name in listing.map(|entry| entry.unwrap().file_name()) {
        let path = folder.join(name);
        if VOLATILE.iter().any(|volatile| path == Path::new(volatile)) {
            continue;
        }
        let Some(entry) = still_there(inspect(&on_host(&path))) else {
            continue;
        };
        let descend = entry.kind == Kind::Directory;
        entries.insert(path.clone(), entry);
        if descend {
            collect(root, &path, entries);
        }
    }
}

/// Returns `None` for what went away while it was looked at.
fn still_there<T>(result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => panic!("cannot take a snapshot: {error}"),
    }
}

fn inspect(path: &Path) -> io::Result<Entry> {
    let metadata = fs::symlink_metadata(path)?;
    let mut attributes = BTreeMap::new();
    for name in xattr::list(path)? {
        let value = xattr::get(path, &name)?.unwrap_or_default();
        attributes.insert(name, value);
    }
    Ok(Entry {
        kind: kind(path, &metadata)?,
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: metadata.mode() & 0o7777,
        mtime: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        inode: metadata.ino(),
        attributes,
    })
}

fn kind(path: &Path, metadata: &Metadata) -> io::Result<Kind> {
    let kind = metadata.file_type();
    Ok(if kind.is_file() {
        Kind::File(hash(path)?)
    } else if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        Kind::Link(fs::read_link(path)?)
    } else if kind.is_fifo() {
        Kind::Fifo
    } else if kind.is_socket() {
        Kind::Socket
    } else {
        Kind::Device
    })
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(host::hex(&hasher.finalize())),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Returns in what respects two states of a path differ.
fn aspects(before: Option<&Entry>, after: Option<&Entry>) -> BTreeSet<Aspect> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(_)) => return BTreeSet::from([Aspect::Added]),
        (Some(_), None) => return BTreeSet::from([Aspect::Removed]),
        (None, None) => return BTreeSet::new(),
    };
    let same_kind = std::mem::discriminant(&before.kind) == std::mem::discriminant(&after.kind);
    let owner = (before.uid, before.gid) != (after.uid, after.gid);
    [
        (Aspect::Kind, !same_kind),
        (Aspect::Content, same_kind && before.kind != after.kind),
        (Aspect::Owner, owner),
        (Aspect::Mode, before.mode != after.mode),
        (Aspect::Attributes, before.attributes != after.attributes),
        (Aspect::Mtime, before.mtime != after.mtime),
        (Aspect::Inode, before.inode != after.inode),
    ]
    .into_iter()
    .filter_map(|(aspect, differs)| differs.then_some(aspect))
    .collect()
}
