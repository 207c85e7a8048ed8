//! Files that go from one number to another: what belonged to a user or a group
//! belongs to it again once it has another number.
//!
//! Root does this in folders that the owner of the files may write in meanwhile.
//! So each thing is opened first, without following a link, looked at, and changed
//! by way of what was opened: no other can take its place in between. What belongs
//! to anybody else, under whatever name it lies there, is left alone.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, fchownat};
use serde::{Deserialize, Serialize};

use super::entry::kind;
use super::{Error, Host, Result};

/// Folders in folders beyond this number are no mailbox, but a trap.
const DEEPEST: usize = 100;

/// An old number and the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Renumbered {
    /// The number that files have.
    pub from: u32,
    /// The number that they are to have.
    pub to: u32,
}

/// What becomes of each thing that is walked by, itself open.
type Visit<'v> = &'v mut dyn FnMut(BorrowedFd<'_>, &FileStat) -> nix::Result<()>;

impl Host {
    /// Counts what belongs to the old user or the old group, in `folder` and
    /// below; the folder itself counts as well.
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

    /// Gives what belongs to the old user to the new one, what belongs to the old
    /// group to the new one, in `folder` and below.
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
            // It is no folder.
            Err(Errno::ENOTDIR) => return Ok(()),
            top => top.map_err(|errno| Error::io("open", folder, errno.into()))?,
        };
        walk(&top, DEEPEST, visit).map_err(|errno| Error::io("hand over", folder, errno.into()))
    }
}

/// Walks by all that is in a folder, and then by the folder.
fn walk(folder: &OwnedFd, deepest: usize, visit: Visit<'_>) -> nix::Result<()> {
    if deepest == 0 {
        return Err(Errno::ELOOP);
    }
    for name in names(folder)? {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = match openat(folder, name.as_c_str(), flags, Mode::empty()) {
            // A mail program took it away meanwhile.
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

/// Returns what something is to be given, user and group.
fn due(
    found: &FileStat,
    uid: Option<Renumbered>,
    gid: Option<Renumbered>,
) -> (Option<Uid>, Option<Gid>) {
    let user = uid.filter(|it| it.from == found.st_uid).map(|it| Uid::from_raw(it.to));
    let group = gid.filter(|it| it.from == found.st_gid).map(|it| Gid::from_raw(it.to));
    (user, group)
}
