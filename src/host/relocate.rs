//! Renames folders while programs use them.

use std::io;
use std::path::Path;

use nix::fcntl::{RenameFlags, renameat2};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use super::path_resolution::ResolvedPath;
use super::write::sync_folder;
use super::{Entry, Error, Host, Result};

impl Host {
    /// Exchanges the folder at `from` and the link to it at `to` in one step, so
    /// that `to` leads to the folder at every moment. The link, now at `from`,
    /// then points to itself; the caller removes it.
    pub(crate) fn trade_with_link(&self, from: &Path, to: &Path) -> Result<()> {
        let (old, new) = (self.place(from)?, self.place(to)?);
        exchange(&old, &new)
            .and_then(|()| sync_folder(&new))
            .map_err(|e| Error::io("rename", from, e))
    }

    /// Renames the folder at `to` back to `from`, and makes `to` a link to it again.
    pub(crate) fn trade_back(&self, from: &Path, to: &Path) -> Result<()> {
        let (old, new) = (self.place(from)?, self.place(to)?);
        let trade = || {
            symlinkat(from, &old.folder, old.name.as_os_str())?;
            exchange(&old, &new).inspect_err(|_| {
                let _ = unlinkat(&old.folder, old.name.as_os_str(), UnlinkatFlags::NoRemoveDir);
            })?;
            sync_folder(&old)
        };
        trade().map_err(|e| Error::io("rename", to, e))
    }

    /// Returns whether both paths are on one file system, so that the folder
    /// can be renamed. A mount point cannot.
    pub(crate) fn can_trade(&self, from: &Path, folder: &Path) -> Result<bool> {
        let device = |path: &Path| Ok(self.look(path, false)?.map(|(_, found)| found.st_dev));
        let above = from.parent().unwrap_or(from);
        let (device, all) = (device(from)?, [device(above)?, device(folder)?]);
        Ok(device.is_some() && all.iter().all(|it| *it == device))
    }

    /// Counts the mails of a Maildir, including its subfolders, and their bytes.
    pub(crate) fn count_mail(&self, maildir: &Path) -> Result<(u64, u64)> {
        let (mut mails, mut bytes) = (0, 0);
        let is_folder = |path: &Path| -> Result<bool> {
            Ok(matches!(self.entry(path)?, Some(Entry::Directory(_))))
        };
        if !is_folder(maildir)? {
            return Ok((0, 0));
        }
        let further = self.list(maildir)?.into_iter().filter(|name| name.starts_with('.'));
        let folders = further.map(|name| maildir.join(name));
        for folder in std::iter::once(maildir.to_owned()).chain(folders) {
            for part in ["cur", "new"] {
                let part = folder.join(part);
                if !is_folder(&part)? {
                    continue;
                }
                for name in self.list(&part)? {
                    // Dovecot writes the size into the name, which saves a stat(2).
                    let in_name = name.split([',', ':']).find_map(|it| it.strip_prefix("S="));
                    let size = match in_name.and_then(|size| size.parse().ok()) {
                        Some(size) => Some(size),
                        None => self.size(&part.join(&name))?,
                    };
                    mails += u64::from(size.is_some());
                    bytes += size.unwrap_or_default();
                }
            }
        }
        Ok((mails, bytes))
    }

    /// Returns the size of a file, or `None` if it has been removed.
    fn size(&self, path: &Path) -> Result<Option<u64>> {
        let found = self.look(path, false)?;
        Ok(found.map(|(_, found)| u64::try_from(found.st_size).unwrap_or_default()))
    }
}

fn exchange(old: &ResolvedPath, new: &ResolvedPath) -> io::Result<()> {
    let (from, to) = (old.name.as_os_str(), new.name.as_os_str());
    Ok(renameat2(&old.folder, from, &new.folder, to, RenameFlags::RENAME_EXCHANGE)?)
}
