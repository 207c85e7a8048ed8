//! Free space on a file system.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::{Error, Host, Result};

/// The space on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// The size in bytes.
    pub size: u64,
    /// The bytes that users other than root can still write.
    pub free: u64,
    /// The free bytes in percent.
    pub free_percent: u64,
    /// The free inodes in percent; 100 if there is no limit.
    pub files_percent: u64,
}

impl Host {
    /// Returns the space on the file system that contains a folder.
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
