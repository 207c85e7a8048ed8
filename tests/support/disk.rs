//! A box's disk: what it wrote, laid over an image that stays as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::claim::Claim;
use super::host;
use super::image::Image;

/// Mounts an empty disk over the image.
pub fn mount_empty(image: &Image, claim: &Claim) {
    make_folder(&upper(claim));
    mount(image, claim);
}

/// Mounts a disk over the image that holds what another one holds.
pub fn mount_copy(image: &Image, claim: &Claim, original: &Claim) {
    // The attributes say what in the image a file came from: its inode number
    // is kept by them.
    let (from, to) = (upper(original), upper(claim));
    host::run(&["cp", "--archive", from.to_str().unwrap(), to.to_str().unwrap()]);
    mount(image, claim);
}

/// Mounts the disk. What is written need not survive a crash of the machine
/// that runs the tests, so nothing waits for that machine's own disk.
fn mount(image: &Image, claim: &Claim) {
    let work = claim.folder().join("work");
    make_folder(&work);
    make_folder(&claim.root());
    let options = format!(
        "lowerdir={},upperdir={},workdir={},volatile,redirect_dir=on,metacopy=off",
        image.tree().display(),
        upper(claim).display(),
        work.display(),
    );
    let root = claim.root();
    host::run(&["mount", "-t", "overlay", "-o", &options, claim.name(), root.to_str().unwrap()]);
}

fn upper(claim: &Claim) -> PathBuf {
    claim.folder().join("disk")
}

fn make_folder(folder: &PathBuf) {
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}
