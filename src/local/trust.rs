//! Decides which files root acts on.
//!
//! Root does what a mail.yml or a playbook says, so it must accept none that
//! another user could have written: a file must belong to root, no other user
//! may write to it, and none of its folders may let another user replace an
//! entry. A sticky folder such as /tmp is safe for root's entries. For a link,
//! its own folder and that of its target count alike. As in git
//! (`safe.directory`), the user who called sudo counts as root.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::unistd::{Gid, Group, Uid, User, geteuid};

use super::walk::{Walk, kind};

/// The attribute of an access control list (acl(5)).
const LIST: &str = "system.posix_acl_access";

/// The permissions in an entry of a list.
const MAY_READ: u16 = 4;
const MAY_WRITE: u16 = 2;

const GROUP_MAY_WRITE: u32 = 0o020;
const ALL_MAY_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A file that root does not act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Untrusted {
    /// The path, its owner, and the problem.
    pub reason: String,
    /// The remedy, as a sentence.
    pub remedy: String,
}

impl Untrusted {
    /// Returns the problem that an error contains.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

/// Opens a file for reading; as root, only a trusted one.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    if geteuid().is_root() {
        return Judge::begin(path, Folders::OfOurs)?.file();
    }
    // This must precede open(2), which waits for the other end of a FIFO.
    if !fs::metadata(path)?.is_file() {
        return Err(not_a_file());
    }
    File::open(path)
}

/// Opens the folder in which a file is to be written, and returns it with the
/// name of the file. As root, it follows no link of another user.
pub(super) fn open_folder_of(path: &Path) -> io::Result<(Rc<OwnedFd>, OsString)> {
    Judge::begin(path, Folders::OfAnybody)?.folder()
}

/// Refuses a file that root does not act on. For other users, accepts any file.
///
/// # Errors
///
/// Fails with [`Untrusted`], or if the file cannot be examined.
pub(crate) fn refuse_untrusted(path: &Path) -> io::Result<()> {
    match geteuid().is_root() {
        true => open_file(path).map(drop),
        false => Ok(()),
    }
}

/// Returns the users and groups that can read a file, besides its owner, root
/// and the user behind sudo.
pub fn readers(path: &Path) -> io::Result<Option<String>> {
    let whole = fs::canonicalize(path)?;
    let found = fs::metadata(&whole)?;
    let is_foreign = |gid| !is_group_of_ours(gid);
    for folder in whole.ancestors().skip(1) {
        let folder = fs::metadata(folder)?;
        let may_enter = folder.mode() & 0o001 != 0;
        if !may_enter && (folder.mode() & 0o010 == 0 || !is_foreign(folder.gid())) {
            return Ok(None);
        }
    }
    Ok(match found.mode() {
        mode if mode & 0o004 != 0 => Some("any user".into()),
        mode if mode & 0o040 != 0 => other(&whole, found.gid(), MAY_READ),
        _ => None,
    })
}

/// The folders that a walk accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folders {
    /// Folders that no other user may change.
    OfOurs,
    OfAnybody,
}

/// A walk from the root to a file, which judges what it passes.
struct Judge {
    /// The whole path, for messages.
    whole: PathBuf,
    walk: Walk,
    whose: Folders,
}

impl Judge {
    fn begin(path: &Path, whose: Folders) -> io::Result<Self> {
        let whole = std::path::absolute(path)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let walk = Walk::begin(Rc::new(open("/", flags, Mode::empty())?), &whole);
        let judge = Self { whole, walk, whose };
        judge.judge_folder()?;
        Ok(judge)
    }

    /// Walks to the end of the path, and opens the file there.
    fn file(mut self) -> io::Result<File> {
        while let Some((name, is_last)) = self.walk.next_name() {
            let found = self.walk.look(&name)?;
            match kind(&found) {
                SFlag::S_IFLNK => self.follow(&name, &found)?,
                SFlag::S_IFREG if is_last => {
                    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
                    let file = openat(self.walk.folder(), name.as_os_str(), flags, Mode::empty())?;
                    let found = fstat(&file)?;
                    if kind(&found) != SFlag::S_IFREG {
                        break;
                    }
                    self.judge(file.as_fd(), &found, || self.path_of(&name))?;
                    return Ok(file.into());
                }
                SFlag::S_IFDIR if !is_last => self.enter(&name)?,
                SFlag::S_IFREG => return Err(io::ErrorKind::NotADirectory.into()),
                _ => break,
            }
        }
        Err(not_a_file())
    }

    /// Walks to the parent folder of the last name.
    fn folder(mut self) -> io::Result<(Rc<OwnedFd>, OsString)> {
        while let Some((name, is_last)) = self.walk.next_name() {
            if is_last {
                return Ok((Rc::clone(self.walk.folder()), name));
            }
            match self.walk.look(&name)? {
                found if kind(&found) == SFlag::S_IFLNK => self.follow(&name, &found)?,
                _ => self.enter(&name)?,
            }
        }
        Err(not_a_file())
    }

    /// Returns the path of an entry of the current folder, for messages.
    fn path_of(&self, name: &OsStr) -> PathBuf {
        fs::read_link(in_proc(self.walk.folder().as_fd())).unwrap_or_default().join(name)
    }

    fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        self.walk.enter(name)?;
        self.judge_folder()
    }

    fn follow(&mut self, name: &OsStr, found: &FileStat) -> io::Result<()> {
        if geteuid().is_root() && !is_ours(found.st_uid) {
            return Err(self.refuse_owner(&self.path_of(name), found));
        }
        Ok(self.walk.follow(name)?)
    }

    fn judge_folder(&self) -> io::Result<()> {
        let folder = self.walk.folder().as_fd();
        self.judge(folder, &fstat(folder)?, || fs::read_link(in_proc(folder)).unwrap_or_default())
    }

    /// Refuses an entry that another user may change.
    fn judge(
        &self,
        this: BorrowedFd<'_>,
        found: &FileStat,
        path: impl Fn() -> PathBuf,
    ) -> io::Result<()> {
        if self.whose == Folders::OfAnybody {
            return Ok(());
        }
        if !is_ours(found.st_uid) {
            return Err(self.refuse_owner(&path(), found));
        }
        // In a sticky folder each user can remove only their own entries, and
        // the next entry is examined too.
        if kind(found) == SFlag::S_IFDIR && found.st_mode & STICKY != 0 {
            return Ok(());
        }
        match writer(this, found) {
            Some(writer) => Err(self.refuse_writer(&path(), found, &writer)),
            None => Ok(()),
        }
    }

    fn refuse_owner(&self, path: &Path, found: &FileStat) -> io::Error {
        let owner = user_name(found.st_uid);
        let shown = path.display();
        let remedy = match kind(found) {
            SFlag::S_IFDIR => self.elsewhere(),
            SFlag::S_IFLNK => "Name the file itself instead of the link.".into(),
            _ => format!("Read what is in it; if that is right: chown root: {shown}"),
        };
        refuse(format!("{} belongs to the user `{owner}`, not to root", self.subject(path)), remedy)
    }

    fn refuse_writer(&self, path: &Path, found: &FileStat, writer: &str) -> io::Error {
        let shown = path.display();
        let mend = format!("chmod go-w {shown}");
        let remedy = match kind(found) {
            SFlag::S_IFDIR => format!("{} Or: {mend}", self.elsewhere()),
            _ => format!("Read what is in it; if that is right: {mend}"),
        };
        let (owner, mode) = (user_name(found.st_uid), found.st_mode & 0o7777);
        let subject = self.subject(path);
        refuse(
            format!("{subject} can be written by {writer} (owner `{owner}`, mode {mode:04o})"),
            remedy,
        )
    }

    /// Names the entry that is examined: the file itself, or a folder above it.
    fn subject(&self, path: &Path) -> String {
        match path == self.whole {
            true => format!("root does not use {}: it", path.display()),
            false => format!("root does not use {}: {}", self.whole.display(), path.display()),
        }
    }

    fn elsewhere(&self) -> String {
        let name = self.whole.file_name().unwrap_or_default().display();
        format!("Copy it to a folder of root's, such as /etc/mailprov/{name}, and name it there.")
    }
}

fn refuse(reason: String, remedy: String) -> io::Error {
    io::Error::other(Untrusted { reason, remedy })
}

fn not_a_file() -> io::Error {
    io::Error::other("it is not a file")
}

/// Returns the path in /proc of an open file.
fn in_proc(this: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", this.as_raw_fd())
}

/// Returns the user who called sudo (sudo(8)).
fn behind_sudo() -> Option<Uid> {
    let number = geteuid().is_root().then(|| std::env::var("SUDO_UID").ok()).flatten()?;
    number.parse().ok().map(Uid::from_raw)
}

/// Returns whether root acts on the files of a user.
fn is_ours(uid: u32) -> bool {
    let uid = Uid::from_raw(uid);
    uid.is_root() || uid == geteuid() || behind_sudo() == Some(uid)
}

/// Returns whether a group is root's, or a user's private group in Debian,
/// which has no other members (adduser(8), `USERGROUPS`).
fn is_group_of_ours(gid: u32) -> bool {
    let ours = behind_sudo().unwrap_or_else(geteuid);
    let user = || User::from_uid(ours).ok().flatten();
    let group = || Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    gid == 0
        || user().zip(group()).is_some_and(|(user, group)| {
            let is_alone = group.mem.iter().all(|name| *name == user.name || name == "root");
            user.gid.as_raw() == gid && group.name == user.name && is_alone
        })
}

/// Returns a user or group that may write to an entry and is not trusted.
fn writer(this: BorrowedFd<'_>, found: &FileStat) -> Option<String> {
    if found.st_mode & ALL_MAY_WRITE != 0 {
        return Some("any user".into());
    }
    // With an access control list, these bits are the upper limit of its entries.
    if found.st_mode & GROUP_MAY_WRITE == 0 {
        return None;
    }
    // The folder was opened with O_PATH, which has no extended attributes; its path in /proc does.
    other(Path::new(&in_proc(this)), found.st_gid, MAY_WRITE)
}

/// Returns a user or group that has this permission, by the file's group or its
/// access control list, and is not trusted.
fn other(path: &Path, group: u32, operation: u16) -> Option<String> {
    let of_group =
        |gid| (!is_group_of_ours(gid)).then(|| format!("the group `{}`", group_name(gid)));
    match xattr::get_deref(path, LIST) {
        Ok(Some(list)) => list_entries(&list, operation).find_map(|(tag, id)| match tag {
            Tag::User => (!is_ours(id)).then(|| format!("the user `{}`", user_name(id))),
            Tag::Owners => of_group(group),
            Tag::Group => of_group(id),
        }),
        _ => of_group(group),
    }
}

/// The subject of an entry in an access control list.
enum Tag {
    User,
    /// The group of the file.
    Owners,
    Group,
}

/// Parses the entries with this permission from a list in the kernel's format:
/// a version and entries of eight bytes, `linux/posix_acl_xattr.h`.
fn list_entries(list: &[u8], operation: u16) -> impl Iterator<Item = (Tag, u32)> + '_ {
    let entries = list.get(4..).unwrap_or_default().chunks_exact(8);
    entries.filter_map(move |entry| {
        let [tag, tag_high, may, may_high, id @ ..] = entry else { return None };
        let tag = match u16::from_le_bytes([*tag, *tag_high]) {
            0x02 => Tag::User,
            0x04 => Tag::Owners,
            0x08 => Tag::Group,
            _ => return None,
        };
        let may = u16::from_le_bytes([*may, *may_high]);
        let id = u32::from_le_bytes(id.try_into().ok()?);
        (may & operation != 0).then_some((tag, id))
    })
}

/// Returns the name of a user number, or `#number` if it has none.
pub(crate) fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("#{uid}"), |user| user.name)
}

/// Returns the name of a group number, or `#number` if it has none.
pub(crate) fn group_name(gid: u32) -> String {
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    group.map_or_else(|| format!("#{gid}"), |group| group.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    /// A folder of root's with a file in a subfolder.
    fn desk() -> tempfile::TempDir {
        let desk = tempfile::tempdir().unwrap();
        fs::create_dir(desk.path().join("in")).unwrap();
        fs::write(desk.path().join("in/mail.yml"), "x").unwrap();
        desk
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[track_caller]
    fn refused(path: &Path, words: &str) {
        let error = open_file(path).unwrap_err();
        let refused = Untrusted::of(&error).unwrap_or_else(|| panic!("{error}"));
        assert!(refused.reason.contains(words), "{refused:?}");
        assert!(refused.reason.contains(&path.display().to_string()), "{refused:?}");
    }

    #[test]
    fn root_takes_what_is_its_own_and_what_no_other_user_may_write() {
        if !geteuid().is_root() {
            return;
        }
        let desk = desk();
        let (folder, file) = (desk.path().join("in"), desk.path().join("in/mail.yml"));
        open_file(&file).unwrap();
        mode(&file, 0o664);
        open_file(&file).unwrap();
        chown(&file, None, Some(65534)).unwrap();
        refused(&file, "can be written by the group `nogroup` (owner `root`, mode 0664)");
        mode(&file, 0o646);
        refused(&file, "can be written by any user");
        mode(&file, 0o644);
        open_file(&file).unwrap();
        chown(&file, Some(65534), None).unwrap();
        refused(&file, "belongs to the user `nobody`");
        chown(&file, Some(0), Some(0)).unwrap();
        mode(&folder, 0o777);
        refused(&file, "in can be written by any user");
        mode(&folder, 0o1777);
        open_file(&file).unwrap();
        chown(&folder, Some(65534), None).unwrap();
        refused(&file, "in belongs to the user `nobody`");
    }

    #[test]
    fn a_link_is_judged_with_its_own_folder_and_with_that_of_its_target() {
        if !geteuid().is_root() {
            return;
        }
        let desk = desk();
        let link = desk.path().join("link");
        symlink("in/mail.yml", &link).unwrap();
        open_file(&link).unwrap();
        mode(&desk.path().join("in"), 0o777);
        refused(&link, "in can be written by any user");
        mode(&desk.path().join("in"), 0o755);
        std::os::unix::fs::lchown(&link, Some(65534), None).unwrap();
        refused(&link, "belongs to the user `nobody`");
        let up = desk.path().join("in/../in/mail.yml");
        open_file(&up).unwrap();
    }

    #[test]
    fn a_list_names_who_else_may_write() {
        let entry = |tag: u16, may: u16, id: u32| {
            [&tag.to_le_bytes()[..], &may.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let list = [
            2u32.to_le_bytes().to_vec(),
            entry(0x01, 6, u32::MAX),
            entry(0x02, 6, 1000),
            entry(0x02, 4, 1001),
            entry(0x04, 4, u32::MAX),
            entry(0x08, 7, 50),
            entry(0x10, 7, u32::MAX),
            entry(0x20, 4, u32::MAX),
        ];
        let writers: Vec<u32> = list_entries(&list.concat(), MAY_WRITE).map(|(_, id)| id).collect();
        assert_eq!(writers, [1000, 50]);
    }
}
