//! A walk along a path, one name at a time. Each folder is opened once, and the
//! open descriptors are examined, so that nothing can be put in its place in
//! between. The caller decides which links are followed.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

/// The limit of links before the kernel returns `ELOOP`.
const MOST_LINKS: u32 = 40;

#[derive(Debug)]
pub(crate) struct Walk {
    /// The folders from the root, which it never leaves, to the current position.
    folders: Vec<Rc<OwnedFd>>,
    left: VecDeque<OsString>,
    links: u32,
}

impl Walk {
    pub(crate) fn begin(root: Rc<OwnedFd>, path: &Path) -> Self {
        Self { folders: vec![root], left: names(path).collect(), links: 0 }
    }

    /// Returns the next name, and whether it is the last. Goes up for `..`.
    pub(crate) fn next_name(&mut self) -> Option<(OsString, bool)> {
        loop {
            let name = self.left.pop_front()?;
            if name != ".." {
                return Some((name, self.left.is_empty()));
            }
            if self.folders.len() > 1 {
                self.folders.pop();
            }
        }
    }

    /// Returns the current folder.
    pub(crate) fn folder(&self) -> &Rc<OwnedFd> {
        &self.folders[self.folders.len() - 1]
    }

    /// Examines an entry of the current folder.
    pub(crate) fn look(&self, name: &OsStr) -> nix::Result<FileStat> {
        fstatat(self.folder(), name, AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    pub(crate) fn enter(&mut self, name: &OsStr) -> nix::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = openat(self.folder(), name, flags, Mode::empty())?;
        self.folders.push(Rc::new(folder));
        Ok(())
    }

    pub(crate) fn follow(&mut self, link: &OsStr) -> nix::Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::ELOOP);
        }
        let target = readlinkat(self.folder(), link)?;
        if Path::new(&target).is_absolute() {
            self.folders.truncate(1);
        }
        for name in names(Path::new(&target)).rev() {
            self.left.push_front(name);
        }
        Ok(())
    }
}

/// Splits a path into the names to walk.
pub(crate) fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// Returns the type of an entry.
pub(crate) fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}
