//! `service`: enabled, running, and running with the configuration that is on
//! disk. Its state holds what the process loaded; a restart or a reload is the
//! change from that to what is, or will be, on disk, whoever edited the files
//! and whenever the last run ended.

mod apply;
mod health;
mod loaded;
mod ports;
mod undo;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub(super) use apply::{affected_paths, observe, write};
pub use apply::{last_configuration, unwell_services};
pub(super) use undo::{back_to_running, loading};

use crate::host::{Endpoint, Greeting, Protocol, Result, Secured, Unit};
use crate::resource::attributes::{name, path};
use crate::resource::command::argv;
use crate::resource::{Key, Overlay, State, Target, keys};
use crate::yaml::{Decoder, Kind, Node};

/// A service and what it loads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    key: ServiceKey,
    loads: Vec<Key>,
    /// How its files are checked before they go live.
    pub(super) checks: Vec<Check>,
    absent: bool,
    /// The names of the services that it needs, and where they are written.
    #[serde(skip)]
    needs: Vec<(String, Range<usize>)>,
}

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

/// A checker of configuration: a program that is run on staged copies of the
/// files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether it must have nothing to say, and may quote what only root may read.
    #[serde(default)]
    pub strict: bool,
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
pub type Configuration = BTreeMap<String, Option<String>>;

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

impl Service {
    /// Reads a `service` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Some(Self::of(ServiceKey::of(Unit::of(name(node, decoder)?))));
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
                checks.push(check(item, decoder)?);
            }
        }
        let mut catches_up = Vec::new();
        if let Some(entry) = fields.get("catches_up") {
            for item in decoder.list(&entry.value)? {
                catches_up.push(argv(item, decoder)?);
            }
        }
        let mut needs = Vec::new();
        if let Some(entry) = fields.get("needs") {
            for item in decoder.list(&entry.value)? {
                needs.push((Unit::of(self::name(item, decoder)?).name, item.span.clone()));
            }
        }
        let mut answers = Vec::new();
        if let Some(entry) = fields.get("answers") {
            for item in decoder.list(&entry.value)? {
                answers.extend(greeting(item, decoder)?);
            }
        }
        let unit = Unit { pid_file: pid_file.flatten(), ..Unit::of(name?) };
        let key = ServiceKey { reload, answers, catches_up, ..ServiceKey::of(unit) };
        Some(Self { loads, checks, absent, needs, ..Self::of(key) })
    }

    fn of(key: ServiceKey) -> Self {
        Self { key, loads: Vec::new(), checks: Vec::new(), absent: false, needs: Vec::new() }
    }

    /// Returns the service's name.
    pub fn name(&self) -> &str {
        &self.key.unit.name
    }

    /// Returns the service's key.
    pub(super) fn key(&self) -> &ServiceKey {
        &self.key
    }

    /// Returns the service's unit.
    pub fn unit(&self) -> &Unit {
        &self.key.unit
    }

    /// Tells whether the service is to run, not to be gone.
    pub fn is_wanted(&self) -> bool {
        !self.absent
    }

    /// Returns the names of the services that it needs, and where they are
    /// written.
    pub fn needs(&self) -> &[(String, Range<usize>)] {
        &self.needs
    }

    /// Notes that `other` needs this service.
    pub fn is_needed_by(&mut self, other: &Self) {
        self.key.needed_by.push(ServiceKey { needed_by: Vec::new(), ..other.key.clone() });
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
    pub(super) fn targets(&self, view: &Overlay<'_>) -> Result<Vec<Target>> {
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
            loaded: LoadedConfig::Current(configuration),
            missing: Vec::new(),
        };
        Ok(vec![Target { key, after: State::Service(after) }])
    }
}

impl ServiceKey {
    fn of(unit: Unit) -> Self {
        let (answers, catches_up, needed_by) = (Vec::new(), Vec::new(), Vec::new());
        Self { unit, reload: false, answers, catches_up, needed_by }
    }
}

/// Reads a checker: its arguments, or a map with them.
fn check(node: &Node, decoder: &mut Decoder) -> Option<Check> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Check { argv: argv(node, decoder)?, strict: false });
    }
    let fields = decoder.fields(node, &keys::CHECK)?;
    let entry = fields.require("argv", &node.span, decoder)?;
    let strict = match fields.get("strict") {
        Some(entry) => decoder.boolean(&entry.value)?,
        None => false,
    };
    Some(Check { argv: argv(&entry.value, decoder)?, strict })
}

impl ServiceState {
    /// Returns the state of a service that does not run.
    pub(super) fn stopped(enabled: bool) -> Self {
        Self { enabled, running: false, loaded: LoadedConfig::Unknown, missing: Vec::new() }
    }

    /// See [`State::is_met_by`].
    pub(super) fn is_met_by(&self, actual: &Self) -> bool {
        let is_heard = !self.running || actual.missing.is_empty();
        is_heard && self.is_loaded_by(actual)
    }

    /// The same, wherever nobody listens.
    pub(super) fn is_loaded_by(&self, actual: &Self) -> bool {
        let loaded = match (&self.loaded, &actual.loaded) {
            // What does not run has loaded nothing, unless its first boot is what counts.
            (LoadedConfig::Unknown | LoadedConfig::Outdated(_), _) if !self.running => true,
            (LoadedConfig::Current(wish), LoadedConfig::Current(actual)) => {
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

/// Reads where a service must answer: `port` or `socket`, how what it says
/// `begins`, and whether it speaks TLS. A port that its template left empty is
/// left out.
fn greeting(node: &Node, decoder: &mut Decoder) -> Option<Option<Greeting>> {
    let fields = decoder.fields(node, &keys::ANSWER)?;
    let begins = match fields.get("begins") {
        Some(entry) => decoder.line(&entry.value)?.to_owned(),
        None => String::new(),
    };
    let secured = match (fields.get("tls"), fields.get("starttls")) {
        (Some(_), Some(entry)) => {
            let help = "keep `tls` where TLS comes first, `starttls` where it is asked for";
            decoder.error(&entry.key.span, "`tls` and `starttls` exclude each other", help);
            return None;
        }
        (Some(entry), None) if decoder.boolean(&entry.value)? => Secured::AtOnce,
        (_, Some(entry)) => {
            let protocol = Protocol::named(decoder.line(&entry.value)?);
            if protocol.is_none() {
                let help = "one of `smtp`, `imap`, `pop3`";
                decoder.error(&entry.value.span, "TLS cannot be asked for in this", help);
            }
            Secured::Asked(protocol?)
        }
        _ => Secured::No,
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
                decoder.error(&entry.value.span, "this is not a port", "a number from 1 to 65535");
            }
            Endpoint::Port(port?)
        }
    };
    Some(Some(Greeting { at, begins, secured }))
}
