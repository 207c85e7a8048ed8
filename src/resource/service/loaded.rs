//! What a process loaded, as far as can be told: from what was noted when we
//! started it, from when its files last changed, and, only where they did, from
//! what systemd knows of reloads that we did not make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Configuration, LoadedConfig, ServiceKey};
use crate::digest::Digest;
use crate::host::{Host, Process, Result, Unit};
use crate::resource::Planned;

/// Where it is noted what each service was last started with.
pub(super) const NOTES: &str = "/var/lib/mailprov/services";

/// What was noted when a service was started or reloaded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) configuration: Configuration,
    pub(super) process: Option<Process>,
    /// In nanoseconds since 1970.
    pub(super) at: i64,
    /// When each file last changed, as far as is known: what is from the future,
    /// since the clock was set back, is not younger than the process for that.
    #[serde(default)]
    pub(super) changed: BTreeMap<PathBuf, i64>,
    /// The service, with where it was seen to answer.
    #[serde(default)]
    pub(super) key: Option<ServiceKey>,
}

/// A file that is not, or may not be, what it was when it was noted.
struct Changed {
    /// When, in nanoseconds since 1970; none where it is gone.
    at: Option<i64>,
    /// It is as it was noted, but was written meanwhile.
    put_back: bool,
}

/// Finds out what a process loaded. The process that we started ourselves
/// loaded what we noted, unless a file was written since. Another one, after a
/// reboot, loaded what is on disk if nothing there is younger than the process.
/// What was written since then was loaded if it is older than the last reload.
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
        // What is there may be no file: then it is not what was loaded.
        let content = if host.is_file(path)? { host.read(path)? } else { None };
        let digest = content.map(|content| Digest::of(content.bytes()).to_string()).into();
        // By the time of the last change of any kind, since a copy that is put back may bring its
        // time of writing along.
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

/// Tells whether a process has what `changed`, as systemd knows it: since it was
/// started after that, or told to read its files again. A reload does where ours
/// would: if the service then answers everywhere. And only a start takes up all;
/// so what another one was started with must not have been anything that it is
/// not now.
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

/// Tells whether a process that has `loaded` this began as it was noted. What
/// another one began with and a reload does not undo (listening addresses) is
/// not known.
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

/// Takes out of a configuration what is a package's: a reload takes up none.
pub(super) fn packages(configuration: &Configuration) -> Vec<(&String, &Planned<String>)> {
    configuration.iter().filter(|(key, _)| key.starts_with("package:")).collect()
}

/// Reads what was noted of a service.
pub(super) fn noted(host: &Host, unit: &Unit) -> Result<Option<Note>> {
    let note = host.read(&note_of(unit))?;
    Ok(note.and_then(|note| serde_json::from_slice(note.bytes()).ok()))
}

/// Returns where it is noted what a service was last started with.
pub(super) fn note_of(unit: &Unit) -> PathBuf {
    Path::new(NOTES).join(format!("{}.json", unit.name))
}
