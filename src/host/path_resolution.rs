//! Resolves paths without following links that another user could have planted,
//! and without leaving the host's root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::geteuid;

use super::entry::kind;
use super::{Error, Host, Result};

/// The limit of links before the kernel returns `ELOOP`.
const MOST_LINKS: u32 = 40;

/// An open folder and the name of an entry in it.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    pub(super) folder: Rc<OwnedFd>,
    /// The entry's name; `.` for the root itself.
    pub(super) name: OsString,
    /// The result of stat(2) on the entry, if it was done. The entry is then not a link.
    pub(super) found: Option<nix::Result<FileStat>>,
}

/// The folders from the root to the current position of a walk.
struct Walk {
    folders: Vec<Rc<OwnedFd>>,
    left: VecDeque<OsString>,
    links: u32,
}

impl Host {
    /// Opens the parent folder of `path`. Follows links on the way only if root
    /// or the current user owns them, and never the last name.
    pub(super) fn place(&self, path: &Path) -> Result<ResolvedPath> {
        self.walk(path, false, false)
    }

    /// Resolves as [`Host::place`] does, for reading only: it may return a
    /// folder that was opened a moment ago.
    pub(super) fn place_to_look(&self, path: &Path) -> Result<ResolvedPath> {
        self.walk(path, false, true)
    }

    /// Resolves as [`Host::place_to_look`] does, and follows a trusted link at
    /// `path` itself (a certificate in `/etc/letsencrypt/live`).
    pub(super) fn place_behind_links(&self, path: &Path) -> Result<ResolvedPath> {
        self.walk(path, true, true)
    }

    fn walk(&self, path: &Path, follow_last: bool, may_be_recent: bool) -> Result<ResolvedPath> {
        let fail = |errno: Errno| Error::io("reach", path, io::Error::from(errno));
        let names = names(path);
        let straight = self.straight(&names, follow_last, may_be_recent);
        if let Some(place) = straight.map_err(fail)? {
            return Ok(place);
        }
        let mut above: Option<PathBuf> =
            Some(names.iter().take(names.len().saturating_sub(1)).collect());
        let root = Rc::clone(&self.root_fd);
        let mut walk = Walk { folders: vec![root], left: names, links: 0 };
        while let Some(name) = walk.left.pop_front() {
            let last = walk.left.is_empty();
            if last && let Some(above) = above.take() {
                self.folders.put(above, Rc::clone(walk.top()));
            }
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
                    let found = Some(Err(Errno::ENOENT));
                    return Ok(ResolvedPath { folder: walk.here(), name, found });
                }
                Err(errno) => return Err(fail(errno)),
            };
            if kind(&found) == SFlag::S_IFLNK {
                if found.st_uid != 0 && found.st_uid != geteuid().as_raw() {
                    return Err(Error::PlantedLink { path: path.to_owned() });
                }
                walk.follow(&name).map_err(fail)?;
            } else if last {
                return Ok(ResolvedPath { folder: walk.here(), name, found: Some(Ok(found)) });
            } else {
                walk.enter(&name).map_err(fail)?;
            }
        }
        Ok(ResolvedPath { folder: walk.here(), name: ".".into(), found: None })
    }

    /// Opens the parent folder with one call if there is no link on the way,
    /// which is the usual case. On any other result the walk decides: a kernel
    /// before 5.6 has no openat2(2), and some containers forbid it.
    fn straight(
        &self,
        names: &VecDeque<OsString>,
        follow_last: bool,
        may_be_recent: bool,
    ) -> nix::Result<Option<ResolvedPath>> {
        let mut folders: PathBuf = names.iter().collect();
        let Some(name) = folders.file_name().map(OsStr::to_owned) else { return Ok(None) };
        if names.iter().any(|name| name == "..") || !folders.pop() {
            return Ok(None);
        }
        let recent = may_be_recent.then(|| self.folders.get(&folders)).flatten();
        let folder = match recent {
            Some(folder) => folder,
            None => match self.open_straight(&folders) {
                Ok(folder) => {
                    let folder = Rc::new(folder);
                    self.folders.put(folders, Rc::clone(&folder));
                    folder
                }
                // The call would have reported a link on the way first.
                Err(errno @ Errno::ENOENT) => return Err(errno),
                Err(_) => return Ok(None),
            },
        };
        let found =
            follow_last.then(|| fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW));
        let is_link = matches!(found, Some(Ok(found)) if kind(&found) == SFlag::S_IFLNK);
        Ok((!is_link).then_some(ResolvedPath { folder, name, found }))
    }

    fn open_straight(&self, folders: &Path) -> nix::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let folders = if folders.as_os_str().is_empty() { Path::new(".") } else { folders };
        openat2(&self.root_fd, folders, how)
    }
}

impl Walk {
    fn top(&self) -> &Rc<OwnedFd> {
        &self.folders[self.folders.len() - 1]
    }

    /// Returns the innermost folder and ends the walk.
    fn here(&mut self) -> Rc<OwnedFd> {
        self.folders.swap_remove(self.folders.len() - 1)
    }

    fn enter(&mut self, name: &OsStr) -> nix::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder = openat(self.top(), name, flags, Mode::empty())?;
        self.folders.push(Rc::new(folder));
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

fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}
