//! `service`: enabled, running, and running with the configuration that is on
//! disk. Its state holds what the process loaded; a restart or a reload is the
//! change from that to what is, or will be, on disk, whoever edited the files
//! and whenever the last run ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attributes::{name, path};
use super::command::argv;
use super::{Key, State, Target, View, keys};
use crate::host::{Endpoint, Greeting, Result, Unit};
use crate::yaml::{Decoder, Node};

/// A service and what it loads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    key: ServiceKey,
    loads: Vec<Key>,
    /// How its files are checked before they go live.
    pub(super) checks: Vec<Check>,
    absent: bool,
}

/// How to find a service and to have it read its configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServiceKey {
    /// The unit.
    pub unit: Unit,
    /// Whether a reload is enough for it to take up changed files.
    pub reload: bool,
    /// Where it must answer once it runs.
    pub answers: Vec<Greeting>,
}

/// A checker of configuration: a program that is run on staged copies of the
/// files and must have nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The program and its arguments.
    pub argv: Vec<String>,
}

/// What a service is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub running: bool,
    /// What it runs with.
    pub loaded: Loaded,
}

/// Each thing that a service loads, by key, with the digest of a file or the
/// version of a package. None stands for a file that is yet to be made.
pub type Configuration = BTreeMap<String, Option<String>>;

/// What is known of the configuration that a process loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loaded {
    /// Nothing: somebody else started it.
    Unknown,
    /// It is the process that we started, but its files changed since.
    Outdated(Configuration),
    /// This, and it is what is on disk.
    Current(Configuration),
}

impl Service {
    /// Reads a `service` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            let unit = Unit { name: without_ending(name(node, decoder)?), pid_file: None };
            let key = ServiceKey { unit, reload: false, answers: Vec::new() };
            return Some(Self { key, loads: Vec::new(), checks: Vec::new(), absent: false });
        }
        let fields = decoder.fields(node, &keys::SERVICE)?;
        let name = fields.require("name", &node.span, decoder);
        let name = name.and_then(|entry| self::name(&entry.value, decoder));
        let pid_file = fields.get("pid_file").map(|entry| path(&entry.value, decoder));
        let mut flag = |name| match fields.get(name) {
            Some(entry) => decoder.boolean(&entry.value).unwrap_or(false),
            None => false,
        };
        let (reload, absent) = (flag("reload"), flag("absent"));
        let mut loads = Vec::new();
        if let Some(entry) = fields.get("config") {
            for item in decoder.list(&entry.value)? {
                loads.push(Key::File(path(item, decoder)?));
            }
        }
        let mut checks = Vec::new();
        if let Some(entry) = fields.get("check") {
            for item in decoder.list(&entry.value)? {
                checks.push(Check { argv: argv(item, decoder)? });
            }
        }
        let mut answers = Vec::new();
        if let Some(entry) = fields.get("answers") {
            for item in decoder.list(&entry.value)? {
                answers.extend(greeting(item, decoder)?);
            }
        }
        let unit = Unit { name: without_ending(name?), pid_file: pid_file.flatten() };
        Some(Self { key: ServiceKey { unit, reload, answers }, loads, checks, absent })
    }

    /// Returns the service's name.
    pub fn name(&self) -> &str {
        &self.key.unit.name
    }

    /// Returns the service's unit.
    pub fn unit(&self) -> &Unit {
        &self.key.unit
    }

    /// Tells whether the service is to run, not to be gone.
    pub fn is_wanted(&self) -> bool {
        !self.absent
    }

    /// Returns what the service loads.
    pub fn loads(&self) -> &[Key] {
        &self.loads
    }

    /// Adds what steps that notify the service declare to what it loads.
    pub fn load(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.loads.extend(keys);
        self.loads.sort();
        self.loads.dedup();
    }

    /// Returns the service enabled and running with what is or will be on disk.
    pub(super) fn targets(&self, view: &View<'_>) -> Result<Vec<Target>> {
        let key = Key::Service(self.key.clone());
        if self.absent {
            let after = State::Service(ServiceState::stopped(false));
            let gone = view.state(&key)? == State::Absent;
            return Ok(vec![Target { key, after: if gone { State::Absent } else { after } }]);
        }
        let mut configuration = Configuration::new();
        for key in &self.loads {
            let value = match key {
                Key::File(path) => view.digest(path)?.map(|digest| digest.to_string()),
                key => match view.state(key)? {
                    State::Package { version, .. } => version,
                    State::Table(table) => table.source.map(|digest| digest.to_string()),
                    _ => None,
                },
            };
            configuration.insert(key.to_string(), value);
        }
        let after = ServiceState {
            enabled: true,
            running: !view.host().is_tree(),
            loaded: Loaded::Current(configuration),
        };
        Ok(vec![Target { key, after: State::Service(after) }])
    }
}

impl ServiceState {
    /// Returns the state of a service that does not run.
    pub(super) fn stopped(enabled: bool) -> Self {
        Self { enabled, running: false, loaded: Loaded::Unknown }
    }

    /// See [`State::is_met_by`].
    pub(super) fn is_met_by(&self, actual: &Self) -> bool {
        let loaded = match (&self.loaded, &actual.loaded) {
            // What does not run has loaded nothing, unless its first boot is what counts.
            (Loaded::Unknown | Loaded::Outdated(_), _) if !self.running => true,
            (Loaded::Current(wish), Loaded::Current(actual)) => {
                wish.len() == actual.len()
                    && wish.iter().zip(actual).all(|((key, wish), (actual_key, actual))| {
                        key == actual_key && (wish.is_none() || wish == actual)
                    })
            }
            _ => false,
        };
        loaded && (self.enabled, self.running) == (actual.enabled, actual.running)
    }
}

/// A service is called without the ending that says what it is; a timer or a
/// path is not.
fn without_ending(mut name: String) -> String {
    if name.ends_with(".service") {
        name.truncate(name.len() - ".service".len());
    }
    name
}

/// Reads where a service must answer: `port` or `socket`, and how what it says
/// `begins`. A port that its template left empty is left out.
fn greeting(node: &Node, decoder: &mut Decoder) -> Option<Option<Greeting>> {
    let fields = decoder.fields(node, &keys::ANSWER)?;
    let begins = match fields.get("begins") {
        Some(entry) => decoder.line(&entry.value)?.to_owned(),
        None => String::new(),
    };
    let at = match fields.get("socket") {
        Some(entry) => Endpoint::Socket(path(&entry.value, decoder)?),
        None => {
            let entry = fields.require("port", &node.span, decoder)?;
            let text = decoder.text(&entry.value)?;
            if text.is_empty() {
                return Some(None);
            }
            let port = text.parse().ok().filter(|port| *port > 0);
            if port.is_none() {
                decoder.refuse(&entry.value.span, "this is not a port", "a number from 1 to 65535");
            }
            Endpoint::Port(port?)
        }
    };
    Some(Some(Greeting { at, begins }))
}
