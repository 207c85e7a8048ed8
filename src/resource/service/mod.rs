//! `service`: enabled, running, and running with the configuration that is on
//! disk. Its state holds what the process loaded; a restart or a reload is the
//! change from that to what is, or will be, on disk, whoever edited the files
//! and whenever the last run ended.

mod apply;
mod bad_pair;
mod declaration;
mod health;
mod loaded;
mod ports;
mod undo;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use apply::{last_configuration, unwell_services};
pub use bad_pair::{BadPair, judge_bad_pair};
pub use declaration::Service;
pub(super) use undo::loading;

use crate::host::{Endpoint, Greeting, Host, Result, Unit};
use crate::resource::kind::Thing;
use crate::resource::{Key, Overlay, Planned, Said, State, Undo};

/// How to find a service and to have it read its configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceKey {
    /// The unit.
    pub unit: Unit,
    /// Whether a reload is enough for it to take up changed files.
    pub reload: bool,
    /// Where it must answer as long as it runs.
    pub answers: Vec<Greeting>,
    /// Programs, each with its arguments, by which it makes up for what it could
    /// not do: after it was started, and after what it needs was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catches_up: Vec<Vec<String>>,
    /// The services that need this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<ServiceKey>,
}

/// What a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub running: bool,
    /// What it runs with.
    pub loaded: LoadedConfig,
    /// Where it must answer and nobody listens, while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Endpoint>,
}

/// Each thing that a service loads, by key, with the digest of a file or the
/// version of a package. None stands for a file that is yet to be made.
pub type Configuration = BTreeMap<String, Planned<String>>;

/// What is known of the configuration that a process loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadedConfig {
    /// Nothing: somebody else started it.
    Unknown,
    /// It is the process that we started, but its files changed since.
    Outdated(Configuration),
    /// This, and it is what is on disk.
    Current(Configuration),
}

impl ServiceKey {
    fn of(unit: Unit) -> Self {
        let (answers, catches_up, needed_by) = (Vec::new(), Vec::new(), Vec::new());
        Self { unit, reload: false, answers, catches_up, needed_by }
    }
}

impl ServiceState {
    /// Returns the state of a service that does not run.
    fn stopped(enabled: bool) -> Self {
        Self { enabled, running: false, loaded: LoadedConfig::Unknown, missing: Vec::new() }
    }

    /// Tells whether a service that is `actual` is as it is to be.
    fn is_met_by(&self, actual: &Self) -> bool {
        let is_heard = !self.running || actual.missing.is_empty();
        is_heard && self.is_loaded_by(actual)
    }

    /// The same, wherever nobody listens.
    fn is_loaded_by(&self, actual: &Self) -> bool {
        let loaded = match (&self.loaded, &actual.loaded) {
            // What does not run has loaded nothing, unless its first boot is what counts.
            (LoadedConfig::Unknown | LoadedConfig::Outdated(_), _) if !self.running => true,
            (LoadedConfig::Current(wish), LoadedConfig::Current(actual)) => {
                wish.len() == actual.len()
                    && wish.iter().zip(actual).all(|((key, wish), (actual_key, actual))| {
                        key == actual_key && wish.is_met_by(actual)
                    })
            }
            _ => false,
        };
        loaded && (self.enabled, self.running) == (actual.enabled, actual.running)
    }
}

impl Thing for Service {
    const NAME: &str = "service";
    type Key = ServiceKey;
    type State = ServiceState;

    fn name(key: &ServiceKey) -> String {
        key.unit.name.clone()
    }

    fn observe(host: &Host, key: &ServiceKey) -> Result<State> {
        apply::observe(host, key)
    }

    fn write(
        host: &Host,
        key: &ServiceKey,
        before: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        apply::write(host, key, before, after, &mut |text| say(Said::Doing(text)))
    }

    fn undo(
        key: &ServiceKey,
        before: &State,
        after: &State,
        now: &State,
        overlay: &Overlay<'_>,
    ) -> Result<Undo> {
        Ok(match before {
            State::Service(before) if before.running => {
                match undo::back_to_running(before, after, now, overlay)? {
                    Some(state) => {
                        Undo::After(Key::Service(key.as_it_was(before, overlay)?), state)
                    }
                    None => Undo::FilesOnly,
                }
            }
            // One that was not there may be by now, as its package stays: it is kept from starting.
            before if *now != State::Absent => {
                let enabled = matches!(before, State::Service(before) if before.enabled);
                Undo::Before(State::Service(ServiceState::stopped(enabled)))
            }
            _ => Undo::FilesOnly,
        })
    }

    fn affected_paths(key: &ServiceKey) -> Vec<PathBuf> {
        apply::affected_paths(key)
    }

    fn describe(_: &ServiceKey, before: &State, after: &State) -> Option<Vec<String>> {
        Some(match (before, after) {
            (State::Service(old), State::Service(new)) => differences(old, new),
            (State::Absent, State::Service(new)) => {
                let words = [(new.enabled, "enable"), (new.running, "start")];
                words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.into()).collect()
            }
            _ => return None,
        })
    }

    fn json(ServiceState { enabled, running, loaded, missing }: &ServiceState) -> Value {
        let (loaded, current) = match loaded {
            LoadedConfig::Unknown => (None, false),
            LoadedConfig::Outdated(configuration) => (Some(configuration), false),
            LoadedConfig::Current(configuration) => (Some(configuration), true),
        };
        json!({
            "state": "service", "enabled": enabled, "running": running,
            "loaded": loaded.map(|loaded| loaded.keys().collect::<Vec<_>>()), "current": current,
            "missing": missing.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    fn is_met(wish: &ServiceState, actual: &ServiceState) -> bool {
        wish.is_met_by(actual)
    }

    fn is_there(service: &ServiceState) -> bool {
        service.enabled || service.running
    }

    /// An earlier change gives it other files, or brings its unit.
    fn is_unchanged(was: &State, now: &State) -> bool {
        match (was, now) {
            (State::Service(was), State::Service(now)) => {
                (was.enabled, was.running) == (now.enabled, now.running)
            }
            (State::Absent, State::Service(now)) => !now.running,
            (was, now) => was == now,
        }
    }
}

fn differences(old: &ServiceState, new: &ServiceState) -> Vec<String> {
    let mut words = Vec::new();
    match (old.enabled, new.enabled) {
        (false, true) => words.push("enable".to_owned()),
        (true, false) => words.push("disable".to_owned()),
        _ => {}
    }
    match (old.running, new.running) {
        (false, true) => words.push("start".to_owned()),
        (true, false) => words.push("stop".to_owned()),
        (true, true) => {
            let loads = load_difference(&old.loaded, &new.loaded);
            let missing: Vec<_> = old.missing.iter().map(ToString::to_string).collect();
            let restart = || format!("restart: nothing listens at {}", missing.join(", "));
            // What it is yet to load may be what makes it listen there.
            words.extend(loads.or_else(|| (!missing.is_empty()).then(restart)));
        }
        (false, false) if old.loaded != new.loaded => words.push("load at the next boot".into()),
        (false, false) => {}
    }
    words
}

fn load_difference(old: &LoadedConfig, new: &LoadedConfig) -> Option<String> {
    let LoadedConfig::Current(wish) = new else { return None };
    let changed = |loaded: &Configuration| -> Vec<String> {
        let differs = wish.iter().filter(|(key, value)| loaded.get(*key) != Some(value));
        differs
            .map(|(key, _)| key.split_once(':').map_or(key.as_str(), |(_, name)| name).into())
            .collect()
    };
    Some(match old {
        LoadedConfig::Unknown => "restart: it is not known to run with what is on disk".into(),
        LoadedConfig::Current(loaded) => format!("load {}", changed(loaded).join(", ")),
        LoadedConfig::Outdated(loaded) => match &changed(loaded)[..] {
            [] => "reload: its files changed since it last read them".into(),
            changed => format!("load {}", changed.join(", ")),
        },
    })
    .filter(|_| old != new)
}
