//! Trees of real Debian releases, built once and kept for all boxes to come.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::host;

/// The packages of a bare server beyond Debian's minimum, and three tools that
/// tests look at it with.
const PACKAGES: &str = "acl,attr,ca-certificates,cron,dbus,iproute2,libnss-systemd,\
                        openssh-server,procps,systemd,systemd-sysv";

/// The last touches to a fresh tree, as a shell script.
const CUSTOMIZE: &str = include_str!("customize.sh");

/// A Debian release that a box can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl Suite {
    /// All releases, oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// Returns the release's codename.
    pub fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// Returns the release's number, as in `VERSION_ID` of `/etc/os-release`.
    pub fn release(self) -> &'static str {
        match self {
            Self::Bookworm => "12",
            Self::Trixie => "13",
        }
    }
}

/// A tree of a release that boxes lie on top of and never write to.
#[derive(Debug)]
pub struct Image {
    tree: PathBuf,
}

impl Image {
    /// Returns the image of a release, building it if this recipe has none yet.
    pub fn ensure(suite: Suite) -> Self {
        let mut recipe = Sha256::new();
        recipe.update(PACKAGES);
        recipe.update(CUSTOMIZE);
        let recipe = host::hex(&recipe.finalize()[..6]);

        let name = format!("{}-{recipe}", suite.codename());
        let tree = cache().join(&name);
        let _one_builder = host::lock(&cache().join(format!("{name}.lock")));
        if !tree.exists() {
            build(suite, &tree);
        }
        Self { tree }
    }

    /// Returns where the tree is.
    pub fn tree(&self) -> &Path {
        &self.tree
    }
}

/// Returns the folder of images and running boxes: `$MAILPROV_BOX_CACHE`, or
/// `target/box-images`.
pub fn cache() -> PathBuf {
    let cache = std::env::var_os("MAILPROV_BOX_CACHE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/box-images"),
        PathBuf::from,
    );
    fs::create_dir_all(&cache).unwrap();
    cache.canonicalize().unwrap()
}

/// Builds a tree under another name, so that a broken build is never taken for
/// an image.
fn build(suite: Suite, tree: &Path) {
    let partial = tree.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).unwrap();
    }
    let mut argv: Vec<String> = vec![
        "mmdebstrap".into(),
        "--mode=root".into(),
        "--variant=minbase".into(),
        format!("--include={PACKAGES}"),
        "--skip=cleanup/apt".into(),
        "--aptopt=Acquire::Languages \"none\"".into(),
        "--aptopt=Acquire::Check-Valid-Until \"false\"".into(),
        format!("--customize-hook={CUSTOMIZE}"),
        suite.codename().into(),
        partial.display().to_string(),
    ];
    argv.extend(sources(suite));
    host::run(&argv);
    fs::rename(&partial, tree).unwrap();
}

/// Returns the release's apt sources, on the mirrors that this machine uses.
fn sources(suite: Suite) -> Vec<String> {
    let codename = suite.codename();
    let mirror = |label: &str| {
        let targets = host::run(&[
            "apt-get",
            "indextargets",
            "--format=$(REPO_URI)",
            "Created-By: Packages",
            "Origin: Debian",
            &format!("Label: {label}"),
        ]);
        targets.lines().next().map(str::to_owned)
    };
    let main = mirror("Debian").expect("no Debian mirror is known here: run `apt-get update`");
    let mut sources =
        vec![format!("deb {main} {codename} main"), format!("deb {main} {codename}-updates main")];
    if let Some(security) = mirror("Debian-Security") {
        sources.push(format!("deb {security} {codename}-security main"));
    }
    sources
}
