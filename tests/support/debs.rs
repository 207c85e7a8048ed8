//! Packages that no image holds, fetched once: other mail servers are made
//! of, for hosts that are one already.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use mailprov::sandbox::Suite;

use super::image;

/// Fetches packages, with what they need beyond an image, by that image's own
/// lists: a box knows just these versions. It runs in a copy that is in memory.
const FETCH: &str = r#"
set -eu
tree=$1 out=$2 package=$3
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
mount --rbind /dev /mnt/root/dev
cp -L /etc/resolv.conf /mnt/root/etc/resolv.conf
rm -f /mnt/root/var/cache/apt/archives/*.deb
chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    apt-get -qq --yes --no-install-recommends install --download-only "$package"
mkdir -p "$out"
cp /mnt/root/var/cache/apt/archives/*.deb "$out"
"#;

/// Returns a folder with a package of a release and what it needs.
pub fn debs(suite: Suite, package: &str) -> PathBuf {
    let image = image::ensure(suite);
    let tree = image.tree();
    let name = format!("{}-{package}", tree.file_name().unwrap().to_string_lossy());
    let folder = image::box_cache().join("debs").join(&name);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_file_name(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        let partial = folder.with_file_name(format!("{name}.partial"));
        let words = ["--mount", "sh", "-c", FETCH, "sh"];
        let paths: [&Path; 2] = [tree, &partial];
        let mut unshare = Command::new("unshare");
        let fetched = unshare.args(words).args(paths).arg(package).output().unwrap();
        assert!(fetched.status.success(), "{fetched:?}");
        fs::rename(&partial, &folder).unwrap();
    }
    folder
}
