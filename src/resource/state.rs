//! The states that all kinds share, and contents that may be secret.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{State, public_key};
use crate::digest::Digest;
use crate::host::{Content, Host, Ownership, Result};

/// The content of a file, with whether it may be shown.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The bytes.
    pub content: Content,
    /// Whether it is never shown.
    pub secret: bool,
}

/// The name of a content that is stored apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    pub(crate) sha256: Digest,
    /// Whether it is never shown.
    pub secret: bool,
}

/// Secrecy affects display, not equality.
impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content
    }
}

impl Eq for Blob {}

impl Blob {
    /// Returns the content as a plan shows it, with words in place of the parts
    /// that are known only after apply.
    pub(crate) fn shown(&self) -> Content {
        public_key::shown(&self.content)
    }

    /// Returns whether all of the content is known.
    pub(crate) fn is_known(&self) -> bool {
        public_key::with_holes(&self.content).is_none()
    }
}

impl<B> State<B> {
    /// Returns the content, if this is a file.
    pub(crate) fn blob(&self) -> Option<&B> {
        match self {
            Self::File { blob, .. } => Some(blob),
            _ => None,
        }
    }

    pub(crate) fn is_directory(&self) -> bool {
        matches!(self, Self::Directory(_))
    }

    /// Returns whether it is a socket or a device, which cannot be restored.
    pub(crate) fn is_special(&self) -> bool {
        matches!(self, Self::Special)
    }
}

impl State {
    /// Returns the state with its content by name.
    pub(crate) fn stored(&self) -> State<Stored> {
        let name = |blob: Blob| {
            Ok::<_, std::convert::Infallible>(Stored {
                sha256: Digest::of(blob.content.bytes()),
                secret: blob.secret,
            })
        };
        let Ok(stored) = self.clone().map_blob(name);
        stored
    }

    /// Returns the state with the values that have become known on the host.
    ///
    /// # Errors
    ///
    /// Fails where a file that the content names is not a private key.
    pub(crate) fn made_known(&self, host: &Host) -> Result<Self> {
        Ok(match self {
            Self::File { blob, ownership } => {
                let content = public_key::fill(host, &blob.content)?;
                let blob = Blob { content, ..blob.clone() };
                Self::File { blob, ownership: ownership.clone() }
            }
            other => other.clone(),
        })
    }

    /// Returns whether the content of a file in this state must not be shown.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self, Self::File { blob: Blob { secret: true, .. }, .. })
    }

    /// Returns a digest by which a later run sees whether a path is unchanged.
    /// `None` for a state that is not of a path.
    pub(crate) fn fingerprint(&self) -> Option<Digest> {
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

    /// Returns a shared state as JSON.
    pub(super) fn plain_json(&self, secret: bool) -> Value {
        match self {
            Self::File { blob, ownership } => {
                let mut object = owned_json("file", ownership);
                let bytes = blob.content.bytes();
                if blob.is_known() {
                    object.insert("size".into(), bytes.len().into());
                } else {
                    object.insert("known_after_apply".into(), true.into());
                }
                if blob.secret || secret {
                    object.insert("secret".into(), true.into());
                } else {
                    if blob.is_known() {
                        object.insert("sha256".into(), Digest::of(bytes).to_string().into());
                    }
                    // Bytes that are not text are shown by their digest only.
                    if let Ok(text) = std::str::from_utf8(blob.shown().bytes()) {
                        object.insert("content".into(), text.into());
                    }
                }
                object.into()
            }
            Self::Directory(ownership) => owned_json("directory", ownership).into(),
            Self::Link { target } => json!({"state": "link", "target": target}),
            Self::Fifo(ownership) => owned_json("fifo", ownership).into(),
            Self::Special => json!({"state": "special"}),
            Self::Kept => json!({"state": "kept"}),
            Self::Done => json!({"state": "done"}),
            _ => json!({"state": "absent"}),
        }
    }

    /// Returns a shared state as a word.
    pub(super) fn plain_noun(&self) -> &'static str {
        match self {
            Self::File { .. } => "a file",
            Self::Directory(_) => "a directory",
            Self::Link { .. } => "a link",
            Self::Fifo(_) => "a FIFO",
            Self::Special => "a socket or device",
            Self::Kept => "kept",
            Self::Done => "done",
            _ => "absent",
        }
    }
}

/// Returns the JSON object of a thing with an owner.
pub(super) fn owned_json(state: &str, ownership: &Ownership) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("state".into(), state.into());
    object.insert("owner".into(), ownership.owner.clone().into());
    object.insert("group".into(), ownership.group.clone().into());
    object.insert("mode".into(), format!("{:04o}", ownership.mode).into());
    object
}
