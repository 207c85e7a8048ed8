//! Puts files, folders, links and FIFOs in place: whole or not at all, and
//! never readable by more users than intended, not even for a moment.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{
    Mode, SFlag, UtimensatFlags, fchmod, fstat, fstatat, futimens, mkdirat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, mkfifoat, symlinkat, unlinkat};
use xattr::FileExt;

use super::entry::is_absence;
use super::path_resolution::ResolvedPath;
use super::read::{attributes, open_file, open_folder, read_all};
use super::{Content, Error, Host, Ownership, Result};
use crate::fault::{Point, pass};
use crate::local::kind;

impl Host {
    /// Puts a file in place: writes a new file with the final owner and mode,
    /// then renames it over the old one. If only owner or mode differ, it
    /// changes only those.
    pub(crate) fn put_file(
        &self,
        path: &Path,
        content: &Content,
        ownership: &Ownership,
    ) -> Result<()> {
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        let old = open_file(&place).ok();
        // Another hard link to the same file is not declared, so the file is not changed in place.
        if let Some(old) = &old
            && let Ok(found) = fstat(old)
            && found.st_nlink == 1
            && read_all(old, found.st_size).is_ok_and(|bytes| bytes == content.bytes())
        {
            return set_ownership(old, numbers, ownership)
                .map_err(|e| Error::io("change", path, e));
        }
        self.put_new_file(path, content, ownership)
    }

    /// Puts a file in place as [`Host::put_file`] does, but replaces it even if
    /// the content is the same, for programs that compare its time.
    pub(crate) fn put_new_file(
        &self,
        path: &Path,
        content: &Content,
        ownership: &Ownership,
    ) -> Result<()> {
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        self.clear_for(path, &place, true)?;
        let written = replace(&place, |new| {
            new.write_all(content.bytes())?;
            set_ownership(new, numbers, ownership)
        });
        written.map_err(|e| Error::io("write", path, e))
    }

    /// Makes a folder, or sets owner and mode of an existing one.
    pub(crate) fn put_directory(&self, path: &Path, ownership: &Ownership) -> Result<()> {
        let fail = |e: io::Error| Error::io("make the directory", path, e);
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        let folder = match open_folder(&place) {
            Ok(folder) => folder,
            Err(_) => {
                self.clear_for(path, &place, false)?;
                mkdirat(&place.folder, place.name.as_os_str(), Mode::S_IRWXU)
                    .map_err(|e| fail(e.into()))?;
                open_folder(&place).map_err(fail)?
            }
        };
        set_ownership(&folder, numbers, ownership).map_err(fail)?;
        sync_folder(&place).map_err(fail)
    }

    /// Puts a symbolic link in place, atomically.
    pub(crate) fn put_link(&self, path: &Path, target: &Path) -> Result<()> {
        let fail = |e: io::Error| Error::io("link", path, e);
        let place = self.existing_place(path)?;
        self.clear_for(path, &place, true)?;
        let made = make_aside(&place, |new| Ok(symlinkat(target, &place.folder, new)?));
        made.map_err(fail)
    }

    /// Puts a FIFO in place, atomically.
    pub(crate) fn put_fifo(&self, path: &Path, ownership: &Ownership) -> Result<()> {
        let fail = |e: io::Error| Error::io("make the FIFO", path, e);
        let numbers = self.numbers(&ownership.owner, &ownership.group)?;
        let place = self.existing_place(path)?;
        self.clear_for(path, &place, true)?;
        let made = make_aside(&place, |new| {
            mkfifoat(&place.folder, new, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let fifo = File::from(openat(&place.folder, new, flags, Mode::empty())?);
            set_ownership(&fifo, numbers, ownership)
        });
        made.map_err(fail)
    }

    /// Opens a file to lock it, and creates it if needed.
    pub(crate) fn open_lock(&self, path: &Path) -> Result<File> {
        let place = self.existing_place(path)?;
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        openat(&place.folder, place.name.as_os_str(), flags, mode)
            .map(File::from)
            .map_err(|errno| Error::io("open", path, errno.into()))
    }

    /// Appends to a file, and creates it for root only if needed. When this
    /// returns, the data is on disk, whole or not at all.
    pub fn append(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let fail = |e: io::Error| Error::io("write", path, e);
        let place = self.existing_place(path)?;
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = |flags| {
            openat(&place.folder, place.name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
        };
        let (file, is_new) = match open(flags) {
            Ok(file) => (file, false),
            Err(Errno::ENOENT) => (open(flags | OFlag::O_CREAT).map_err(|e| fail(e.into()))?, true),
            Err(errno) => return Err(fail(errno.into())),
        };
        let mut file = File::from(file);
        let length = file.metadata().map_err(fail)?.len();
        if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
            // Otherwise the next line would be appended to a truncated one.
            let _ = file.set_len(length);
            return Err(fail(error));
        }
        if is_new { sync_folder(&place).map_err(fail) } else { Ok(()) }
    }

    /// Renames `from` to `to`, replacing it.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let (old, new) = (self.place(from)?, self.existing_place(to)?);
        renameat(&old.folder, old.name.as_os_str(), &new.folder, new.name.as_os_str())
            .map_err(|errno| Error::io("rename", from, errno.into()))?;
        sync_folder(&new).map_err(|e| Error::io("rename", from, e))
    }

    /// Removes the entry at `path`. A folder must be empty.
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

    /// Makes a folder and its missing parents, for root only.
    pub(crate) fn make_private_directories(&self, path: &Path) -> Result<()> {
        let ownership = Ownership::of_root(0o700);
        let mut above: Vec<&Path> = path.ancestors().collect();
        above.reverse();
        for folder in above {
            if !self.exists(folder)? {
                self.put_directory(folder, &ownership)?;
            }
        }
        Ok(())
    }

    /// Removes a folder with its content, without following links.
    pub(crate) fn remove_tree(&self, path: &Path) -> Result<()> {
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

    /// Returns the temporary path of an entry that is renamed to `path` when it is complete.
    pub(crate) fn unfinished(path: &Path) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.with_file_name(format!(".{name}{UNFINISHED}"))
    }

    /// Removes incomplete entries that a killed run left in `folder` and below.
    pub(crate) fn remove_unfinished_below(&self, folder: &Path) -> Result<()> {
        for name in self.list(folder)? {
            let path = folder.join(&name);
            if name.starts_with('.') && name.ends_with(UNFINISHED) {
                self.remove_tree(&path)?;
            } else if let Some((_, found)) = self.look(&path, false)?
                && kind(&found) == SFlag::S_IFDIR
            {
                self.remove_unfinished_below(&path)?;
            }
        }
        Ok(())
    }

    /// Sets the time of the file at `path` to be no earlier than that of
    /// `other`, in case the clock was set back.
    pub(crate) fn make_no_older(&self, path: &Path, other: &Path) -> Result<()> {
        let (Some((place, found)), Some((_, other))) =
            (self.look(path, false)?, self.look(other, true)?)
        else {
            return Ok(());
        };
        let written = TimeSpec::new(found.st_mtime, found.st_mtime_nsec);
        let wanted = TimeSpec::new(other.st_mtime, other.st_mtime_nsec);
        if written >= wanted {
            return Ok(());
        }
        set_written(&place, &wanted).map_err(|errno| Error::io("change", path, errno.into()))
    }

    /// Sets the time of the file at `path` long ago.
    pub(crate) fn make_old(&self, path: &Path) -> Result<()> {
        self.set_mtime(path, 0)
    }

    /// Sets the time of the file at `path`, in seconds since 1970.
    pub(crate) fn set_mtime(&self, path: &Path, seconds: i64) -> Result<()> {
        let place = self.existing_place(path)?;
        let written = set_written(&place, &TimeSpec::new(seconds, 0));
        written.map_err(|errno| Error::io("change", path, errno.into()))
    }

    /// Resolves the path of an entry that is about to be created.
    fn existing_place(&self, path: &Path) -> Result<ResolvedPath> {
        self.place(path).map_err(|error| match (error, path.parent()) {
            (Error::Io { source, .. }, Some(parent)) if is_absence(&source) => {
                Error::NoParent { path: parent.to_owned() }
            }
            (error, _) => error,
        })
    }

    /// Removes an entry that a rename cannot replace: an empty folder, or for a
    /// new folder, anything else.
    fn clear_for(
        &self,
        path: &Path,
        place: &ResolvedPath,
        a_name_to_rename_over: bool,
    ) -> Result<()> {
        match fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(found) if a_name_to_rename_over && kind(&found) != SFlag::S_IFDIR => Ok(()),
            Ok(_) => self.remove(path),
            Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::io("look at", path, errno.into())),
        }
    }
}

/// The suffix of incomplete entries.
const UNFINISHED: &str = ".mailprov-new";

/// Returns the name of a new file until it is complete. It is always the same,
/// so that the next run replaces the file that a killed run left.
fn temporary_name(place: &ResolvedPath) -> String {
    format!(".{}{UNFINISHED}", place.name.to_string_lossy())
}

/// Creates an entry other than a file under a temporary name, and renames it over the old one.
fn make_aside(place: &ResolvedPath, make: impl FnOnce(&str) -> io::Result<()>) -> io::Result<()> {
    let new = temporary_name(place);
    let _ = unlinkat(&place.folder, new.as_str(), UnlinkatFlags::NoRemoveDir);
    make(&new)?;
    renameat(&place.folder, new.as_str(), &place.folder, place.name.as_os_str())?;
    sync_folder(place)
}

/// Writes a new file beside the old one and renames it over it.
fn replace(place: &ResolvedPath, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let name = temporary_name(place);
    let flags =
        OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let _ = unlinkat(&place.folder, name.as_str(), UnlinkatFlags::NoRemoveDir);
    let owner_only = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut new = File::from(openat(&place.folder, name.as_str(), flags, owner_only)?);
    let complete = fill(&mut new)
        .and_then(|()| date(place, &new))
        .and_then(|()| new.sync_all())
        .and_then(|()| pass(Point::File));
    let result = complete.and_then(|()| {
        Ok(renameat(&place.folder, name.as_str(), &place.folder, place.name.as_os_str())?)
    });
    if result.is_err() {
        let _ = unlinkat(&place.folder, name.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    result.and_then(|()| sync_folder(place))
}

/// Sets the time of a new file so that programs that compare it use the file at
/// once. Postfix's programs wait up to two seconds for a file that was just
/// written, as its writer might not have finished: so the time is a little in
/// the past. Dovecot detects a change of its users by size and whole seconds,
/// and hashes have the same size, so that an old password would stay valid: so
/// the time differs by a second from that of the old file. It never follows a
/// clock that was set back.
fn date(place: &ResolvedPath, new: &File) -> io::Result<()> {
    const SETTLED: i64 = 3;
    const AHEAD: i64 = 3600;
    let now = fstat(new)?.st_mtime;
    let settled = now - SETTLED;
    let old = fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
    let written = match old.ok().filter(|old| kind(old) == SFlag::S_IFREG) {
        Some(old) if (settled..now + AHEAD).contains(&old.st_mtime) => old.st_mtime + 1,
        _ => settled,
    };
    Ok(futimens(new, &TimeSpec::UTIME_OMIT, &TimeSpec::new(written, 0))?)
}

/// Sets owner, group, attributes and mode of a file. At no moment can more
/// users read it than before or after.
fn set_ownership(file: &File, (uid, gid): (u32, u32), ownership: &Ownership) -> io::Result<()> {
    let found = fstat(file)?;
    let old = attributes(file)?;
    let same = (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (uid, gid, ownership.mode);
    if same && old == ownership.attributes {
        return Ok(());
    }
    if (found.st_uid, found.st_gid) != (uid, gid) {
        fchmod(file, Mode::from_bits_truncate(found.st_mode & ownership.mode & 0o777))?;
        fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    for (name, value) in &ownership.attributes {
        if old.get(name) != Some(value) {
            file.set_xattr(name, value)?;
        }
    }
    for name in old.keys().filter(|name| !ownership.attributes.contains_key(*name)) {
        file.remove_xattr(name)?;
    }
    Ok(fchmod(file, Mode::from_bits_truncate(ownership.mode))?)
}

/// Sets the modification time of an entry.
fn set_written(place: &ResolvedPath, time: &TimeSpec) -> nix::Result<()> {
    let (name, flags) = (place.name.as_os_str(), UtimensatFlags::NoFollowSymlink);
    utimensat(&place.folder, name, &TimeSpec::UTIME_OMIT, time, flags)
}

/// Makes a rename in a folder durable through a power cut.
pub(super) fn sync_folder(place: &ResolvedPath) -> io::Result<()> {
    super::recent::forget();
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder: OwnedFd = openat(&place.folder, ".", flags, Mode::empty())?;
    Ok(fsync(folder.as_fd())?)
}
