//! Finds the folder a path is in without following a link that somebody could
//! have planted, and without leaving the host's root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::geteuid;

use super::read::kind;
use super::{Error, Host, Result};

/// As many links as the kernel follows before it says `ELOOP`.
const MOST_LINKS: u32 = 40;

/// An open folder and the name of an entry in it.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    /// The folder, opened with `O_PATH`.
    pub(super) folder: OwnedFd,
    /// The entry's name; `.` for the root itself.
    pub(super) name: OsString,
    /// The entry, where it was looked at already: it is no link then.
    pub(super) found: Option<FileStat>,
}

/// Where the walk stands: the folders from the root down to here.
struct Walk {
    folders: Vec<OwnedFd>,
    left: VecDeque<OsString>,
    links: u32,
}

impl Host {
    /// Opens the folder that `path` is in. Links on the way are followed only
    /// where root, or the user we are, owns them; the last name never is.
    pub(super) fn place(&self, path: &Path) -> Result<ResolvedPath> {
        self.walk(path, false)
    }

    /// As [`Host::place`], for the file that is meant where `path` is itself
    /// such a link (a certificate in `/etc/letsencrypt/live`).
    pub(super) fn place_behind_links(&self, path: &Path) -> Result<ResolvedPath> {
        self.walk(path, true)
    }

    fn walk(&self, path: &Path, follow_last: bool) -> Result<ResolvedPath> {
        let fail = |errno: Errno| Error::io("reach", path, io::Error::from(errno));
        let names = names(path);
        if let Some(place) = self.straight(&names, follow_last) {
            return Ok(place);
        }
        let root = self.root_fd.try_clone().map_err(|e| Error::io("reach", path, e))?;
        let mut walk = Walk { folders: vec![root], left: names, links: 0 };
        while let Some(name) = walk.left.pop_front() {
            let last = walk.left.is_empty();
            if name == ".." {
                if walk.folders.len() > 1 {
                    walk.folders.pop();
                }
                continue;
            }
            if last && !follow_last {
                return Ok(ResolvedPath { folder: walk.here(), name, found: None });
            }
            let found = match fstatat(walk.top(), name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(found) => found,
                Err(Errno::ENOENT) if last => {
                    return Ok(ResolvedPath { folder: walk.here(), name, found: None });
                }
                Err(errno) => return Err(fail(errno)),
            };
            if kind(&found) == SFlag::S_IFLNK {
                if found.st_uid != 0 && found.st_uid != geteuid().as_raw() {
                    return Err(Error::PlantedLink { path: path.to_owned() });
                }
                walk.follow(&name).map_err(fail)?;
            } else if last {
                return Ok(ResolvedPath { folder: walk.here(), name, found: Some(found) });
            } else {
                walk.enter(&name).map_err(fail)?;
            }
        }
        Ok(ResolvedPath { folder: walk.here(), name: ".".into(), found: None })
    }

    /// Opens the folder at once where no link is on the way, which is nearly
    /// always. Whatever else comes of it, the walk will find out (a kernel
    /// before 5.6 has no openat2(2), and some containers forbid it).
    fn straight(&self, names: &VecDeque<OsString>, follow_last: bool) -> Option<ResolvedPath> {
        let mut folders: PathBuf = names.iter().collect();
        let name = folders.file_name()?.to_owned();
        if names.iter().any(|name| name == "..") || !folders.pop() {
            return None;
        }
        if folders.as_os_str().is_empty() {
            folders.push(".");
        }
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let folder = openat2(&self.root_fd, &folders, how).ok()?;
        let found = match follow_last {
            true => fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok(),
            false => None,
        };
        let is_link = found.is_some_and(|found| kind(&found) == SFlag::S_IFLNK);
        (!is_link).then_some(ResolvedPath { folder, name, found })
    }
}

impl Walk {
    fn top(&self) -> std::os::fd::BorrowedFd<'_> {
        self.folders[self.folders.len() - 1].as_fd()
    }

    /// Gives the innermost folder away and ends the walk.
    fn here(&mut self) -> OwnedFd {
        self.folders.swap_remove(self.folders.len() - 1)
    }

    fn enter(&mut self, name: &OsStr) -> nix::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = openat(self.top(), name, flags, Mode::empty())?;
        self.folders.push(folder);
        Ok(())
    }

    fn follow(&mut self, name: &OsStr) -> nix::Result<()> {
        self.links += 1;
        if self.links > MOST_LINKS {
            return Err(Errno::ELOOP);
        }
        let target = readlinkat(self.top(), name)?;
        if Path::new(&target).is_absolute() {
            self.folders.truncate(1);
        }
        for name in names(Path::new(&target)).into_iter().rev() {
            self.left.push_front(name);
        }
        Ok(())
    }
}

/// Splits a path into the names to walk.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}
