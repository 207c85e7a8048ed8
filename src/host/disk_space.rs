//! How much room there is on a disk.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::{Error, Host, Result};

/// The room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// How many bytes it has.
    pub size: u64,
    /// How many bytes others than root can still write.
    pub free: u64,
    /// How many of a hundred parts of its bytes these are.
    pub free_percent: u64,
    /// How many of a hundred parts of its files can still be made; a hundred
    /// where there is no limit.
    pub files_percent: u64,
}

impl Host {
    /// Returns the room on the disk that a folder is on.
    ///
    /// # Errors
    ///
    /// Fails as the system does.
    pub fn space(&self, folder: &Path) -> Result<DiskSpace> {
        let path = self.root.join(folder.strip_prefix("/").unwrap_or(folder));
        let found =
            statvfs(&path).map_err(|e| Error::io("look at the disk of", folder, e.into()))?;
        let part = |some: u64, all: u64| (some * 100).checked_div(all).unwrap_or(100);
        Ok(DiskSpace {
            size: found.blocks() * found.fragment_size(),
            free: found.blocks_available() * found.fragment_size(),
            free_percent: part(found.blocks_available(), found.blocks()),
            files_percent: part(found.files_available(), found.files()),
        })
    }
}
