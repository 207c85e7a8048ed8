//! The only door to the machine: files, accounts, packages, services,
//! processes. Everything that mailprov learns or does goes through a [`Host`].

mod accounts;
mod addresses;
mod bus;
mod chase;
mod command;
mod dpkg;
mod entry;
mod error;
mod facts;
mod greeting;
mod handover;
mod handshake;
mod holders;
mod init;
mod installed;
mod kept;
mod listening;
mod look;
mod machine;
mod mounts;
mod netfilter;
mod outward;
mod process;
mod put;
mod relocate;
mod signals;
mod sock_diag;
mod space;
mod swap;
mod systemd;

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use kept::Kept;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

pub use accounts::{Group, User};
pub(crate) use command::PATH;
pub use command::{Captured, Command};
pub use dpkg::{Package, Simulation};
pub use entry::{Content, Entry, FileStamp, Ownership, Standing};
pub use error::{Error, Result};
pub use facts::{Facts, Init, Program};
pub use greeting::{Endpoint, Greeting, Protocol, Secured};
pub use handover::Renumbered;
pub(crate) use handshake::OwnWay;
pub use holders::Holder;
pub use init::Unit;
pub use netfilter::{Dump, NetfilterObject, attributes};
pub use process::Process;
pub(crate) use process::{now, wait_for_next_second};
pub use signals::Interruption;
pub use space::Space;
pub use swap::Read;
pub use systemd::TakenUp;

/// A machine: this one, or a tree that holds one (an image, a chroot).
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    /// The root, open: all paths begin there.
    door: OwnedFd,
    packages: Kept<dpkg::Packages>,
    users: Kept<accounts::Names>,
    groups: Kept<accounts::Names>,
    /// A connection to systemd, once it was asked something.
    bus: RefCell<Option<bus::Bus>>,
}

impl Host {
    /// Opens the host whose `/` is `root`.
    pub fn open(root: &Path) -> Result<Self> {
        let fail = |e| Error::io("open", root, e);
        let path = std::fs::canonicalize(root).map_err(fail)?;
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let door = open(&path, flags, Mode::empty()).map_err(|errno| fail(errno.into()))?;
        Ok(Self {
            root: path,
            door,
            packages: Kept::default(),
            users: Kept::default(),
            groups: Kept::default(),
            bus: RefCell::default(),
        })
    }

    /// Tells whether this is a tree, not the running machine: nothing runs
    /// there, so services can only be enabled, not started.
    pub fn is_tree(&self) -> bool {
        self.root != Path::new("/")
    }

    /// Tells whether we act as root, who alone may see and change everything.
    pub fn is_root() -> bool {
        nix::unistd::geteuid().is_root()
    }
}
