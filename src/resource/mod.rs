//! The kinds of resource: what a step of a playbook can declare, and the things
//! on the host that it is about. A closed set; `kinds!` below is the list.
//!
//! # Add a kind
//!
//! 1. A file `NAME.rs`, or a folder, like `group.rs`. `Declaration` is the step:
//!    its fields for the decoder, the schema and the reference (`WORDS`), and its
//!    `Target`s, that is keys with the states they should be in. `Thing` is the
//!    thing on the host: its key, its state, and how to observe, write, undo and
//!    describe it. The functions with a default are rarely needed.
//! 2. A line in the list. It adds a variant to [`Resource`], [`Key`] and, under the
//!    name that journals use, to [`State`]. The engine asks these, and names no kind.
//! 3. The table of its fields in the reference, written by
//!    `UPDATE_REFERENCE=1 cargo test --test reference`, and the laws of
//!    `tests/properties.rs`.
//!
//! A kind that only writes whole files needs no `Thing`: its targets are files
//! (`Key::File`), as those of `directory` and `link` are.

mod apt_source;
mod attributes;
mod backup;
mod certificate;
mod command;
mod cron;
mod data_file;
mod dependents;
mod describe;
mod file;
mod group;
mod key_pair;
mod kind;
mod line;
mod list;
mod mailbox;
mod overlay;
mod package;
mod planned;
mod public_key;
mod random_secret;
mod service;
mod state;
mod table;
mod undo;
mod user;
mod withdrawal;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::{Content, Host, Ownership, Result};
use crate::yaml::{Decoder, KeySpec, Node};
use kind::{Declaration, Thing};
use list::{kinds, resources, things};

pub(crate) use attributes::{AssetError, Assets};
pub(crate) use certificate::acme;
pub(crate) use certificate::{
    Harm, asks_authority, belongs as key_belongs, certified_key, covers,
    examine as examine_certificate, exposed_key, issuer, parse as read_certificate,
    parse_der as read_der, self_signed,
};
pub(crate) use dependents::dependents_of;
pub(crate) use describe::{Action, action};
pub(crate) use key_pair::generate as generate_key;
pub(crate) use kind::Check;
pub use line::{LineKey, LineState};
pub(crate) use mailbox::{Place, Removal};
pub(crate) use overlay::Overlay;
#[cfg(test)]
pub(crate) use package::PackageState;
pub(crate) use package::returning;
pub(crate) use planned::Planned;
pub(crate) use public_key::{Algorithm, HOLE, filled, hole, public_key};
#[cfg(test)]
pub(crate) use service::ServiceState;
pub(crate) use service::{BadPair, LoadedConfig, judge_bad_pair, unwell_services};
pub use state::{Blob, Stored};
pub(crate) use undo::Undo;
pub(crate) use withdrawal::{Withdrawal, traces};

// Each kind, with the name of its state in journals if it has a state of its own.
kinds! {
    #[serde(rename = "original")]
    Backup(backup::Backup),
    Package(package::Package) = "package",
    Group(group::Group) = "group",
    User(user::User) = "user",
    File(file::File),
    Table(table::Table) = "table",
    Certificate(certificate::Certificate) = "certificate",
    KeyPair(key_pair::KeyPair) = "key_pair",
    DataFile(data_file::DataFile) = "data_file",
    RandomSecret(random_secret::RandomSecret) = "secret",
    Service(service::Service) = "service",
    Command(command::Command),
    Line(line::Line) = "line",
    AptSource(apt_source::AptSource) = "apt_source",
    ; // These are files: they have no key and no state of their own.
    Cron(cron::Cron),
    ; // No step declares these directly: they are parts of other kinds.
    Handover(user::Handover) = "held",
    Mailbox(mailbox::Removal) = "mailbox",
    Membership(user::Membership),
}

/// A key and the state that a step declares for it.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub key: Key,
    pub after: State,
}

/// A message while a step is being made.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// The start of slow work.
    Doing(&'a str),
    /// A warning, shown after the run too.
    Warning(&'a str),
}

impl Resource {
    /// Declares a file of root's that was sent along with a mail.yml. Its
    /// content is never shown.
    pub(crate) fn sent_file(path: PathBuf, content: &str, mode: u32) -> Self {
        Self::File(file::File::secret(path, content, mode))
    }

    pub(crate) fn no_file(path: PathBuf) -> Self {
        Self::File(file::File::absent(path))
    }

    /// Declares a directory of root's for such files.
    pub(crate) fn sent_directory(path: PathBuf, mode: u32) -> Self {
        Self::File(file::File::directory(path, mode))
    }

    pub(crate) fn installs(&self) -> bool {
        matches!(self, Self::Package(package) if package.installs())
    }

    pub(crate) fn install_as_well(&mut self, other: &Self) {
        if let (Self::Package(package), Self::Package(other)) = (self, other) {
            package.install_as_well(other);
        }
    }
}

impl Key {
    /// Returns the key of what is at a path.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self::File(path)
    }

    /// Returns the path of a key that names one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind(), self.name())
    }
}
