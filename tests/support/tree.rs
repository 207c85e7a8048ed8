//! Trees of Debian that are not booted: for programs that this machine is not
//! to have, or has in one version only.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use mailprov::sandbox::Suite;

use super::image::box_cache;

/// Returns a tree of a release with some more packages, built once. Whoever
/// uses it leaves it as it is.
pub fn tree(name: &str, suite: Suite, packages: &str) -> PathBuf {
    let tree = box_cache().join(name);
    let lock = File::create(box_cache().join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !tree.exists() {
        let partial = tree.with_extension("partial");
        let built = Command::new("mmdebstrap")
            .args(["--quiet", "--variant=minbase"])
            .args([&format!("--include={packages}"), suite.codename()])
            .arg(&partial)
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        fs::rename(&partial, &tree).unwrap();
    }
    tree
}
