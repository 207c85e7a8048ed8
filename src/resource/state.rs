//! What a thing on the host is, or should be: plain data, compared as such.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::certificate::CertificateState;
use super::mailbox::Place;
use super::service::ServiceState;
use super::table::TableState;
use crate::digest::Digest;
use crate::host::{Content, Group, Ownership, User};

/// The state of a [`Key`](super::Key). On disk a file's content is kept apart
/// and named by a `B` of another type ([`Stored`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State<B = Blob> {
    /// It is not there.
    Absent,
    /// A regular file.
    File {
        /// What it holds.
        blob: B,
        /// Whose it is.
        ownership: Ownership,
    },
    /// A folder.
    Directory(Ownership),
    /// A symbolic link.
    Link {
        /// Where it points, as written.
        target: PathBuf,
    },
    /// A FIFO, where none belongs.
    Fifo(Ownership),
    /// A socket or a device, where none belongs.
    Special,
    /// The original of a path is kept.
    Kept,
    /// A package.
    Package {
        /// Its version; none where only the installation will tell.
        version: Option<String>,
        /// Whether it is unpacked and configured.
        complete: bool,
        /// Whether it only comes because another needs it.
        automatic: bool,
        /// Whether a run removed it and its way back is to install it again, and
        /// to start what it starts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        returns: bool,
        /// Files of its own that are gone from the host, by which it is damaged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<PathBuf>,
    },
    /// A group; its number is none where only its making will tell.
    Group(Option<Group>),
    /// A user; its number is none where only its making will tell.
    User {
        /// All but the number.
        user: User,
        /// Whether the number was declared or seen, not yet to be given.
        numbered: bool,
    },
    /// So many files belong to an old number still.
    Held(u64),
    /// A mailbox is at one of two places, or on its way.
    Mailbox(Place),
    /// A compiled lookup table.
    Table(TableState),
    /// A certificate and its key.
    Certificate(CertificateState),
    /// A service.
    Service(ServiceState),
    /// A program has done its work.
    Done,
}

/// The content of a file, which knows whether it may be shown.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The bytes.
    pub content: Content,
    /// Whether they are never to be shown.
    pub secret: bool,
}

/// The name of a content that is kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The digest of the bytes.
    pub sha256: Digest,
    /// Whether they are never to be shown.
    pub secret: bool,
}

/// Secrecy is about showing, not about being equal.
impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for Blob {}

impl<B> State<B> {
    /// Tells whether there is something that could be taken away: more than a
    /// service that neither runs nor starts at boot.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Absent => false,
            Self::Service(service) => service.enabled || service.running,
            _ => true,
        }
    }

    /// Replaces the content of a file by what `map` makes of it.
    ///
    /// # Errors
    ///
    /// Fails where `map` does.
    pub fn map_blob<C, E>(self, map: impl FnOnce(B) -> Result<C, E>) -> Result<State<C>, E> {
        Ok(match self {
            Self::File { blob, ownership } => State::File { blob: map(blob)?, ownership },
            Self::Absent => State::Absent,
            Self::Directory(ownership) => State::Directory(ownership),
            Self::Link { target } => State::Link { target },
            Self::Fifo(ownership) => State::Fifo(ownership),
            Self::Special => State::Special,
            Self::Kept => State::Kept,
            Self::Package { version, complete, automatic, returns, missing } => {
                State::Package { version, complete, automatic, returns, missing }
            }
            Self::Group(group) => State::Group(group),
            Self::User { user, numbered } => State::User { user, numbered },
            Self::Held(count) => State::Held(count),
            Self::Mailbox(place) => State::Mailbox(place),
            Self::Table(table) => State::Table(table),
            Self::Certificate(certificate) => State::Certificate(certificate),
            Self::Service(service) => State::Service(service),
            Self::Done => State::Done,
        })
    }
}

impl State {
    /// Returns the state with its content named, not held.
    pub fn stored(&self) -> State<Stored> {
        let name = |blob: Blob| {
            Ok::<_, std::convert::Infallible>(Stored {
                sha256: Digest::of(blob.content.bytes()),
                secret: blob.secret,
            })
        };
        let Ok(stored) = self.clone().map_blob(name);
        stored
    }

    /// Tells whether the content of a file in this state must not be shown.
    pub fn is_secret(&self) -> bool {
        matches!(self, Self::File { blob: Blob { secret: true, .. }, .. })
    }

    /// Returns what tells, on a later run, whether a path is still as we left
    /// it. None for what is no path.
    pub fn fingerprint(&self) -> Option<Digest> {
        let owned = |ownership: &Ownership| {
            format!("{}:{}:{:o}", ownership.owner, ownership.group, ownership.mode)
        };
        let text = match self {
            Self::File { blob, ownership } => {
                format!("file {} {}", Digest::of(blob.content.bytes()), owned(ownership))
            }
            Self::Directory(ownership) => format!("directory {}", owned(ownership)),
            Self::Link { target } => format!("link {}", target.display()),
            _ => return None,
        };
        Some(Digest::of(text.as_bytes()))
    }

    /// Tells whether `now` is this state still, the earlier changes of the same
    /// run aside: a table is outdated by its new source, a service by its new
    /// files, and known by its new unit.
    pub fn is_unchanged_since_plan(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Table(was), Self::Table(now)) => {
                let is_outdated = was.source.is_none() || now.source.is_none();
                was.ownership == now.ownership && (is_outdated || was.source == now.source)
            }
            (Self::Service(was), Self::Service(now)) => {
                (was.enabled, was.running) == (now.enabled, now.running)
            }
            // Mail may come and go meanwhile.
            (Self::Held(_), Self::Held(_) | Self::Done) => true,
            // By an earlier step it is on its way.
            (Self::Mailbox(_), Self::Mailbox(_)) => true,
            // An earlier step may have brought its unit.
            (Self::Absent, Self::Service(now)) => !now.running,
            (was, now) => was == now,
        }
    }

    /// Tells whether `actual` is what this state, as a wish, asks for: equal,
    /// where the wish leaves nothing to the system.
    pub fn is_met_by(&self, actual: &Self) -> bool {
        match (self, actual) {
            (Self::Group(None), Self::Group(_)) => true,
            // A package that was asked for is wanted in any version.
            (
                Self::Package { version, complete, automatic, missing, .. },
                Self::Package {
                    version: actual_version,
                    complete: actual,
                    missing: actual_missing,
                    ..
                },
            ) => {
                complete == actual
                    && missing == actual_missing
                    && (!automatic || version == actual_version)
            }
            (Self::User { user, numbered: false }, Self::User { user: actual, .. }) => {
                *user == User { uid: user.uid, ..actual.clone() }
            }
            (Self::Service(wish), Self::Service(actual)) => wish.is_met_by(actual),
            (Self::Certificate(wish), Self::Certificate(actual)) => wish.is_met_by(actual),
            (wish, actual) => wish == actual,
        }
    }
}
