//! What we last left each path as, so that a plan can tell a change by hand
//! from a change of mail.yml.

use std::collections::BTreeMap;
use std::path::Path;

use super::Change;
use crate::digest::Digest;
use crate::host::{Content, Error, Host, Ownership, Result};

/// Where it is noted. For root's eyes only.
const PATH: &str = "/var/lib/mailprov/applied.json";

/// The fingerprints of the states that we left, by key.
#[derive(Debug, Default)]
pub(super) struct Applied(BTreeMap<String, Digest>);

impl Applied {
    /// Reads what was noted. Who may not read it knows nothing; it explains
    /// changes, and decides none.
    pub(super) fn read(host: &Host) -> Self {
        let content = host.read(Path::new(PATH)).ok().flatten();
        Self(
            content
                .and_then(|content| serde_json::from_slice(content.bytes()).ok())
                .unwrap_or_default(),
        )
    }

    /// Tells whether somebody else changed what we left.
    pub(super) fn is_drift(&self, change: &Change) -> bool {
        match self.0.get(&change.key.to_string()) {
            Some(left) => change.before.fingerprint().as_ref() != Some(left),
            None => false,
        }
    }

    /// Notes the changes that were made.
    pub(super) fn note(&mut self, host: &Host, changes: &[Change]) -> Result<()> {
        let before = self.0.clone();
        for change in changes {
            match change.after.fingerprint() {
                Some(fingerprint) => self.0.insert(change.key.to_string(), fingerprint),
                None => self.0.remove(&change.key.to_string()),
            };
        }
        if self.0 == before {
            return Ok(());
        }
        let path = Path::new(PATH);
        let root = Ownership::of_root(0o600);
        let text = serde_json::to_vec(&self.0).map_err(|error| Error::Other(error.to_string()))?;
        host.make_private_directories(Path::new("/var/lib/mailprov"))?;
        host.put_file(path, &Content::new(text), &root)
    }
}
