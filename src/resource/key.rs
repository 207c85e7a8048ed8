//! The name under which a thing on the host is known: everything that is
//! needed to find it and look at it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::certificate::Pair;
use super::command::CommandKey;
use super::mailbox::Removal;
use super::service::ServiceKey;
use super::table::TableKey;
use super::user::Handover;

/// What a state is the state of. Shown as `kind:name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// The original of a path, kept from before the first run.
    Original(PathBuf),
    /// A Debian package.
    Package(String),
    /// A system group.
    Group(String),
    /// A system user.
    User(String),
    /// What belongs to an old number of a user or a group.
    Handover(Handover),
    /// A mailbox that goes from one place to another.
    Mailbox(Removal),
    /// Whatever stands at a path: a file, a folder, a link.
    File(PathBuf),
    /// A Postfix lookup table.
    Table(TableKey),
    /// A certificate and its key.
    Certificate(Pair),
    /// A service.
    Service(ServiceKey),
    /// A program and the proof that it has run.
    Command(CommandKey),
}

impl Key {
    /// Returns the kind of the key, the part before the colon.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Original(_) => "backup",
            Self::Package(_) => "package",
            Self::Group(_) => "group",
            Self::User(_) => "user",
            Self::Handover(_) => "files",
            Self::Mailbox(_) => "mailbox",
            Self::File(_) => "file",
            Self::Table(_) => "table",
            Self::Certificate(_) => "certificate",
            Self::Service(_) => "service",
            Self::Command(_) => "command",
        }
    }

    /// Tells whether bringing this key about may change others: a package
    /// brings files, a program does what it does.
    pub fn has_side_effects(&self) -> bool {
        matches!(self, Self::Package(_) | Self::Command(_))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Original(path) | Self::File(path) => write!(f, "{}", path.display()),
            Self::Package(name) | Self::Group(name) | Self::User(name) => f.write_str(name),
            Self::Handover(handover) => handover.fmt(f),
            Self::Mailbox(removal) => removal.fmt(f),
            Self::Table(table) => write!(f, "{}", table.source.display()),
            Self::Certificate(pair) => write!(f, "{}", pair.certificate.display()),
            Self::Service(service) => f.write_str(&service.unit.name),
            Self::Command(command) => f.write_str(&command.argv.join(" ")),
        }
    }
}
