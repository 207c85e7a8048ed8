//! The disk of a guest: its changes, overlaid on a read-only image.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Error, Image, Lease, Result, machine};

/// Mounts an empty disk over the image.
pub fn mount_empty(image: &Image, lease: &Lease) -> Result<()> {
    make_folder(&upper(lease))?;
    mount(image, lease)
}

/// Mounts a copy of another lease's disk over the image.
pub fn mount_copy(image: &Image, lease: &Lease, original: &Lease) -> Result<()> {
    // The attributes name the files of the image that the changes belong to, and keep inode
    // numbers.
    let (from, to) = (upper(original), upper(lease));
    machine::run(&["cp", "--archive", &from.to_string_lossy(), &to.to_string_lossy()])?;
    mount(image, lease)
}

/// Mounts the disk, without syncing: it need not survive a crash of this
/// machine.
fn mount(image: &Image, lease: &Lease) -> Result<()> {
    let work = lease.folder().join("work");
    make_folder(&work)?;
    make_folder(&lease.root())?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile,redirect_dir=on,metacopy=off",
        image.tree().display(),
        upper(lease).display(),
        work.display(),
    );
    let root = lease.root();
    let root = root.to_string_lossy();
    machine::run(&["mount", "-t", "overlay", "-o", &options, lease.name(), &root]).map(drop)
}

fn upper(lease: &Lease) -> PathBuf {
    lease.folder().join("disk")
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
        .map_err(|error| Error::io("make", folder, error))
}
