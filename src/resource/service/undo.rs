//! Undoes the change of a service: it runs as before, with its former files.

use std::path::Path;

use super::apply::observe;
use super::loaded::{NOTES, Note, note_of};
use super::{Configuration, LoadedConfig, ServiceKey, ServiceState};
use crate::host::Result;
use crate::resource::{Key, Overlay, State};

/// Returns the state for a service that ran `before` to run again, with the
/// files in `overlay`. `None` where it still runs and its files are unknown.
pub(super) fn back_to_running(
    before: &ServiceState,
    after: &State,
    now: &State,
    overlay: &Overlay<'_>,
) -> Result<Option<State>> {
    let nothing = Configuration::new();
    let of = |state| match state {
        &State::Service(ServiceState { loaded: LoadedConfig::Current(ref loaded), .. }) => {
            Some(loaded)
        }
        _ => None,
    };
    let is_stopped = matches!(now, State::Service(ServiceState { running: false, .. }));
    let known = match &before.loaded {
        LoadedConfig::Current(known) | LoadedConfig::Outdated(known) => Some(known),
        LoadedConfig::Unknown => of(after).or(of(now)).or(is_stopped.then_some(&nothing)),
    };
    let Some(known) = known else { return Ok(None) };
    let loaded = LoadedConfig::Current(as_it_will_be(known, overlay)?);
    Ok(Some(State::Service(ServiceState {
        enabled: before.enabled,
        running: true,
        loaded,
        missing: Vec::new(),
    })))
}

/// Returns the services that load one of `files`, each with the state for it to
/// run with the files in `overlay`.
pub(in crate::resource) fn loading(
    overlay: &Overlay<'_>,
    files: &[&Key],
) -> Result<Vec<(Key, State)>> {
    let host = overlay.host();
    let mut found = Vec::new();
    for name in host.list(Path::new(NOTES))? {
        let note = host.read(&Path::new(NOTES).join(name))?;
        let note = note.and_then(|note| serde_json::from_slice::<Note>(note.bytes()).ok());
        let Some(Note { key: Some(key), configuration, .. }) = note else { continue };
        let loads = |file: &&Key| configuration.contains_key(&file.to_string());
        let State::Service(now) = observe(host, &key)? else { continue };
        if now.running && files.iter().any(loads) {
            let loaded = LoadedConfig::Current(as_it_will_be(&configuration, overlay)?);
            found.push((
                Key::Service(key),
                State::Service(ServiceState { loaded, missing: Vec::new(), ..now }),
            ));
        }
    }
    Ok(found)
}

/// Returns a configuration with the files in `overlay`. A file that goes is left out: its
/// unknown content would be met by any.
fn as_it_will_be(known: &Configuration, overlay: &Overlay<'_>) -> Result<Configuration> {
    let mut configuration = Configuration::new();
    for (key, value) in known {
        let value = match key.strip_prefix("file:").map(Path::new) {
            Some(path) if overlay.planned(&Key::at(path.to_owned())) == Some(&State::Absent) => {
                continue;
            }
            Some(path) => overlay.digest(path)?.map(|digest| digest.to_string()).into(),
            None => value.clone(),
        };
        configuration.insert(key.clone(), value);
    }
    Ok(configuration)
}

impl ServiceKey {
    /// Returns the key of the service as it was `before`: it must answer only
    /// where it did, by the record in `overlay`. A service that others started
    /// need not answer at all.
    pub(super) fn as_it_was(&self, before: &ServiceState, overlay: &Overlay<'_>) -> Result<Self> {
        let note = overlay.state(&Key::File(note_of(&self.unit)))?;
        let noted = match (&before.loaded, note) {
            (LoadedConfig::Outdated(_) | LoadedConfig::Current(_), State::File { blob, .. }) => {
                serde_json::from_slice::<Note>(blob.content.bytes()).ok()
            }
            _ => None,
        };
        let answers = noted.and_then(|note| note.key).map(|key| key.answers).unwrap_or_default();
        Ok(Self { answers, ..self.clone() })
    }
}
