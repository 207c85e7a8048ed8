//! Gives the files of a user or group to its new number.
//!
//! Root does this in folders that the owner of the files may be writing to. So
//! each entry is opened without following a link, examined, and changed through
//! the open descriptor: nothing can be put in its place in between. Files of
//! other owners are left alone, whatever their names are.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, fchownat};
use serde::{Deserialize, Serialize};

use super::{Error, Host, Result};
use crate::local::kind;

/// The limit of nested folders. No real mailbox is deeper.
const DEEPEST: usize = 100;

/// The old and the new number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Renumbered {
    /// The old number.
    pub from: u32,
    /// The new number.
    pub to: u32,
}

/// The visitor of a walk. It gets each entry opened.
type Visit<'v> = &'v mut dyn FnMut(BorrowedFd<'_>, &FileStat) -> nix::Result<()>;

impl Host {
    /// Counts the entries in `folder`, including itself, that belong to the old user or group.
    pub(crate) fn count_held(
        &self,
        folder: &Path,
        uid: Option<Renumbered>,
        gid: Option<Renumbered>,
    ) -> Result<u64> {
        let mut count = 0;
        self.walk_below(folder, &mut |_, found| {
            let (user, group) = due(found, uid, gid);
            count += u64::from(user.is_some() || group.is_some());
            Ok(())
        })?;
        Ok(count)
    }

    /// Gives the entries in `folder`, including itself, that belong to the old
    /// user or group to the new one.
    pub(crate) fn hand_over(
        &self,
        folder: &Path,
        uid: Option<Renumbered>,
        gid: Option<Renumbered>,
    ) -> Result<()> {
        self.walk_below(folder, &mut |open, found| match due(found, uid, gid) {
            (None, None) => Ok(()),
            (user, group) => fchownat(open, "", user, group, AtFlags::AT_EMPTY_PATH),
        })
    }

    fn walk_below(&self, folder: &Path, visit: Visit<'_>) -> Result<()> {
        let Some((place, _)) = self.look(folder, true)? else { return Ok(()) };
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let top = match openat(&place.folder, place.name.as_os_str(), flags, Mode::empty()) {
            // Not a folder.
            Err(Errno::ENOTDIR) => return Ok(()),
            top => top.map_err(|errno| Error::io("open", folder, errno.into()))?,
        };
        walk(&top, DEEPEST, visit).map_err(|errno| Error::io("hand over", folder, errno.into()))
    }
}

/// Visits all entries of a folder, then the folder itself.
fn walk(folder: &OwnedFd, deepest: usize, visit: Visit<'_>) -> nix::Result<()> {
    if deepest == 0 {
        return Err(Errno::ELOOP);
    }
    for name in names(folder)? {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = match openat(folder, name.as_c_str(), flags, Mode::empty()) {
            // A mail program has removed it.
            Err(Errno::ENOENT) => continue,
            open => open?,
        };
        let found = fstat(&open)?;
        match kind(&found) {
            SFlag::S_IFDIR => walk(&open, deepest - 1, visit)?,
            _ => visit(open.as_fd(), &found)?,
        }
    }
    visit(folder.as_fd(), &fstat(folder)?)
}

fn names(folder: &OwnedFd) -> nix::Result<Vec<std::ffi::CString>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut folder = nix::dir::Dir::from_fd(openat(folder, ".", flags, Mode::empty())?)?;
    let mut names = Vec::new();
    for entry in folder.iter() {
        let entry = entry?;
        if ![c".", c".."].contains(&entry.file_name()) {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

/// Returns the new user and group of an entry, where they change.
fn due(
    found: &FileStat,
    uid: Option<Renumbered>,
    gid: Option<Renumbered>,
) -> (Option<Uid>, Option<Gid>) {
    let user = uid.filter(|it| it.from == found.st_uid).map(|it| Uid::from_raw(it.to));
    let group = gid.filter(|it| it.from == found.st_gid).map(|it| Gid::from_raw(it.to));
    (user, group)
}
