//! Throw-away Debian machines on this one. An image of a release is built once
//! and kept; guests boot on top of it, each with a disk and a network of its
//! own, which are removed with the guest.
//!
//! ```text
//! Cache ─→ Image   a tree of a release, built by mmdebstrap, never written to again
//!   └────→ Lease   a name with a folder; all things of that name are removed with it
//!            └───→ Guest   systemd-nspawn over an overlay, in a network namespace
//! ```
//!
//! A guest whose program was killed is removed by the next program that claims
//! a name in the same cache. `mailprov try` and the tests use this room. It
//! needs root, and the Debian packages in [`PACKAGES`].

#![expect(clippy::disallowed_methods, reason = "boxes are made of files and processes")]

mod access;
mod cache;
mod demo;
mod disk;
mod error;
mod guest;
mod image;
mod kill_switch;
mod lease;
mod machine;
mod mounts;
mod network;

pub use crate::host::Suite;
pub use access::Access;
pub use cache::Cache;
pub(crate) use demo::DemoServer;
pub use disk::{mount_copy, mount_empty};
pub use error::{Error, Result};
pub use guest::{Guest, Init};
pub use image::Image;
pub use kill_switch::KillSwitch;
pub use lease::Lease;
pub use machine::{children, run, signal, wait_at_most};
pub use network::{VethPair, ip};

/// The Debian packages of the programs that this room runs.
pub const PACKAGES: [&str; 6] = [
    "debian-archive-keyring", // the keys of the releases
    "iproute2",               // network namespaces
    "mmdebstrap",             // the images
    "openssh-client",         // logging in
    "systemd-container",      // systemd-nspawn
    "util-linux",             // mount, nsenter, setpriv, unshare
];

/// Called repeatedly during slow work; an error, such as [`Error::Stopped`],
/// ends it.
pub type Watch<'a> = &'a dyn Fn() -> Result<()>;
