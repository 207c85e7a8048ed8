//! The declaration of a `service` step.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::ports::reject_held_ports;
use super::{Configuration, LoadedConfig, ServiceKey, ServiceState};
use crate::host::{Endpoint, Greeting, Protocol, Result, Secured, Unit};
use crate::resource::attributes::{ARGV, TEXTS, name, path, section};
use crate::resource::command::argv;
use crate::resource::kind::{Check, Declaration};
use crate::resource::{Assets, Key, Overlay, Planned, State, Target};
use crate::yaml::{Decoder, KeySpec, Kind, Node, Section, ValueType};

/// A service and the keys that it loads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    key: ServiceKey,
    loads: Vec<Key>,
    /// The checks of its files before they are put in place.
    checks: Vec<Check>,
    absent: bool,
    /// The names of the services that it needs, with their places in the
    /// playbook.
    #[serde(skip)]
    needs: Vec<(String, Range<usize>)>,
}

const FIELDS: Section = section(
    &[
        KeySpec::new(
            "name",
            ValueType::Text,
            "The unit: a service without `.service`, or another that can be enabled, such as \
             `backup.timer` or `spool.path`.",
        ),
        KeySpec::new(
            "pid_file",
            ValueType::Text,
            "The file with the number of the daemon's process.",
        )
        .or("systemd is asked"),
        KeySpec::new(
            "reload",
            ValueType::Boolean,
            "`true`: a reload is enough for changed files; where it does not do, the service is \
             restarted.",
        )
        .or("`false`"),
        KeySpec::new(
            "keep_running",
            ValueType::Boolean,
            "`true`: a reload applies all that a start does, so while the service runs it is only \
             reloaded, also if it was started by hand. Where that does not do, the run fails.",
        )
        .or("`false`"),
        KeySpec::new(
            "config",
            TEXTS,
            "Files that it loads, besides those of steps that notify it; an empty text counts \
             for none.",
        )
        .or("none"),
        KeySpec::new(
            "check",
            ValueType::List(&ValueType::Either(&[ARGV, ValueType::Section(&CHECK)])),
            "Programs, each a list of arguments, that judge the new files before any of them is \
             put in place. `{stage}` in an argument is a folder in which they lie under their \
             usual paths. An exit code other than 0 is a no. They run while planning, too.",
        )
        .or("none"),
        KeySpec::new(
            "answers",
            ValueType::List(&ValueType::Section(&ANSWER)),
            "Where it must answer as long as it runs. Where nothing listens it is restarted.",
        )
        .or("none"),
        KeySpec::new(
            "needs",
            TEXTS,
            "Services of other steps that it cannot work without. Once one of them was started it \
             catches up, and is reloaded or restarted where it does not answer.",
        )
        .or("none"),
        KeySpec::new(
            "catches_up",
            ValueType::List(&ARGV),
            "Programs, each a list of arguments, by which it makes up for what it could not do: \
             run after it was started, and after what it `needs` was.",
        )
        .or("none"),
        KeySpec::new("absent", ValueType::Boolean, "`true`: it is stopped and disabled.")
            .or("`false`"),
    ],
    &["name"],
);
const CHECK: Section = section(
    &[
        KeySpec::new("argv", ARGV, "The program and its arguments."),
        KeySpec::new(
            "strict",
            ValueType::Boolean,
            "`true`: any word on standard error is a no as well, and of what it says only file, \
             line and the words of the files are shown: it may quote what only root may read.",
        )
        .or("`false`"),
    ],
    &["argv"],
);
const ANSWER: Section = section(
    &[
        KeySpec::new(
            "port",
            ValueType::Text,
            "A port on this host. Where it is empty, nothing is asked.",
        ),
        KeySpec::new("socket", ValueType::Text, "Or the path of a socket."),
        KeySpec::new(
            "resolver",
            ValueType::Text,
            "Or the address of a resolver, which must look up the root by DNS, and prove it \
             (DNSSEC).",
        ),
        KeySpec::new("begins", ValueType::Text, "How what it says begins."),
        KeySpec::new("tls", ValueType::Boolean, "`true`: TLS comes first, and must work.")
            .or("`false`"),
        KeySpec::new(
            "starttls",
            ValueType::Text,
            "`smtp`, `imap`, `pop3` or `sieve`: the protocol in which TLS is asked for, and must \
             work.",
        )
        .or("TLS is not asked for"),
    ],
    &[],
);
impl Declaration for Service {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "service",
        ValueType::Either(&[ValueType::Text, ValueType::Section(&FIELDS)]),
        "A service is enabled and runs with the configuration that is on disk.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            return Some(Self::of(ServiceKey::of(Unit::of(name(node, decoder)?))));
        }
        let fields = decoder.fields(node, &FIELDS)?;
        let name = fields.require("name", &node.span, decoder);
        let name = name.and_then(|entry| self::name(&entry.value, decoder));
        let pid_file = fields.get("pid_file").map(|entry| path(&entry.value, decoder));
        let mut flag = |name| match fields.get(name) {
            Some(entry) => decoder.boolean(&entry.value).unwrap_or(false),
            None => false,
        };
        let (keep_running, absent) = (flag("keep_running"), flag("absent"));
        let reload = flag("reload") || keep_running;
        let mut loads = Vec::new();
        if let Some(entry) = fields.get("config") {
            for item in decoder.list(&entry.value)? {
                // An expression can leave one out by an empty text.
                if !item.as_scalar().is_some_and(|it| it.text.is_empty()) {
                    loads.push(Key::File(path(item, decoder)?));
                }
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
        let key = ServiceKey { reload, keep_running, answers, catches_up, ..ServiceKey::of(unit) };
        Some(Self { loads, checks, absent, needs, ..Self::of(key) })
    }

    /// Returns the service, enabled and running with the files that are or will
    /// be on disk.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let key = Key::Service(self.key.clone());
        if self.absent {
            let after = State::Service(ServiceState::stopped(false));
            let gone = overlay.state(&key)? == State::Absent;
            return Ok(vec![Target { key, after: if gone { State::Absent } else { after } }]);
        }
        let mut configuration = Configuration::new();
        for key in &self.loads {
            let value = match key {
                Key::File(path) => overlay.digest(path)?.map(|digest| digest.to_string()).into(),
                key => match overlay.state(key)? {
                    State::Package(package) => package.version,
                    State::Table(table) => table.source.map(|digest| digest.to_string()).into(),
                    _ => Planned::AfterApply,
                },
            };
            configuration.insert(key.to_string(), value);
        }
        let after = ServiceState {
            enabled: true,
            running: !overlay.host().is_tree(),
            loaded: LoadedConfig::Current(configuration),
            missing: Vec::new(),
        };
        Ok(vec![Target { key, after: State::Service(after) }])
    }

    /// Rejects a port that another program holds.
    fn reject_obstacles(&self, overlay: &Overlay<'_>) -> Result<()> {
        match self.absent {
            true => Ok(()),
            false => reject_held_ports(&self.key, overlay),
        }
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Service(self.key.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["name", "pid_file"])
    }

    fn staged_checks(&self) -> Option<(&[Check], &[Key])> {
        Some((&self.checks, &self.loads))
    }
}

impl Service {
    fn of(key: ServiceKey) -> Self {
        Self { key, loads: Vec::new(), checks: Vec::new(), absent: false, needs: Vec::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.key.unit.name
    }

    pub(crate) fn unit(&self) -> &Unit {
        &self.key.unit
    }

    /// Returns whether the service should run, not be absent.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.absent
    }

    /// Returns the names of the services that it needs, with their places in
    /// the playbook.
    pub(crate) fn needs(&self) -> &[(String, Range<usize>)] {
        &self.needs
    }

    pub(crate) fn is_needed_by(&mut self, other: &Self) {
        self.key.needed_by.push(ServiceKey { needed_by: Vec::new(), ..other.key.clone() });
    }

    pub(crate) fn loads(&self) -> &[Key] {
        &self.loads
    }

    /// Adds the keys of steps that notify the service to those that it loads.
    pub(crate) fn load(&mut self, keys: impl IntoIterator<Item = Key>) {
        self.loads.extend(keys);
        self.loads.sort();
        self.loads.dedup();
    }
}

/// Reads a checker: its arguments, or a map with them.
fn check(node: &Node, decoder: &mut Decoder) -> Option<Check> {
    if !matches!(node.kind, Kind::Map(_)) {
        return Some(Check { argv: argv(node, decoder)?, strict: false });
    }
    let fields = decoder.fields(node, &CHECK)?;
    let entry = fields.require("argv", &node.span, decoder)?;
    let strict = match fields.get("strict") {
        Some(entry) => decoder.boolean(&entry.value)?,
        None => false,
    };
    Some(Check { argv: argv(&entry.value, decoder)?, strict })
}

/// Reads an endpoint: `port` or `socket`, how its greeting `begins`, and
/// whether it speaks TLS. Skips a port that renders to nothing.
fn greeting(node: &Node, decoder: &mut Decoder) -> Option<Option<Greeting>> {
    let fields = decoder.fields(node, &ANSWER)?;
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
                let help = "one of `smtp`, `imap`, `pop3`, `sieve`";
                decoder.error(&entry.value.span, "TLS cannot be asked for in this", help);
            }
            Secured::Asked(protocol?)
        }
        _ => Secured::No,
    };
    let at = match (fields.get("socket"), fields.get("resolver")) {
        (Some(entry), _) => Endpoint::Socket(path(&entry.value, decoder)?),
        (None, Some(entry)) => {
            let ip = decoder.line(&entry.value)?.parse().ok();
            if ip.is_none() {
                let help = "write it as `127.0.0.1`";
                decoder.error(&entry.value.span, "this is not an address", help);
            }
            Endpoint::Resolver(ip?)
        }
        (None, None) => {
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
