//! The disk of a guest: its changes, overlaid on a read-only image.

use std::fs::{self, Permissions};
use std::iter;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Error, Image, Lease, Result, machine};

/// Mounts an empty disk over the image.
pub fn mount_empty(image: &Image, lease: &Lease) -> Result<()> {
    make_folder(&upper(lease))?;
    mount(image, lease)
}

/// Mounts an empty disk over another lease's, which must not be mounted itself any more: it
/// begins as a copy of that, and costs nothing.
pub fn mount_copy(image: &Image, lease: &Lease, original: &Arc<Lease>) -> Result<()> {
    make_folder(&upper(lease))?;
    lease.keep_below(original);
    mount(image, lease)
}

/// Mounts the disk, without syncing: it need not survive a crash of this
/// machine.
fn mount(image: &Image, lease: &Lease) -> Result<()> {
    let work = lease.folder().join("work");
    make_folder(&work)?;
    make_folder(&lease.root())?;
    let below = iter::successors(lease.below(), |lease| lease.below());
    let mut layers: Vec<PathBuf> = below.map(|lease| upper(lease)).collect();
    layers.push(image.tree().to_owned());
    let layers: Vec<_> = layers.iter().map(|layer| layer.to_string_lossy()).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile,redirect_dir=on,metacopy=off",
        layers.join(":"),
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
