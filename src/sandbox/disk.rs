//! A guest's disk: what it wrote, laid over an image that stays as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{Claim, Error, Image, Result, machine};

/// Mounts an empty disk over the image.
pub fn mount_empty(image: &Image, claim: &Claim) -> Result<()> {
    make_folder(&upper(claim))?;
    mount(image, claim)
}

/// Mounts a disk over the image that holds what another one holds.
pub fn mount_copy(image: &Image, claim: &Claim, original: &Claim) -> Result<()> {
    // The attributes say what in the image a file came from: its inode number
    // is kept by them.
    let (from, to) = (upper(original), upper(claim));
    machine::run(&["cp", "--archive", &from.to_string_lossy(), &to.to_string_lossy()])?;
    mount(image, claim)
}

/// Mounts the disk. What is written need not survive a crash of this machine,
/// so nothing waits for its own disk.
fn mount(image: &Image, claim: &Claim) -> Result<()> {
    let work = claim.folder().join("work");
    make_folder(&work)?;
    make_folder(&claim.root())?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile,redirect_dir=on,metacopy=off",
        image.tree().display(),
        upper(claim).display(),
        work.display(),
    );
    let root = claim.root();
    let root = root.to_string_lossy();
    machine::run(&["mount", "-t", "overlay", "-o", &options, claim.name(), &root]).map(drop)
}

fn upper(claim: &Claim) -> PathBuf {
    claim.folder().join("disk")
}

fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o755)))
        .map_err(|error| Error::io("make", folder, error))
}
