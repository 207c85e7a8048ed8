//! Reads files, folders and links. Follows a link only if root or the current user owns it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{AccessFlags, faccessat, geteuid};
use xattr::FileExt;

use super::entry::is_absence;
use super::path_resolution::ResolvedPath;
use super::{Content, Entry, Error, FileStamp, Host, Ownership, Result, Standing};
use crate::local::kind;

impl Host {
    /// Returns the entry at `path`. A link is returned as a link.
    pub fn entry(&self, path: &Path) -> Result<Option<Entry>> {
        let Some((place, found)) = self.look(path, false)? else { return Ok(None) };
        Ok(Some(match kind(&found) {
            SFlag::S_IFREG => {
                let fail = |e| Error::io("read", path, e);
                let file = open_file(&place).map_err(fail)?;
                let content = Content::new(read_all(&file, found.st_size).map_err(fail)?);
                let attributes = attributes(&file).map_err(fail)?;
                Entry::File { content, ownership: self.ownership(&found, attributes) }
            }
            SFlag::S_IFDIR => {
                // A folder that may not be read can still show its owner.
                let attributes = open_folder(&place).and_then(|folder| attributes(&folder));
                Entry::Directory(self.ownership(&found, attributes.unwrap_or_default()))
            }
            SFlag::S_IFLNK => Entry::Link { target: target_of(&place, path)? },
            // Opening it would wake the process at its other end, so its
            // extended attributes are not read.
            SFlag::S_IFIFO => Entry::Fifo(self.ownership(&found, BTreeMap::new())),
            _ => Entry::Special,
        }))
    }

    /// Returns the file that `path` leads to and the folders above it, each
    /// with owner and mode. Returns `None` in a tree, whose links lead out of
    /// it.
    pub(crate) fn way_to(&self, path: &Path) -> Result<Option<Vec<(PathBuf, String, u32)>>> {
        if self.is_tree() {
            return Ok(None);
        }
        let fail = |e: io::Error| Error::io("look at", path, e);
        let file = match std::fs::canonicalize(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(fail)?,
        };
        let look = |place: &Path| {
            let found = std::fs::symlink_metadata(place).map_err(fail)?;
            Ok((place.to_owned(), self.user_name(found.uid()), found.mode() & 0o7777))
        };
        file.ancestors().map(look).collect::<Result<_>>().map(Some)
    }

    /// Returns owner and mode of the entry at `path`.
    pub(crate) fn owner_and_mode(&self, path: &Path) -> Result<Option<(String, u32)>> {
        let found = self.look(path, false)?;
        Ok(found.map(|(_, found)| (self.user_name(found.st_uid), found.st_mode & 0o7777)))
    }

    /// Reads the file that `path` leads to, through trusted links.
    pub fn read(&self, path: &Path) -> Result<Option<Content>> {
        let Some((place, found)) = self.look(path, true)? else { return Ok(None) };
        if kind(&found) != SFlag::S_IFREG {
            let error = io::Error::other("it is not a regular file");
            return Err(Error::io("read", path, error));
        }
        let bytes = open_file(&place).and_then(|file| read_all(&file, found.st_size));
        bytes.map(|bytes| Some(Content::new(bytes))).map_err(|e| Error::io("read", path, e))
    }

    /// Returns the stamp of the file that `path` leads to, through trusted links.
    pub(crate) fn stamp(&self, path: &Path) -> Result<Option<FileStamp>> {
        Ok(self.look(path, true)?.map(|(_, found)| FileStamp::from(&found)))
    }

    /// Returns the process that holds a write lock (`fcntl(2)`, as dpkg and apt use) on a file.
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

    /// Refuses a link at `path` that neither root nor the current user owns.
    pub(crate) fn refuse_planted_link(&self, path: &Path) -> Result<()> {
        let Some((_, found)) = self.look(path, false)? else { return Ok(()) };
        let is_ours = [0, geteuid().as_raw()].contains(&found.st_uid);
        match kind(&found) {
            SFlag::S_IFLNK if !is_ours => Err(Error::PlantedLink { path: path.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Refuses a folder in which every user may replace entries of others: one
    /// that all may write to and that is not sticky.
    pub(crate) fn refuse_exposed(&self, folder: &Path) -> Result<()> {
        const OPEN: u32 = 0o002;
        const STICKY: u32 = 0o1000;
        let Some((_, found)) = self.look(folder, true)? else { return Ok(()) };
        if kind(&found) == SFlag::S_IFDIR && found.st_mode & (OPEN | STICKY) == OPEN {
            return Err(Error::Exposed { path: folder.to_owned() });
        }
        Ok(())
    }

    /// Refuses an entry that even root cannot change: one that is immutable
    /// (chattr(1)), or in an immutable folder.
    pub(crate) fn refuse_immutable(&self, path: &Path) -> Result<()> {
        for path in path.ancestors().take(2) {
            let Some((place, found)) = self.look(path, false)? else { continue };
            if kind(&found) == SFlag::S_IFLNK {
                continue;
            }
            let name = place.name.as_os_str();
            // Root gets EPERM for no other obstacle.
            if faccessat(&place.folder, name, AccessFlags::W_OK, AtFlags::empty())
                == Err(Errno::EPERM)
            {
                return Err(Error::io("change", path, Errno::EPERM.into()));
            }
        }
        Ok(())
    }

    /// Returns whether `path` exists, even as a link that leads nowhere.
    pub(crate) fn is_taken(&self, path: &Path) -> Result<bool> {
        Ok(self.look(path, false)?.is_some())
    }

    /// Returns whether `path` exists, following links.
    pub fn exists(&self, path: &Path) -> Result<bool> {
        Ok(self.look(path, true)?.is_some())
    }

    /// Returns whether `path` is a regular file, following links.
    pub fn is_file(&self, path: &Path) -> Result<bool> {
        Ok(self.look(path, true)?.is_some_and(|(_, found)| kind(&found) == SFlag::S_IFREG))
    }

    /// Returns the path of the folder that a trusted link at `path` leads to,
    /// or `None` if there is no link.
    ///
    /// # Errors
    ///
    /// Fails if the link leads to anything but a folder.
    pub(crate) fn folder_behind(&self, path: &Path) -> Result<Option<PathBuf>> {
        let Some(target) = self.link_target(path)? else { return Ok(None) };
        let folder = self.look(path, true)?.filter(|(_, found)| kind(found) == SFlag::S_IFDIR);
        let Some((place, _)) = folder else {
            return Err(Error::LinkToNoDirectory { path: path.to_owned(), target });
        };
        // The kernel knows the resolved path.
        let known = format!("/proc/self/fd/{}", place.folder.as_raw_fd());
        let above = std::fs::read_link(&known).map_err(|e| Error::io("find", path, e))?;
        let behind = above.strip_prefix(&self.root).unwrap_or(&above).join(&place.name);
        Ok(Some(Path::new("/").join(behind)))
    }

    /// Returns owner and permissions of the entry that `path` leads to, through trusted links.
    pub(crate) fn standing(&self, path: &Path) -> Result<Option<Standing>> {
        let found = self.look(path, true)?;
        Ok(found.map(|(_, found)| Standing {
            uid: found.st_uid,
            mode: found.st_mode & 0o7777,
            is_folder: kind(&found) == SFlag::S_IFDIR,
        }))
    }

    /// Returns the target of a link at `path`, as written, or `None` if there is no link.
    fn link_target(&self, path: &Path) -> Result<Option<PathBuf>> {
        match self.look(path, false)? {
            Some((place, found)) if kind(&found) == SFlag::S_IFLNK => {
                target_of(&place, path).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Returns the names in a folder, sorted. A folder that does not exist is empty.
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

    pub(super) fn look(
        &self,
        path: &Path,
        behind_links: bool,
    ) -> Result<Option<(ResolvedPath, FileStat)>> {
        let place =
            if behind_links { self.place_behind_links(path) } else { self.place_to_look(path) };
        let place = match place {
            Ok(place) => place,
            Err(Error::Io { source, .. }) if is_absence(&source) => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = place.found.unwrap_or_else(|| {
            fstatat(&place.folder, place.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
        });
        match found {
            Ok(found) => Ok(Some((place, found))),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Error::io("look at", path, errno.into())),
        }
    }

    fn ownership(&self, found: &FileStat, attributes: BTreeMap<String, Vec<u8>>) -> Ownership {
        Ownership {
            owner: self.user_name(found.st_uid),
            group: self.group_name(found.st_gid),
            mode: found.st_mode & 0o7777,
            attributes,
        }
    }
}

impl From<&FileStat> for FileStamp {
    fn from(found: &FileStat) -> Self {
        const NANOSECONDS: i64 = 1_000_000_000;
        Self {
            inode: found.st_ino,
            size: found.st_size,
            modified: found.st_mtime * NANOSECONDS + found.st_mtime_nsec,
            changed: found.st_ctime * NANOSECONDS + found.st_ctime_nsec,
        }
    }
}

pub(super) fn target_of(place: &ResolvedPath, path: &Path) -> Result<PathBuf> {
    let target = readlinkat(&place.folder, place.name.as_os_str());
    target.map(PathBuf::from).map_err(|errno| Error::io("read", path, errno.into()))
}

/// Opens a file without following a link and without waiting for the other end of a FIFO.
pub(super) fn open_file(place: &ResolvedPath) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = openat(&place.folder, place.name.as_os_str(), flags, Mode::empty())?;
    match kind(&fstat(&file)?) {
        SFlag::S_IFREG => Ok(file.into()),
        _ => Err(io::Error::other("it is not a regular file")),
    }
}

/// Opens a folder without following a link.
pub(super) fn open_folder(place: &ResolvedPath) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(&place.folder, place.name.as_os_str(), flags, Mode::empty())?.into())
}

/// Reads the extended attributes, without those that the kernel's security
/// modules manage (labels, capabilities, integrity).
pub(super) fn attributes(file: &File) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let names = match file.list_xattr() {
        Err(error) if error.raw_os_error() == Some(nix::libc::EOPNOTSUPP) => {
            return Ok(BTreeMap::new());
        }
        names => names?,
    };
    let mut attributes = BTreeMap::new();
    for name in names {
        let text = name.to_string_lossy().into_owned();
        if text.starts_with("security.") {
            continue;
        }
        if let Some(value) = file.get_xattr(&name)? {
            attributes.insert(text, value);
        }
    }
    Ok(attributes)
}

/// Reads a file of about this size. The kernel's own files have size 0.
pub(super) fn read_all(file: &File, size: i64) -> io::Result<Vec<u8>> {
    const UNKNOWN: usize = 4095;
    let room = usize::try_from(size).ok().filter(|&size| size > 0).unwrap_or(UNKNOWN);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(room + 1)?;
    bytes.resize(room + 1, 0);
    let length = Read::read(&mut &*file, &mut bytes)?;
    bytes.truncate(length);
    // The buffer is one byte larger than the file: a read that does not fill it
    // was complete.
    if size == 0 || length != room {
        // `File` itself would query size and position first.
        file.take(u64::MAX).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
