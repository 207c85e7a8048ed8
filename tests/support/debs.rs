//! Packages that no image holds, fetched once: other mail servers are made
//! of, for hosts that are one already.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use mailprov::sandbox::Suite;

use super::{host, image};

/// Fetches packages, with what they need beyond an image, by that image's own
/// lists: a box knows just these versions. It runs in a copy that is in memory.
const FETCH: &str = r#"
set -eu
tree=$1 out=$2
shift 2
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$tree,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
mount --rbind /dev /mnt/root/dev
cp -L /etc/resolv.conf /mnt/root/etc/resolv.conf
rm -f /mnt/root/var/cache/apt/archives/*.deb
chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    apt-get -qq --yes --no-install-recommends install --download-only "$@"
mkdir -p "$out"
cp /mnt/root/var/cache/apt/archives/*.deb "$out"
"#;

/// Returns a folder with packages of a release and what they need. One of a certain version
/// is `NAME=VERSION`.
pub fn debs(suite: Suite, packages: &[&str]) -> PathBuf {
    let image = image::ensure(suite);
    let tree = image.tree();
    let image = tree.file_name().unwrap().to_string_lossy();
    let name = format!("{image}-{}", packages.join(","));
    let folder = image::box_cache().join("debs").join(&name);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_file_name(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        let partial = folder.with_file_name(format!("{name}.partial"));
        let words = ["--mount", "sh", "-c", FETCH, "sh"];
        let paths: [&Path; 2] = [tree, &partial];
        let mut unshare = Command::new("unshare");
        let fetched = unshare.args(words).args(paths).args(packages).output().unwrap();
        assert!(fetched.status.success(), "{fetched:?}");
        fs::rename(&partial, &folder).unwrap();
    }
    folder
}

/// Fetches a package for this machine, with what it needs beyond it, and unpacks all
/// into a folder. Nothing is installed.
const UNPACK: &str = r#"
set -eu
rm -rf "$1"
mkdir -p "$1/debs/partial"
cd "$1"
apt-get -qq --yes --no-install-recommends --reinstall install --download-only \
    -o Dir::Cache::archives="$PWD/debs" "$2"
for deb in debs/*.deb; do dpkg-deb --extract "$deb" .; done
"#;

/// Returns the folder of a package that this machine runs and does not install.
pub fn unpacked(package: &str) -> PathBuf {
    let folder = image::box_cache().join("debs").join(package);
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.exists() {
        let partial = folder.with_extension("partial");
        host::run(&["sh", "-c", UNPACK, "sh", partial.to_str().unwrap(), package]);
        fs::rename(&partial, &folder).unwrap();
    }
    folder
}
