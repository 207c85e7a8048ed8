//! `service`: enabled, running, and running with the configuration that is on
//! disk. Its state holds what the process loaded. A restart or a reload is the
//! change from that to the files that are, or will be, on disk, no matter who
//! edited them and when the last run ended.

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

pub(crate) use apply::{last_configuration, unwell_services};
pub(crate) use bad_pair::{BadPair, judge_bad_pair};
pub(crate) use declaration::Service;
pub(super) use undo::loading;

use crate::host::{Endpoint, Greeting, Host, Result, Unit};
use crate::resource::kind::Thing;
use crate::resource::{Key, Overlay, Planned, Said, State, Undo};

/// Identifies a service, with how to make it load its configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceKey {
    pub unit: Unit,
    /// Whether a reload is enough to load changed files.
    pub reload: bool,
    /// Whether a reload applies all that a start does, so that a process that runs is
    /// never replaced, also if it was started by hand.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_running: bool,
    /// The endpoints where it must answer while it runs.
    pub answers: Vec<Greeting>,
    /// The argument lists of programs by which it catches up on its work, after
    /// its own start and after that of a service that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub catches_up: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<ServiceKey>,
}

/// The state of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    pub enabled: bool,
    pub running: bool,
    pub loaded: LoadedConfig,
    /// The endpoints where nothing listens although it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Endpoint>,
}

/// Each thing that a service loads, by key, with the digest of a file or the
/// version of a package.
pub(crate) type Configuration = BTreeMap<String, Planned<String>>;

/// The configuration that a process loaded, as far as known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadedConfig {
    /// Others started it, so it is unknown.
    Unknown,
    /// We started it with this, but its files changed since.
    Outdated(Configuration),
    /// It loaded this, which is on disk.
    Current(Configuration),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ServiceKey {
    fn of(unit: Unit) -> Self {
        let (answers, catches_up, needed_by) = (Vec::new(), Vec::new(), Vec::new());
        Self { unit, reload: false, keep_running: false, answers, catches_up, needed_by }
    }
}

impl ServiceState {
    /// Returns the state of a service that does not run.
    fn stopped(enabled: bool) -> Self {
        Self { enabled, running: false, loaded: LoadedConfig::Unknown, missing: Vec::new() }
    }

    /// Returns whether the `actual` state meets this one.
    fn is_met_by(&self, actual: &Self) -> bool {
        let is_heard = !self.running || actual.missing.is_empty();
        is_heard && self.is_loaded_by(actual)
    }

    /// As `is_met_by`, but ignores where nothing listens.
    fn is_loaded_by(&self, actual: &Self) -> bool {
        let loaded = match (&self.loaded, &actual.loaded) {
            // A stopped service has loaded nothing, unless its first boot counts.
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
            // A new service whose package stays is kept from starting.
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

    fn describe(key: &ServiceKey, before: &State, after: &State) -> Option<Vec<String>> {
        let anew = if key.keep_running { "reload" } else { "restart" };
        Some(match (before, after) {
            (State::Service(old), State::Service(new)) => differences(old, new, anew),
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

    /// An earlier change writes its files, or brings its unit.
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

/// Describes what happens to a service, which is to load its files `anew` by that word.
fn differences(old: &ServiceState, new: &ServiceState, anew: &str) -> Vec<String> {
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
            let loads = load_difference(&old.loaded, &new.loaded, anew);
            let missing: Vec<_> = old.missing.iter().map(ToString::to_string).collect();
            let restart = || format!("{anew}: nothing listens at {}", missing.join(", "));
            // It may listen there once it loads its new files.
            words.extend(loads.or_else(|| (!missing.is_empty()).then(restart)));
        }
        (false, false) if old.loaded != new.loaded => words.push("load at the next boot".into()),
        (false, false) => {}
    }
    words
}

fn load_difference(old: &LoadedConfig, new: &LoadedConfig, anew: &str) -> Option<String> {
    let LoadedConfig::Current(wish) = new else { return None };
    let changed = |loaded: &Configuration| -> Vec<String> {
        let differs = wish.iter().filter(|(key, value)| loaded.get(*key) != Some(value));
        differs
            .map(|(key, _)| key.split_once(':').map_or(key.as_str(), |(_, name)| name).into())
            .collect()
    };
    Some(match old {
        LoadedConfig::Unknown => format!("{anew}: it is not known to run with what is on disk"),
        LoadedConfig::Current(loaded) => format!("load {}", changed(loaded).join(", ")),
        LoadedConfig::Outdated(loaded) => match &changed(loaded)[..] {
            [] => "reload: its files changed since it last read them".into(),
            changed => format!("load {}", changed.join(", ")),
        },
    })
    .filter(|_| old != new)
}
