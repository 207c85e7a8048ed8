//! The states in which runs last left the host. A plan uses them to tell a
//! manual change from a change of mail.yml, and files of mailprov's from files
//! that were there before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::STATE_DIR;
use super::change::{Change, Drift};
use super::journal::{Outcome, runs};
use crate::digest::Digest;
use crate::host::{Content, Error, Host, Ownership, Result};
use crate::resource::{Key, State};

/// The file of the record. Only root may read it.
const PATH: &str = "/var/lib/mailprov/applied.json";

/// The format version. Version 1 had only `keys`, and only of paths.
const VERSION: u32 = 2;

/// The suffixes under which dpkg and ucf keep a changed file when an upgrade
/// replaces it.
const KEPT_ASIDE: [&str; 2] = ["dpkg-old", "ucf-old"];

/// The states in which runs left the host.
#[derive(Debug, Default)]
pub(super) struct LastKnown {
    keys: Keys,
    /// Whether the file is missing or of an older format.
    is_outdated: bool,
    /// Why the record is unknown, where we may not read it.
    unreadable: Option<String>,
}

type Keys = BTreeMap<String, Left>;

#[derive(Debug, Deserialize, Serialize)]
struct Noted {
    version: u32,
    keys: Keys,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    run: u64,
    /// The fingerprint of the state at a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Digest>,
}

impl LastKnown {
    /// Reads the record, or the journals where there is none.
    pub(super) fn read(host: &Host) -> Result<Self> {
        let content = match host.read(Path::new(PATH)) {
            Ok(content) => content,
            Err(error) if error.is_permission_denied() => {
                return Ok(Self { unreadable: Some(error.to_string()), ..Self::default() });
            }
            Err(error) => return Err(error),
        };
        let bytes = content.as_ref().map_or(&[][..], |content| content.bytes());
        if let Ok(Noted { keys, version: VERSION }) = serde_json::from_slice(bytes) {
            return Ok(Self { keys, ..Self::default() });
        }
        let mut keys = from_journals(host)?;
        let paths: Keys = serde_json::from_slice(bytes).unwrap_or_default();
        keys.extend(paths);
        Ok(Self { keys, is_outdated: true, unreadable: None })
    }

    /// Returns whether a run put what is now under a key, or at its paths,
    /// there. Returns the reason where we may not read the record.
    pub(super) fn has_brought(&self, key: &Key) -> std::result::Result<bool, &str> {
        let has = |key: &Key| self.keys.contains_key(&key.to_string());
        match &self.unreadable {
            Some(reason) => Err(reason),
            None => {
                Ok(has(key) || key.affected_paths().into_iter().any(|path| has(&Key::at(path))))
            }
        }
    }

    /// Returns the drift of a change: how the thing differs from what we left.
    pub(super) fn drift(&self, host: &Host, change: &Change) -> Result<Option<Drift>> {
        let Some(Left { run, fingerprint: Some(left) }) = self.keys.get(&change.key.to_string())
        else {
            return Ok(None);
        };
        if change.before.fingerprint().as_ref() == Some(left) {
            return Ok(None);
        }
        let mut drift = Drift { run: *run, kept_aside: None };
        if let Some(path) = change.key.path() {
            for ending in KEPT_ASIDE {
                let aside = PathBuf::from(format!("{}.{ending}", path.display()));
                if host.exists(&aside)? {
                    drift.kept_aside = Some(aside);
                }
            }
        }
        Ok(Some(drift))
    }

    /// Records the changes that a run made.
    pub(super) fn note(&mut self, host: &Host, run: u64, changes: &[Change]) -> Result<()> {
        let before = self.keys.clone();
        for change in changes {
            let key = change.key.to_string();
            match change.after.is_there() {
                true if is_of_others(&self.keys, &change.key, change.before.is_there()) => None,
                true => {
                    self.keys.insert(key, Left { run, fingerprint: change.after.fingerprint() })
                }
                false => self.keys.remove(&key),
            };
        }
        match self.is_outdated || self.keys != before {
            true => self.write(host),
            false => Ok(()),
        }
    }

    /// Converts the record of an earlier release into today's format, so that
    /// journals need not be read again.
    pub(super) fn update(host: &Host) -> Result<()> {
        let mut last_known = Self::read(host)?;
        match last_known.is_outdated && !last_known.keys.is_empty() {
            true => last_known.write(host),
            false => Ok(()),
        }
    }

    fn write(&mut self, host: &Host) -> Result<()> {
        let noted = Noted { version: VERSION, keys: std::mem::take(&mut self.keys) };
        let text = serde_json::to_vec(&noted).map_err(Error::encoding)?;
        self.keys = noted.keys;
        host.make_private_directories(Path::new(STATE_DIR))?;
        host.put_file(Path::new(PATH), &Content::new(text), &Ownership::of_root(0o600))?;
        self.is_outdated = false;
        Ok(())
    }
}

/// Records that a program of ours brought a thing from a state in which a run left it into
/// another, so that it does not look as if another hand had changed it.
pub(crate) fn note_change(host: &Host, key: &Key, before: &State, after: &State) -> Result<()> {
    let mut last_known = LastKnown::read(host)?;
    let Some(left) = last_known.keys.get_mut(&key.to_string()) else { return Ok(()) };
    if left.fingerprint != before.fingerprint() {
        return Ok(());
    }
    left.fingerprint = after.fingerprint();
    last_known.write(host)
}

/// Returns whether a run put there what is under a key, such as `service:nginx`. It counts
/// as one that did where we may not read the record.
pub(crate) fn has_brought(host: &Host, key: &str) -> Result<bool> {
    let last_known = LastKnown::read(host)?;
    Ok(last_known.unreadable.is_some() || last_known.keys.contains_key(key))
}

/// Returns whether what a run changed is not ours for that: a service that ran before
/// any run of ours goes on, even when mail.yml asks for it no more. What we put at a
/// path is ours, whatever stood there.
fn is_of_others(keys: &Keys, key: &Key, was_there: bool) -> bool {
    key.path().is_none() && was_there && !keys.contains_key(&key.to_string())
}

/// Returns the states by the journals.
fn from_journals(host: &Host) -> Result<Keys> {
    let mut keys = Keys::new();
    for run in runs(host)?.iter().filter(|run| run.outcome != Some(Outcome::Undone)) {
        for record in &run.records {
            let key = record.key.to_string();
            match record.after.is_there() {
                true if is_of_others(&keys, &record.key, record.before.is_there()) => None,
                true => keys.insert(key, Left { run: run.number, fingerprint: None }),
                false => keys.remove(&key),
            };
        }
    }
    Ok(keys)
}
