//! Determines the configuration that a process loaded: by the record of its
//! start, by when its files last changed, and, only if they did, by the reloads
//! that systemd knows of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Configuration, LoadedConfig, ServiceKey};
use crate::digest::Digest;
use crate::host::{Host, Process, Result, Unit};
use crate::resource::Planned;

/// The folder that records with which configuration each service was last
/// started.
pub(super) const NOTES: &str = "/var/lib/mailprov/services";

/// The record of a start or reload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) configuration: Configuration,
    pub(super) process: Option<Process>,
    /// In nanoseconds since 1970.
    pub(super) at: i64,
    /// When each file last changed, where known: a file dated in the future,
    /// since the clock was set back, is not younger than the process for that.
    #[serde(default)]
    pub(super) changed: BTreeMap<PathBuf, i64>,
    /// The service, with the endpoints where it was seen to answer.
    #[serde(default)]
    pub(super) key: Option<ServiceKey>,
}

/// A file that may differ from the record.
struct Changed {
    /// In nanoseconds since 1970; `None` where it is gone.
    at: Option<i64>,
    /// Whether it equals the record but was written since.
    put_back: bool,
}

/// Determines the configuration that a process loaded. If we started it, it
/// loaded the recorded one, unless a file was written since. Another process,
/// after a reboot, loaded the files on disk if none is younger than it. A
/// younger file is loaded if it is older than the last reload.
pub(super) fn loaded(host: &Host, key: &ServiceKey, process: &Process) -> Result<LoadedConfig> {
    let Some(note) = noted(host, &key.unit)? else { return Ok(LoadedConfig::Unknown) };
    let is_ours = note.process.as_ref() == Some(process);
    let mut configuration = note.configuration.clone();
    let (mut changed, mut packages_stay) = (Vec::new(), true);
    for (key, value) in &mut configuration {
        let Some(path) = key.strip_prefix("file:") else {
            if let Some(package) = key.strip_prefix("package:") {
                let version = host.package(package)?.map(|package| package.version);
                packages_stay &= Planned::from(version) == *value;
            }
            continue;
        };
        let path = Path::new(path);
        // A path that is no longer a file is not what was loaded.
        let content = if host.is_file(path)? { host.read(path)? } else { None };
        let digest = content.map(|content| Digest::of(content.bytes()).to_string()).into();
        // By the change time, since a copy that is restored may bring its modification time
        // along.
        let stamp = host.stamp(path)?;
        let since = if is_ours { note.at } else { process.started_at() };
        let young = stamp.as_ref().is_some_and(|stamp| {
            let is_noted = is_ours && note.changed.get(path) == Some(&stamp.changed);
            stamp.changed > since && !is_noted
        });
        let put_back = digest == *value;
        if !put_back || young {
            changed.push(Changed { at: stamp.map(|stamp| stamp.changed), put_back });
            *value = digest;
        }
    }
    Ok(match is_ours {
        _ if changed.is_empty() && packages_stay => LoadedConfig::Current(note.configuration),
        _ if packages_stay && took_up(host, key, process, is_ours, &changed)? => {
            LoadedConfig::Current(configuration)
        }
        true => LoadedConfig::Outdated(note.configuration),
        false => LoadedConfig::Unknown,
    })
}

/// Returns whether a process loaded `changed`, by what systemd knows: it was
/// started after that, or reloaded. A reload counts where ours would, that is
/// if the service then answers everywhere. Since only a start applies
/// everything, the configuration that it started with must have no value that
/// has changed since.
fn took_up(
    host: &Host,
    key: &ServiceKey,
    process: &Process,
    is_ours: bool,
    changed: &[Changed],
) -> Result<bool> {
    let times: Option<Vec<i64>> = changed.iter().map(|file| file.at).collect();
    let Some(last) = times.and_then(|times| times.into_iter().max()) else { return Ok(false) };
    let taken_up = host.taken_up(process)?;
    if !is_ours && taken_up.started.is_some_and(|started| last < started) {
        return Ok(true);
    }
    let is_known = is_ours || changed.iter().all(|file| !file.put_back);
    Ok(key.reload
        && is_known
        && taken_up.reloaded.is_some_and(|told| last < told)
        && host.failing_probes(&key.answers.iter().collect::<Vec<_>>()).is_empty())
}

/// Returns whether a process that has `loaded` this started as recorded. For
/// another process the part that a reload does not change (listening addresses)
/// is unknown.
pub(super) fn began_as_noted(
    host: &Host,
    unit: &Unit,
    process: &Process,
    loaded: &Configuration,
) -> Result<bool> {
    let is_noted =
        |note: Note| note.process.as_ref() == Some(process) || note.configuration == *loaded;
    Ok(noted(host, unit)?.is_some_and(is_noted))
}

/// Returns the packages of a configuration, which a reload does not load.
pub(super) fn packages(configuration: &Configuration) -> Vec<(&String, &Planned<String>)> {
    configuration.iter().filter(|(key, _)| key.starts_with("package:")).collect()
}

pub(super) fn noted(host: &Host, unit: &Unit) -> Result<Option<Note>> {
    let note = host.read(&note_of(unit))?;
    Ok(note.and_then(|note| serde_json::from_slice(note.bytes()).ok()))
}

pub(super) fn note_of(unit: &Unit) -> PathBuf {
    Path::new(NOTES).join(format!("{}.json", unit.name))
}
