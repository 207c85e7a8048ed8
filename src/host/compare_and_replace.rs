//! Replaces a file that people edit, unless it has changed since it was read.

use std::fs::File;
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{Content, Entry, Error, Host, Ownership, Result};

/// The limit of links; the kernel's is the same.
const MOST_LINKS: usize = 40;

/// A file as it was read, to be replaced later.
#[derive(Debug, Clone)]
pub struct FileVersion {
    /// The resolved path; its last name is not a link.
    pub path: PathBuf,
    /// The content.
    pub content: Content,
    ownership: Ownership,
    is_closed: bool,
}

impl FileVersion {
    /// Makes the replacement readable by its owner only.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    fn ownership_after(&self) -> Ownership {
        let mut ownership = self.ownership.clone();
        if self.is_closed {
            ownership.mode &= 0o700;
            // Access control lists (acl(5)) could still admit others.
            ownership.attributes.retain(|name, _| !name.starts_with("system.posix_acl"));
        }
        ownership
    }
}

impl Host {
    /// Reads a file that is to be replaced. Follows links to it that root or the current user owns.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, and at a link that another user could have planted.
    pub(crate) fn read_to_replace(&self, path: &Path) -> Result<FileVersion> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            self.refuse_planted_link(&path)?;
            match self.entry(&path)? {
                Some(Entry::File { content, ownership }) => {
                    let is_closed = false;
                    return Ok(FileVersion { path, content, ownership, is_closed });
                }
                Some(Entry::Link { target }) => {
                    path = path.parent().unwrap_or(Path::new("/")).join(target);
                }
                Some(_) => break,
                None => {
                    return Err(Error::io("read", &path, std::io::ErrorKind::NotFound.into()));
                }
            }
        }
        let error = std::io::Error::other("it is not a regular file");
        Err(Error::io("read", &path, error))
    }

    /// Replaces the content of a file atomically, and keeps its owner and mode.
    /// Returns whether it did: a file that changed since it was read is left
    /// alone. Concurrent calls wait for each other.
    pub fn replace(&self, read: &FileVersion, content: &Content) -> Result<bool> {
        self.compare_and_replace(
            read,
            (&read.content, &read.ownership),
            (content, &read.ownership_after()),
        )
    }

    /// Returns whether a file has not changed since it was read.
    pub(crate) fn is_as_read(&self, read: &FileVersion) -> Result<bool> {
        let then = Entry::File { content: read.content.clone(), ownership: read.ownership.clone() };
        Ok(self.entry(&read.path)? == Some(then))
    }

    /// Restores the content that `content` replaced. Returns whether it did: a
    /// file that changed since then is left alone.
    pub fn put_back(&self, read: &FileVersion, content: &Content) -> Result<bool> {
        self.compare_and_replace(
            read,
            (content, &read.ownership_after()),
            (&read.content, &read.ownership),
        )
    }

    fn compare_and_replace(
        &self,
        read: &FileVersion,
        (content, ownership): (&Content, &Ownership),
        (new_content, new_ownership): (&Content, &Ownership),
    ) -> Result<bool> {
        let fail = |error| Error::io("write", &read.path, error);
        let place = self.place(&read.path)?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder =
            openat(&place.folder, ".", flags, Mode::empty()).map_err(|errno| fail(errno.into()))?;
        let folder = File::from(folder);
        folder.lock().map_err(fail)?;
        let now = self.entry(&read.path)?;
        let then = Entry::File { content: content.clone(), ownership: ownership.clone() };
        if now != Some(then) {
            return Ok(false);
        }
        self.put_new_file(&read.path, new_content, new_ownership)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_with_its_mode_and_only_if_nobody_else_did() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(folder.path()).unwrap();
        let real = folder.path().join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("real", folder.path().join("link")).unwrap();
        let read = host.read_to_replace(Path::new("/link")).unwrap();
        let late = host.read_to_replace(Path::new("/real")).unwrap();
        assert!(host.replace(&read, &Content::new(*b"new")).unwrap());
        assert_eq!(fs::read(&real).unwrap(), b"new");
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(folder.path().join("link").is_symlink());
        assert!(!host.replace(&late, &Content::new(*b"late")).unwrap());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn versions_are_told_apart_by_whole_seconds() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(folder.path()).unwrap();
        let (path, ownership) = (Path::new("/users"), Ownership::new("#0", "#0", 0o600));
        let mut seconds = std::collections::BTreeSet::new();
        for content in ["a", "", "b", "c"] {
            host.put_file(path, &Content::new(content.as_bytes()), &ownership).unwrap();
            seconds.insert(fs::metadata(folder.path().join("users")).unwrap().mtime());
        }
        assert_eq!(seconds.len(), 4);
    }

    #[test]
    fn circles_and_folders_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::open(folder.path()).unwrap();
        symlink("round", folder.path().join("round")).unwrap();
        assert!(host.read_to_replace(Path::new("/round")).is_err());
        assert!(host.read_to_replace(Path::new("/")).is_err());
        assert!(host.read_to_replace(Path::new("/absent")).is_err());
    }
}
