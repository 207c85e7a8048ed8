//! What we last left each path as, so that a plan can tell a change by hand
//! from a change of mail.yml.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Change;
use crate::digest::Digest;
use crate::host::{Content, Error, Host, Ownership, Result};
use crate::resource::Key;

/// Where it is noted. For root's eyes only.
const PATH: &str = "/var/lib/mailprov/applied.json";

/// Where dpkg and ucf put a file of a person's when its package brings another.
const KEPT_ASIDE: [&str; 2] = ["dpkg-old", "ucf-old"];

/// How a path came to be other than we left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The run that left it.
    pub run: u64,
    /// What we left, where a package upgrade put it aside.
    pub kept_aside: Option<PathBuf>,
}

/// The states that we left, by key.
#[derive(Debug, Default)]
pub(super) struct LastKnown(BTreeMap<String, Left>);

/// A state that we left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    run: u64,
    fingerprint: Digest,
}

impl LastKnown {
    /// Reads what was noted. Who may not read it knows nothing; it explains
    /// changes, and decides none.
    pub(super) fn read(host: &Host) -> Self {
        let content = host.read(Path::new(PATH)).ok().flatten();
        let applied = content.and_then(|content| serde_json::from_slice(content.bytes()).ok());
        Self(applied.unwrap_or_default())
    }

    /// Tells whether somebody else changed what we left.
    pub(super) fn drift(&self, host: &Host, change: &Change) -> Result<Option<Drift>> {
        let Some(left) = self.0.get(&change.key.to_string()) else { return Ok(None) };
        if change.before.fingerprint().as_ref() == Some(&left.fingerprint) {
            return Ok(None);
        }
        let mut drift = Drift { run: left.run, kept_aside: None };
        if let Key::File(path) = &change.key {
            for ending in KEPT_ASIDE {
                let aside = PathBuf::from(format!("{}.{ending}", path.display()));
                if host.exists(&aside)? {
                    drift.kept_aside = Some(aside);
                }
            }
        }
        Ok(Some(drift))
    }

    /// Notes the changes that a run made.
    pub(super) fn note(&mut self, host: &Host, run: u64, changes: &[Change]) -> Result<()> {
        let before = self.0.clone();
        for change in changes {
            let key = change.key.to_string();
            match change.after.fingerprint() {
                Some(fingerprint) => self.0.insert(key, Left { run, fingerprint }),
                None => self.0.remove(&key),
            };
        }
        if self.0 == before {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.0).map_err(|error| Error::Other(error.to_string()))?;
        host.make_private_directories(Path::new("/var/lib/mailprov"))?;
        host.put_file(Path::new(PATH), &Content::new(text), &Ownership::of_root(0o600))
    }
}
