//! A folder in `/run` that Dovecot looks into at all times. It appears with its
//! files, owner and mode at once: a moment in which Dovecot may not read it would be
//! an error in its log.

use std::path::{Path, PathBuf};

use crate::host::{self, Host};

/// Has `fill` make the folder under a hidden name, and puts it in place.
pub(super) fn put(
    host: &Host,
    folder: &Path,
    fill: impl FnOnce(&Path) -> host::Result<()>,
) -> host::Result<()> {
    remove(host, folder)?;
    let hidden = hidden(folder);
    fill(&hidden)?;
    host.rename(&hidden, folder)
}

/// Removes the folder, and what a check that was killed left of it.
pub(super) fn remove(host: &Host, folder: &Path) -> host::Result<()> {
    host.remove_tree(&hidden(folder))?;
    host.remove_tree(folder)
}

fn hidden(folder: &Path) -> PathBuf {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    folder.with_file_name(format!(".{name}"))
}
