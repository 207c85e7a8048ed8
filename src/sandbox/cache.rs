//! The folder of images and guests.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Error, Result, Watch};

/// Owned by root: in a user's folder, that user could plant programs that root
/// runs.
const DEFAULT: &str = "/var/cache/mailprov";

/// The folder of images and running guests. Only its owner can enter it, since
/// the programs in an image are never upgraded.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the cache in `$MAILPROV_BOX_CACHE`, or in `/var/cache/mailprov`.
    pub fn open() -> Result<Self> {
        Self::at(std::env::var_os("MAILPROV_BOX_CACHE").unwrap_or_else(|| DEFAULT.into()).as_ref())
    }

    /// Opens the cache in a folder, creating it if it does not exist.
    pub fn at(folder: &Path) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| Error::io("make", folder, error))?;
        let folder = folder.canonicalize().map_err(|error| Error::io("open", folder, error))?;
        Ok(Self { folder })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Waits for the lock of this name, and holds it until the result is
    /// dropped.
    pub(super) fn lock(&self, name: &str, watch: Watch<'_>) -> Result<File> {
        let path = self.folder.join(name).with_extension("lock");
        let file = open_lock(&path).map_err(|error| Error::io("open", &path, error))?;
        while let Err(error) = file.try_lock() {
            if let fs::TryLockError::Error(error) = error {
                return Err(Error::io("lock", &path, error));
            }
            watch()?;
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(file)
    }
}

/// Locks a file if it is free; `None` if its folder was removed meanwhile, as
/// another program may do.
pub(super) fn try_lock(path: &Path) -> Option<File> {
    let file = open_lock(path).ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}
