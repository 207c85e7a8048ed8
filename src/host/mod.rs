//! The only door to the machine: files, accounts, packages, services and
//! processes. mailprov reads and changes a host only through [`Host`].

#![expect(clippy::disallowed_methods, reason = "the door to the machine")]

mod accounts;
mod addresses;
#[cfg(test)]
pub(crate) mod closed;
mod command;
mod compare_and_replace;
mod dbus;
mod disk_space;
pub(crate) mod dns;
mod dpkg;
mod entry;
mod error;
mod facts;
mod handover;
mod handshake;
mod holders;
mod init;
mod installed;
mod listening;
mod machine;
mod mounts;
mod netfilter;
mod netlink;
mod pager;
mod path_resolution;
mod probe;
mod process;
mod read;
mod recent;
mod releases;
mod relocate;
mod signals;
mod smtp_egress;
mod sock_diag;
mod stamp_cache;
mod systemd;
mod write;

use std::cell::{OnceCell, RefCell};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use recent::Recent;
use stamp_cache::StampCache;

pub use accounts::{Group, User};
pub(crate) use addresses::{is_public, reachable};
pub use command::Captured;
pub use command::Command;
pub(crate) use command::PATH;
pub use compare_and_replace::FileVersion;
pub use dpkg::Package;
pub(crate) use dpkg::Simulation;
pub use entry::{Content, Entry, Ownership};
pub(crate) use entry::{FileStamp, Standing};
pub use error::{Error, Result};
pub use facts::{Facts, Init, Program, VersionedPackage};
pub use handover::Renumbered;
pub(crate) use handshake::PinnedVerifier;
pub(crate) use holders::Holder;
pub use init::Unit;
pub use netfilter::attributes;
pub(crate) use netfilter::{Dump, NetfilterObject};
pub(crate) use pager::Pager;
pub use probe::{Endpoint, Greeting, Protocol, Secured};
pub use process::Process;
pub(crate) use process::{now, wait_for_next_second};
pub(crate) use releases::FIRST_SERVED;
pub use releases::{Release, Suite};
pub(crate) use signals::Interruption;

/// A machine: this one, or a tree that contains one (an image, a chroot).
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    /// The open root folder, where all paths begin.
    root_fd: Rc<OwnedFd>,
    /// Folders that were opened a moment ago.
    folders: Recent<PathBuf, Rc<OwnedFd>>,
    architecture: OnceCell<String>,
    init: OnceCell<Init>,
    missing_files: Recent<String, Vec<PathBuf>>,
    packages: StampCache<dpkg::Packages>,
    users: Recent<String, Option<User>>,
    groups: Recent<String, Option<Group>>,
    user_names: Recent<u32, String>,
    group_names: Recent<u32, String>,
    /// The connection to systemd, once opened.
    bus: RefCell<Option<dbus::Bus>>,
}

impl Host {
    /// Opens the host whose `/` is `root`.
    pub fn open(root: &Path) -> Result<Self> {
        let fail = |e| Error::io("open", root, e);
        let path = std::fs::canonicalize(root).map_err(fail)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root_fd = open(&path, flags, Mode::empty()).map_err(|errno| fail(errno.into()))?;
        Ok(Self {
            root: path,
            root_fd: Rc::new(root_fd),
            folders: Recent::default(),
            architecture: OnceCell::new(),
            init: OnceCell::new(),
            missing_files: Recent::default(),
            packages: StampCache::default(),
            users: Recent::default(),
            groups: Recent::default(),
            user_names: Recent::default(),
            group_names: Recent::default(),
            bus: RefCell::default(),
        })
    }

    /// Returns whether this is a tree and not the running machine. Nothing runs
    /// in a tree, so services can be enabled there, but not started.
    pub(crate) fn is_tree(&self) -> bool {
        self.root != Path::new("/")
    }

    /// Returns whether the current user is root, who may read and change everything.
    pub fn is_root() -> bool {
        nix::unistd::geteuid().is_root()
    }
}
