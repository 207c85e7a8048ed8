//! Resolves paths without following links that another user could have planted,
//! and without leaving the host's root.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{FileStat, SFlag, fstatat};
use nix::unistd::geteuid;

use super::{Error, Host, Result};
use crate::local::{Walk, kind, names};

/// An open folder and the name of an entry in it.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    pub(super) folder: Rc<OwnedFd>,
    /// The entry's name; `.` for the root itself.
    pub(super) name: OsString,
    /// The result of stat(2) on the entry, if it was done. The entry is then not a link.
    pub(super) found: Option<nix::Result<FileStat>>,
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
        let names: Vec<OsString> = names(path).collect();
        let straight = self.straight(&names, follow_last, may_be_recent);
        if let Some(place) = straight.map_err(fail)? {
            return Ok(place);
        }
        let mut above: Option<PathBuf> =
            Some(names.iter().take(names.len().saturating_sub(1)).collect());
        let mut walk = Walk::begin(Rc::clone(&self.root_fd), path);
        while let Some((name, is_last)) = walk.next_name() {
            let here = || Rc::clone(walk.folder());
            if is_last && let Some(above) = above.take() {
                self.folders.put(above, here());
            }
            if is_last && !follow_last {
                return Ok(ResolvedPath { folder: here(), name, found: None });
            }
            let found = match walk.look(&name) {
                Err(Errno::ENOENT) if is_last => {
                    let found = Some(Err(Errno::ENOENT));
                    return Ok(ResolvedPath { folder: here(), name, found });
                }
                found => found.map_err(fail)?,
            };
            if kind(&found) == SFlag::S_IFLNK {
                if found.st_uid != 0 && found.st_uid != geteuid().as_raw() {
                    return Err(Error::PlantedLink { path: path.to_owned() });
                }
                walk.follow(&name).map_err(fail)?;
            } else if is_last {
                return Ok(ResolvedPath { folder: here(), name, found: Some(Ok(found)) });
            } else {
                walk.enter(&name).map_err(fail)?;
            }
        }
        Ok(ResolvedPath { folder: Rc::clone(walk.folder()), name: ".".into(), found: None })
    }

    /// Opens the parent folder with one call if there is no link on the way,
    /// which is the usual case. On any other result the walk decides: a kernel
    /// before 5.6 has no openat2(2), and some containers forbid it.
    fn straight(
        &self,
        names: &[OsString],
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
