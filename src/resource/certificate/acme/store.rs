//! What is kept of an authority in `/var/lib/mailprov/acme`, readable by root only: the
//! account of each, and of each pair of certificate and key the one that was issued last,
//! with notes about it. No undo and no rollback touches it.

use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Obstacle, Order};
use crate::digest::Digest;
use crate::host::{Content, Error, Host, Ownership, Result};
use crate::resource::certificate::Pair;
use crate::resource::certificate::examine::{belongs, parse, seconds};

const FOLDER: &str = "/var/lib/mailprov/acme";

/// The beginning of a certificate in PEM (RFC 7468, 5.1).
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The part of the store that is about one pair.
pub(super) struct Store<'h> {
    host: &'h Host,
    /// The pair that was issued, in one file, so that it is never half of each.
    pair: PathBuf,
    notes: PathBuf,
    /// The key of the next certificate, if it waits until other servers know it.
    next: PathBuf,
}

/// What is known of a pair besides the pair.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    /// The directory of the authority that issued the pair.
    pub issued_by: String,
    /// When an authority was asked last, in seconds since 1970.
    pub asked: i64,
    /// Why it issued nothing, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the authority says about the renewal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
}

/// An order in vain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Failure {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The directory of the authority.
    pub directory: String,
    /// The names that were ordered.
    pub names: Vec<String>,
    why: String,
}

/// The answer of an authority to when a certificate is to be renewed (RFC 9773).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Renewal {
    /// The time to renew, in seconds since 1970, if the authority named one.
    pub at: Option<i64>,
    /// The time from which it may be asked again.
    pub ask_again: i64,
}

/// A pair that an authority issued.
pub(crate) struct Issued {
    /// The key and then the chain, PEM.
    text: String,
    pub names: Vec<String>,
    /// The validity, in seconds since 1970.
    pub from: i64,
    /// See `from`.
    pub to: i64,
}

/// Leaves out the key.
impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued for {}", self.names.join(", "))
    }
}

impl Issued {
    /// Joins a key and the chain of its certificate; `None` if they do not belong together.
    pub(super) fn join(key: &str, chain: &str) -> Option<Self> {
        Self::read(format!("{}\n{chain}", key.trim_end()))
    }

    fn read(text: String) -> Option<Self> {
        let (names, (from, to)) = parse(text.as_bytes())?;
        let issued = Self { text, names, from, to };
        belongs(issued.chain().as_bytes(), issued.key().as_bytes())?.then_some(issued)
    }

    fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.text.find(CERTIFICATE).unwrap_or(self.text.len()))
    }

    /// Returns the key, PEM.
    pub(crate) fn key(&self) -> &str {
        self.halves().0
    }

    /// Returns the certificate and those that vouch for it, PEM.
    pub(crate) fn chain(&self) -> &str {
        self.halves().1
    }

    /// Returns the time from which a third of its life is left.
    fn last_third(&self) -> i64 {
        self.to - (self.to - self.from) / 3
    }
}

impl Failure {
    /// Returns the failure of an order just now.
    pub(super) fn of(order: &Order, why: &str) -> Self {
        let Order { directory, names, .. } = order.clone();
        Self { at: seconds(), directory, names, why: why.into() }
    }

    /// Says why the authority is not asked again yet.
    pub(super) fn as_obstacle(&self, pause: i64) -> Obstacle {
        let minutes = (seconds() - self.at).max(0) / 60;
        let ago = match minutes {
            0 => "less than a minute".into(),
            1 => "a minute".into(),
            _ => format!("{minutes} minutes"),
        };
        let left = ((self.at + pause - seconds()).max(60) + 59) / 60;
        Obstacle {
            why: format!("it was ordered {ago} ago in vain: {}", self.why),
            remedy: format!(
                "It is ordered again by itself in {left} minutes or later; at once: mailprov \
                 certificate renew"
            ),
        }
    }
}

impl Notes {
    /// Returns the time from which a pair is to be renewed.
    pub(super) fn due(&self, issued: &Issued) -> i64 {
        let named = self.renewal.as_ref().and_then(|renewal| renewal.at);
        named.map_or(issued.last_third(), |named| named.min(issued.last_third()))
    }
}

impl<'h> Store<'h> {
    pub(super) fn of(host: &'h Host, pair: &Pair) -> Self {
        let path = pair.certificate.display().to_string();
        let name = path.trim_start_matches('/').replace('/', "-");
        let folder = Path::new(FOLDER);
        Self {
            host,
            pair: folder.join(format!("{name}.issued")),
            notes: folder.join(format!("{name}.json")),
            next: folder.join(format!("{name}.next")),
        }
    }

    pub(super) fn host(&self) -> &'h Host {
        self.host
    }

    pub(super) fn notes(&self) -> Result<Notes> {
        Ok(self.json(&self.notes)?.unwrap_or_default())
    }

    pub(super) fn keep_notes(&self, notes: &Notes) -> Result<()> {
        self.put_json(&self.notes, notes)
    }

    /// Returns the pair that was issued last.
    pub(super) fn issued(&self) -> Result<Option<Issued>> {
        let content = self.host.read(&self.pair)?;
        Ok(content.and_then(|content| Issued::read(content.text().into_owned())))
    }

    pub(super) fn keep(&self, issued: &Issued) -> Result<()> {
        self.put(&self.pair, issued.text.as_bytes())
    }

    /// Returns the key of the next certificate, which `make` makes if there is none.
    pub(super) fn next_key(&self, make: impl Fn() -> Result<KeyPair>) -> Result<KeyPair> {
        match self.known_next_key()? {
            Some(key) => Ok(key),
            None => {
                let key = make()?;
                self.put(&self.next, key.serialize_pem().as_bytes())?;
                Ok(key)
            }
        }
    }

    pub(super) fn known_next_key(&self) -> Result<Option<KeyPair>> {
        let content = self.host.read(&self.next)?;
        Ok(content.and_then(|content| KeyPair::from_pem(&content.text()).ok()))
    }

    pub(super) fn forget_next_key(&self) -> Result<()> {
        self.host.remove(&self.next)
    }

    /// Returns the account at an authority, in the form of its library.
    pub(super) fn account<T: DeserializeOwned>(&self, directory: &str) -> Result<Option<T>> {
        self.json(&account(directory))
    }

    pub(super) fn keep_account(&self, directory: &str, credentials: &impl Serialize) -> Result<()> {
        self.put_json(&account(directory), credentials)
    }

    /// Reads a file. One that is damaged counts as absent, since each can be made anew.
    fn json<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let content = self.host.read(path)?;
        Ok(content.and_then(|content| serde_json::from_slice(content.bytes()).ok()))
    }

    fn put_json(&self, path: &Path, value: &impl Serialize) -> Result<()> {
        self.put(path, &serde_json::to_vec(value).map_err(Error::encoding)?)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.host.make_private_directories(Path::new(FOLDER))?;
        self.host.put_file(path, &Content::new(bytes), &Ownership::of_root(0o600))
    }
}

/// Returns the path of the account at an authority.
fn account(directory: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("account-{}.json", Digest::of(directory.as_bytes())))
}
