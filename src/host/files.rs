//! Files, folders and links: looked at without following links, replaced
//! whole or not at all.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, openat, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, symlinkat, unlinkat};
use xattr::FileExt;

use super::chase::Place;
use super::{Error, Host, Result};

/// What a file holds. Shared, since plans, views and journals all hold it.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<[u8]>);

impl Content {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The user's name, or `#number` where the number has none.
    pub owner: String,
    /// The group's name, or `#number` where the number has none.
    pub group: String,
    /// The permission bits, with set-uid, set-gid and sticky.
    pub mode: u32,
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
    /// A symbolic link.
    Link {
        /// Where it points, as written.
        target: PathBuf,
    },
    /// A FIFO, a socket or a device.
    Special,
}

/// What tells, without reading it, that a file is still the one seen before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileStamp {
    /// The inode number.
    pub inode: u64,
    /// The size in bytes.
    pub size: i64,
    /// When the content last changed, in nanoseconds since 1970.
    pub modified: i64,
    /// When content, owner or mode last changed, in nanoseconds since 1970.
    pub changed: i64,
}

impl Host {
    /// Looks at what stands at `path`; a link is seen as a link.
    pub fn entry(&self, path: &Path) -> Result<Option<Entry>> {
        let Some((place, found)) = self.look(path, false)? else { return Ok(None) };
        Ok(Some(match kind(&found) {
            SFlag::S_IFREG => Entry::File {
                content: read_at(&place).map_err(|e| Error::io("read", path, e))?,
                ownership: self.ownership(&found),
            },
            SFlag::S_IFDIR => Entry::Directory(self.ownership(&found)),
            SFlag::S_IFLNK => Entry::Link {
                target: readlinkat(&place.folder, place.name.as_os_str())
                    .map_err(|e| Error::io("read", path, e.into()))?
                    .into(),
            },
            _ => Entry::Special,
        }))
    }

    /// Reads the file meant by `path`, through links that root owns.
    pub fn read(&self, path: &Path) -> Result<Option<Content>> {
        let Some((place, found)) = self.look(path, true)? else { return Ok(None) };
        if kind(&found) != SFlag::S_IFREG {
            let error = io::Error::other("it is not a regular file");
            return Err(Error::io("read", path, error));
        }
        read_at(&place).map(Some).map_err(|e| Error::io("read", path, e))
    }

    /// Returns the stamp of the file meant by `path`, through links that root
    /// owns.
    pub fn stamp(&self, path: &Path) -> Result<Option<FileStamp>> {
        const NANOSECONDS: i64 = 1_000_000_000;
        Ok(self.look(path, true)?.map(|(_, found)| FileStamp {
            inode: found.st_ino,
            size: found.st_size,
            modified: found.st_mtime * NANOSECONDS + found.st_mtime_nsec,
            changed: found.st_ctime * NANOSECONDS + found.st_ctime_nsec,
        }))
    }

    /// Returns the process that holds a write lock (`fcntl(2)`, as dpkg and apt
    /// take it) on a file.
    pub(super) fn lock_holder(&self, path: &Path) -> Result<Option<i32>> {
        let Some((place, _)) = self.look(path, true)? else { return Ok(None) };
        let file = open_file(&place).map_err(|e| Error::io("open", path, e))?;
        let mut lock = nix::libc::flock {
            l_type: nix::libc::F_WRLCK as _,
            l_whence: nix::libc::SEEK_SET as _,
            l_start: 0,
            l_len: 0,
            l_pid: 0,
        };
        fcntl(&file, FcntlArg::F_GETLK(&mut lock))
            .map_err(|e| Error::io("look at the lock of", path, e.into()))?;
        let free = i32::from(lock.l_type) == nix::libc::F_UNLCK;
        Ok((!free && lock.l_pid > 0).then_some(lock.l_pid))
    }

    /// Tells whether anything stands at `path`, links followed.
    pub fn exists(&self, path: &Path) -> Result<bool> {
        Ok(self.look(path, true)?.is_some())
    }

    /// Lists the names in a folder, sorted; a folder that is not there is empty.
    pub fn list(&self, path: &Path) -> Result<Vec<String>> {
        let fail = |errno: Errno| Error::io("list", path, errno.into());
        let Some((place, _)) = self.look(path, true)? else { return Ok(Vec::new()) };
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let folder =
            openat(&place.folder, place.name.as_os_str(), flags, Mode::empty()).map_err(fail)?;
        let mut folder = nix::dir::Dir::from_fd(folder).map_err(fail)?;
        let mut names = Vec::new();
        for entry in folder.iter() {
            let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Puts a file in place: written beside it, complete with owner and mode
    /// before its name leads to it, then renamed over what was there. Extended
    /// attributes and access lists of a file that is replaced are kept. Where
    /// only owner or mode differ, only they are changed.
    pub fn put_file(&self, path: &Path, content: &Content, ownership: &Ownership) -> Result<()> {
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        let old = open_file(&place).ok();
        // Another name of the same file is not declared, so it is left alone.
        if let Some(old) = &old
            && fstat(old).is_ok_and(|found| found.st_nlink == 1)
            && read_all(old).is_ok_and(|bytes| bytes == content.bytes())
        {
            return set_ownership(old, numbers, ownership.mode)
                .map_err(|e| Error::io("change", path, e));
        }
        self.replace_file(path, &place, old.as_ref(), content, (numbers, ownership.mode))
    }

    /// As [`Host::put_file`], and the file is a new one even where the same
    /// content is there already, for those who go by its time.
    pub fn put_new_file(
        &self,
        path: &Path,
        content: &Content,
        ownership: &Ownership,
    ) -> Result<()> {
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        let old = open_file(&place).ok();
        self.replace_file(path, &place, old.as_ref(), content, (numbers, ownership.mode))
    }

    fn replace_file(
        &self,
        path: &Path,
        place: &Place,
        old: Option<&File>,
        content: &Content,
        (numbers, mode): ((u32, u32), u32),
    ) -> Result<()> {
        self.clear_for(path, place, true)?;
        let written = replace(place, |new| {
            new.write_all(content.bytes())?;
            if let Some(old) = old {
                keep_attributes(old, new)?;
            }
            set_ownership(new, numbers, mode)
        });
        written.map_err(|e| Error::io("write", path, e))
    }

    /// Makes a folder, or gives the one that is there its owner and mode.
    pub fn put_directory(&self, path: &Path, ownership: &Ownership) -> Result<()> {
        let fail = |e: io::Error| Error::io("make the directory", path, e);
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = || openat(&place.folder, place.name.as_os_str(), flags, Mode::empty());
        let folder = match open() {
            Ok(folder) => folder,
            Err(_) => {
                self.clear_for(path, &place, false)?;
                mkdirat(&place.folder, place.name.as_os_str(), Mode::S_IRWXU)
                    .map_err(|e| fail(e.into()))?;
                open().map_err(|e| fail(e.into()))?
            }
        };
        set_ownership(&File::from(folder), numbers, ownership.mode).map_err(fail)?;
        sync_folder(&place).map_err(fail)
    }

    /// Puts a symbolic link in place, atomically.
    pub fn put_link(&self, path: &Path, target: &Path) -> Result<()> {
        let fail = |e: io::Error| Error::io("link", path, e);
        let place = self.existing_place(path)?;
        self.clear_for(path, &place, true)?;
        let new = temporary_name(&place);
        let _ = unlinkat(&place.folder, new.as_str(), UnlinkatFlags::NoRemoveDir);
        symlinkat(target, &place.folder, new.as_str()).map_err(|e| fail(e.into()))?;
        renameat(&place.folder, new.as_str(), &place.folder, place.name.as_os_str())
            .map_err(|e| fail(e.into()))?;
        sync_folder(&place).map_err(fail)
    }

    /// Opens a file to lock, making it where it is not there.
    pub fn open_lock(&self, path: &Path) -> Result<File> {
        let place = self.existing_place(path)?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        openat(&place.folder, place.name.as_os_str(), flags, mode)
            .map(File::from)
            .map_err(|errno| Error::io("open", path, errno.into()))
    }

    /// Gives what stands at `from` the name `to`, in place of what has it.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let (old, new) = (self.place(from)?, self.existing_place(to)?);
        renameat(&old.folder, old.name.as_os_str(), &new.folder, new.name.as_os_str())
            .map_err(|errno| Error::io("rename", from, errno.into()))?;
        sync_folder(&new).map_err(|e| Error::io("rename", from, e))
    }

    /// Removes what stands at `path`; a folder only where it is empty.
    pub fn remove(&self, path: &Path) -> Result<()> {
        let Some((place, found)) = self.look(path, false)? else { return Ok(()) };
        let flag = match kind(&found) {
            SFlag::S_IFDIR => UnlinkatFlags::RemoveDir,
            _ => UnlinkatFlags::NoRemoveDir,
        };
        match unlinkat(&place.folder, place.name.as_os_str(), flag) {
            Ok(()) => sync_folder(&place).map_err(|e| Error::io("remove", path, e)),
            Err(Errno::ENOTEMPTY) => Err(Error::DirectoryInTheWay { path: path.to_owned() }),
            Err(errno) => Err(Error::io("remove", path, errno.into())),
        }
    }

    /// Makes a folder and the missing ones above it, for root's eyes only.
    pub fn make_private_directories(&self, path: &Path) -> Result<()> {
        let ownership = Ownership { owner: "#0".into(), group: "#0".into(), mode: 0o700 };
        let mut above: Vec<&Path> = path.ancestors().collect();
        above.reverse();
        for folder in above {
            if !self.exists(folder)? {
                self.put_directory(folder, &ownership)?;
            }
        }
        Ok(())
    }

    /// Removes a folder with all that is in it. Nothing in it is followed.
    pub fn remove_tree(&self, path: &Path) -> Result<()> {
        match self.look(path, false)? {
            Some((_, found)) if kind(&found) == SFlag::S_IFDIR => {
                for name in self.list(path)? {
                    self.remove_tree(&path.join(name))?;
                }
                self.remove(path)
            }
            Some(_) => self.remove(path),
            None => Ok(()),
        }
    }

    fn look(&self, path: &Path, behind_links: bool) -> Result<Option<(Place, FileStat)>> {
        let place = if behind_links { self.place_behind_links(path) } else { self.place(path) };
        let place = match place {
            Ok(place) => place,
            Err(Error::Io { source, .. }) if is_absence(&source) => return Ok(None),
            Err(error) => return Err(error),
        };
        match fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some((place, found))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Error::io("look at", path, errno.into())),
        }
    }

    /// Finds the place of something that is about to be made.
    fn existing_place(&self, path: &Path) -> Result<Place> {
        self.place(path).map_err(|error| match (error, path.parent()) {
            (Error::Io { source, .. }, Some(parent)) if is_absence(&source) => {
                Error::NoParent { path: parent.to_owned() }
            }
            (error, _) => error,
        })
    }

    /// Removes what a rename cannot replace: a folder, if it is empty, and for
    /// a folder that is to come, anything else.
    fn clear_for(&self, path: &Path, place: &Place, a_name_to_rename_over: bool) -> Result<()> {
        match fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) if a_name_to_rename_over && kind(&found) != SFlag::S_IFDIR => Ok(()),
            Ok(_) => self.remove(path),
            Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::io("look at", path, errno.into())),
        }
    }

    fn ownership(&self, found: &FileStat) -> Ownership {
        Ownership {
            owner: self.user_name(found.st_uid),
            group: self.group_name(found.st_gid),
            mode: found.st_mode & 0o7777,
        }
    }
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Opens a file without following a link and without waiting for the other
/// end of a FIFO.
fn open_file(place: &Place) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(&place.folder, place.name.as_os_str(), flags, Mode::empty())?;
    match kind(&fstat(&file)?) {
        SFlag::S_IFREG => Ok(file.into()),
        _ => Err(io::Error::other("it is not a regular file")),
    }
}

fn read_at(place: &Place) -> io::Result<Content> {
    Ok(Content::new(read_all(&open_file(place)?)?))
}

fn read_all(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The name that a new file has until it is complete. It is always the same,
/// so that one left by a run that was killed is replaced by the next.
fn temporary_name(place: &Place) -> String {
    format!(".{}.mailprov-new", place.name.to_string_lossy())
}

/// Writes a new file beside the old one and renames it over it.
fn replace(place: &Place, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = temporary_name(place);
    let flags =
        OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let _ = unlinkat(&place.folder, name.as_str(), UnlinkatFlags::NoRemoveDir);
    let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut new = File::from(openat(&place.folder, name.as_str(), flags, owner_only)?);
    let result = fill(&mut new).and_then(|()| new.sync_all()).and_then(|()| {
        Ok(renameat(&place.folder, name.as_str(), &place.folder, place.name.as_os_str())?)
    });
    if result.is_err() {
        let _ = unlinkat(&place.folder, name.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    result.and_then(|()| sync_folder(place))
}

/// Gives a file owner, group and mode so that at no moment more people can
/// read it than before or after.
fn set_ownership(file: &File, (uid, gid): (u32, u32), mode: u32) -> io::Result<()> {
    let found = fstat(file)?;
    if (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (uid, gid, mode) {
        return Ok(());
    }
    if (found.st_uid, found.st_gid) != (uid, gid) {
        fchmod(file, Mode::from_bits_truncate(found.st_mode & mode & 0o777))?;
        fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    Ok(fchmod(file, Mode::from_bits_truncate(mode))?)
}

/// Copies extended attributes, access lists among them. Those that vouch for
/// the content (capabilities, integrity) belong to the old content.
fn keep_attributes(old: &File, new: &File) -> io::Result<()> {
    let names = match old.list_xattr() {
        Err(error) if error.raw_os_error() == Some(nix::libc::EOPNOTSUPP) => return Ok(()),
        names => names?,
    };
    for name in names {
        let text = name.to_string_lossy();
        if ["security.capability", "security.ima", "security.evm"].contains(&&*text) {
            continue;
        }
        if let Some(value) = old.get_xattr(&name)? {
            new.set_xattr(&name, &value)?;
        }
    }
    Ok(())
}

/// Makes a rename in a folder last through a power cut.
fn sync_folder(place: &Place) -> io::Result<()> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder: OwnedFd = openat(&place.folder, ".", flags, Mode::empty())?;
    Ok(fsync(folder.as_fd())?)
}
