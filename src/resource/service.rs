//! `service`: enabled, running, and running with the configuration that is on
//! disk. Its state holds what the process loaded; a restart or a reload is the
//! change from that to what is, or will be, on disk, whoever edited the files
//! and whenever the last run ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::attributes::{name, path};
use super::command::argv;
use super::{Key, State, Target, View};
use crate::digest::Digest;
use crate::host::{
    Content, Endpoint, Error, Greeting, Host, Ownership, Process, Result, Unit, now,
};
use crate::yaml::{Decoder, Node};

/// Where it is noted what each service was last started with.
const NOTES: &str = "/var/lib/mailprov/services";

/// How long a daemon may take from being started to having a process.
const PATIENCE: Duration = Duration::from_secs(15);

/// A service and what it loads.
#[derive(Debug, Clone)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// What was noted when a service was started or reloaded.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    configuration: Configuration,
    process: Option<Process>,
    /// In nanoseconds since 1970.
    at: i64,
    /// When each file last changed, as far as is known: what is from the future,
    /// since the clock was set back, is not younger than the process for that.
    #[serde(default)]
    changed: BTreeMap<PathBuf, i64>,
    /// The service, with where it was seen to answer.
    #[serde(default)]
    key: Option<ServiceKey>,
}

impl Service {
    /// Reads a `service` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if node.as_scalar().is_some() {
            let unit = Unit { name: name(node, decoder)?, pid_file: None };
            let key = ServiceKey { unit, reload: false, answers: Vec::new() };
            return Some(Self { key, loads: Vec::new(), checks: Vec::new(), absent: false });
        }
        let known = ["name", "pid_file", "reload", "config", "check", "answers", "absent"];
        let fields = decoder.fields(node, &known)?;
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
        let name = name?.trim_end_matches(".service").to_owned();
        let unit = Unit { name, pid_file: pid_file.flatten() };
        Some(Self { key: ServiceKey { unit, reload, answers }, loads, checks, absent })
    }

    /// Returns the service's name.
    pub fn name(&self) -> &str {
        &self.key.unit.name
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
            let after = stopped(false);
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

/// Looks at a service.
pub(super) fn observe(host: &Host, key: &ServiceKey) -> Result<State> {
    let unit = &key.unit;
    let process = host.main_process(unit)?;
    let enabled = host.is_enabled(unit)?;
    if process.is_none() && !enabled && !host.has_unit(unit)? {
        return Ok(State::Absent);
    }
    let loaded = match &process {
        Some(process) => loaded(host, unit, process)?,
        // In a tree what counts is what the first boot was prepared for.
        None if host.is_tree() => {
            let note = noted(host, unit)?;
            note.map_or(Loaded::Unknown, |note| Loaded::Current(note.configuration))
        }
        None => Loaded::Unknown,
    };
    Ok(State::Service(ServiceState { enabled, running: process.is_some(), loaded }))
}

/// Finds out what a process loaded. The process that we started ourselves
/// loaded what we noted, unless a file was written since (somebody may have
/// reloaded it with what was in it then). Another one, after a reboot, loaded
/// what is on disk if nothing there is younger than the process.
fn loaded(host: &Host, unit: &Unit, process: &Process) -> Result<Loaded> {
    let Some(note) = noted(host, unit)? else { return Ok(Loaded::Unknown) };
    let is_ours = note.process.as_ref() == Some(process);
    let mut unchanged = true;
    for (key, noted) in &note.configuration {
        let Some(path) = key.strip_prefix("file:") else {
            if let Some(package) = key.strip_prefix("package:") {
                unchanged &= host.package(package)?.map(|package| package.version) == *noted;
            }
            continue;
        };
        let path = Path::new(path);
        // What is there may be no file: then it is not what was loaded.
        let digest = match host.is_file(path)? {
            true => host.read(path)?.map(|content| Digest::of(content.bytes()).to_string()),
            false => None,
        };
        // By the time of the last change of any kind, since a copy that is put back may bring its
        // time of writing along.
        let since = if is_ours { note.at } else { process.started_at() };
        let young = host.stamp(path)?.is_some_and(|stamp| {
            let is_noted = is_ours && note.changed.get(path) == Some(&stamp.changed);
            stamp.changed > since && !is_noted
        });
        unchanged &= digest == *noted && !young;
    }
    Ok(match (is_ours, unchanged) {
        (_, true) => Loaded::Current(note.configuration),
        (true, false) => Loaded::Outdated(note.configuration),
        (false, false) => Loaded::Unknown,
    })
}

fn noted(host: &Host, unit: &Unit) -> Result<Option<Note>> {
    let note = host.read(&note_of(unit))?;
    Ok(note.and_then(|note| serde_json::from_slice(note.bytes()).ok()))
}

/// Enables and starts, reloads or restarts a service, and notes with what.
pub(super) fn write(host: &Host, key: &ServiceKey, before: &State, after: &State) -> Result<()> {
    let unit = &key.unit;
    let State::Service(after) = after else {
        return Err(Error::Other(format!("the service {} cannot be removed", unit.name)));
    };
    match (host.is_enabled(unit)?, after.enabled) {
        (false, true) => host.enable(unit)?,
        (true, false) => host.disable(unit)?,
        _ => {}
    }
    if !after.running {
        if let (true, Loaded::Current(configuration)) = (host.is_tree(), &after.loaded) {
            return note(host, key, configuration, None);
        }
        host.stop(unit)?;
        return wait_for_end(host, unit);
    }
    let Loaded::Current(configuration) = &after.loaded else { return Ok(()) };
    let old = host.main_process(unit)?;
    if old.is_some() && before_meets(before, after) {
        return Ok(());
    }
    let process = if old.is_some() && key.reload && reload_is_enough(before, configuration) {
        host.reload(unit)?;
        wait_for_process(host, unit, None)?
    } else {
        restart(host, unit, old.as_ref())?
    };
    for greeting in &key.answers {
        wait_for_answer(host, unit, greeting)?;
    }
    note(host, key, configuration, Some(process))
}

/// Restarts a service. One that somebody started past the init system, which
/// then knows nothing of it, is told to end first.
fn restart(host: &Host, unit: &Unit, old: Option<&Process>) -> Result<Process> {
    let restarted = host.restart(unit).and_then(|()| wait_for_process(host, unit, old));
    match (restarted, old) {
        (Err(_), Some(old)) if host.process(old.pid)?.as_ref() == Some(old) => {
            host.end(old)?;
            wait_for_end(host, unit)?;
            host.restart(unit)?;
            wait_for_process(host, unit, Some(old))
        }
        (restarted, _) => restarted,
    }
}

/// Returns a service that does not run.
pub(super) fn stopped(enabled: bool) -> State {
    State::Service(ServiceState { enabled, running: false, loaded: Loaded::Unknown })
}

/// Returns a service that ran `before` as it is to run again: with its files as
/// `view` shows them. None where nothing is known of its files.
pub(super) fn back_to_running(
    before: &ServiceState,
    after: &State,
    now: &State,
    view: &View<'_>,
) -> Result<Option<State>> {
    let known = [after, now].into_iter().find_map(|state| match state {
        State::Service(ServiceState { loaded: Loaded::Current(loaded), .. }) => Some(loaded),
        _ => None,
    });
    let Some(known) = known else { return Ok(None) };
    let loaded = Loaded::Current(as_it_will_be(known, view)?);
    Ok(Some(State::Service(ServiceState { enabled: before.enabled, running: true, loaded })))
}

/// Returns the services that run with one of `files`, each as it is to run
/// again once the files are as `view` shows them.
pub(super) fn loading(view: &View<'_>, files: &[&Key]) -> Result<Vec<(Key, State)>> {
    let host = view.host();
    let mut found = Vec::new();
    for name in host.list(Path::new(NOTES))? {
        let note = host.read(&Path::new(NOTES).join(name))?;
        let note = note.and_then(|note| serde_json::from_slice::<Note>(note.bytes()).ok());
        let Some(Note { key: Some(key), configuration, .. }) = note else { continue };
        let loads = |file: &&Key| configuration.contains_key(&file.to_string());
        let State::Service(now) = observe(host, &key)? else { continue };
        if now.running && files.iter().any(loads) {
            let loaded = Loaded::Current(as_it_will_be(&configuration, view)?);
            found.push((Key::Service(key), State::Service(ServiceState { loaded, ..now })));
        }
    }
    Ok(found)
}

/// Returns a configuration with its files as `view` shows them.
fn as_it_will_be(known: &Configuration, view: &View<'_>) -> Result<Configuration> {
    let mut configuration = Configuration::new();
    for (key, value) in known {
        let value = match key.strip_prefix("file:") {
            Some(path) => view.digest(Path::new(path))?.map(|digest| digest.to_string()),
            None => value.clone(),
        };
        configuration.insert(key.clone(), value);
    }
    Ok(configuration)
}

impl ServiceKey {
    /// Returns the key of the service as it `before` was: it need answer only
    /// where it did, by the note that `view` shows. What somebody else started
    /// need not at all.
    pub(super) fn as_it_was(&self, before: &ServiceState, view: &View<'_>) -> Result<Self> {
        let note = view.state(&Key::File(note_of(&self.unit)))?;
        let noted = match (&before.loaded, note) {
            (Loaded::Outdated(_) | Loaded::Current(_), State::File { blob, .. }) => {
                serde_json::from_slice::<Note>(blob.content.bytes()).ok()
            }
            _ => None,
        };
        let answers = noted.and_then(|note| note.key).map(|key| key.answers).unwrap_or_default();
        Ok(Self { answers, ..self.clone() })
    }
}

/// Returns the files that starting or stopping a service changes.
pub(super) fn touches(key: &ServiceKey) -> Vec<PathBuf> {
    let units = Path::new("/etc/systemd/system");
    let name = format!("{}.service", key.unit.name);
    vec![units.join(&name), units.join("multi-user.target.wants").join(&name), note_of(&key.unit)]
}

fn before_meets(before: &State, after: &ServiceState) -> bool {
    match before {
        State::Service(before) => {
            let enabled = ServiceState { enabled: after.enabled, ..before.clone() };
            after.is_met_by(&enabled)
        }
        _ => false,
    }
}

/// A reload does for changed files of a process whose start is known to be
/// ours: what only a start takes up (programs, listening addresses of another
/// one's configuration) is then as it was.
fn reload_is_enough(before: &State, wish: &Configuration) -> bool {
    let State::Service(ServiceState {
        loaded: Loaded::Outdated(loaded) | Loaded::Current(loaded),
        ..
    }) = before
    else {
        return false;
    };
    let packages = |configuration: &Configuration| -> Vec<_> {
        let packages = configuration.iter().filter(|(key, _)| key.starts_with("package:"));
        packages.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    packages(loaded) == packages(wish)
}

/// Waits until the daemon has its process; one that ended again has none. After
/// a restart that is another than the `old` one, which may take its time to end
/// (systemd does not wait for the units that a unit is made of). Process 1
/// stands for all that have no number of their own.
fn wait_for_process(host: &Host, unit: &Unit, old: Option<&Process>) -> Result<Process> {
    let start = Instant::now();
    loop {
        if let Some(process) = host.main_process(unit)?
            && (Some(&process) != old || process.pid == 1)
        {
            return Ok(process);
        }
        if start.elapsed() > PATIENCE {
            return Err(Error::Other(format!(
                "{} was started but does not run; its last words: journalctl -u '{0}*'",
                unit.name
            )));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the daemon is gone, which systemd does not for the units that a
/// unit is made of.
fn wait_for_end(host: &Host, unit: &Unit) -> Result<()> {
    let start = Instant::now();
    while host.main_process(unit)?.is_some() {
        if start.elapsed() > PATIENCE {
            return Err(Error::Other(format!("{} was stopped but still runs", unit.name)));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Waits until the service greets: a process that runs may still serve nobody.
fn wait_for_answer(host: &Host, unit: &Unit, greeting: &Greeting) -> Result<()> {
    let start = Instant::now();
    loop {
        match host.greets(greeting) {
            Ok(()) => return Ok(()),
            Err(reason) if start.elapsed() > PATIENCE => {
                return Err(Error::Other(format!(
                    "{} runs but {greeting} does not answer ({reason}); its last words: journalctl -u '{0}*'",
                    unit.name
                )));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Reads where a service must answer: `port` or `socket`, and how what it says
/// `begins`. A port that its template left empty is left out.
fn greeting(node: &Node, decoder: &mut Decoder) -> Option<Option<Greeting>> {
    let fields = decoder.fields(node, &["port", "socket", "begins"])?;
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

fn note(
    host: &Host,
    key: &ServiceKey,
    wish: &Configuration,
    process: Option<Process>,
) -> Result<()> {
    let mut configuration = wish.clone();
    for (key, value) in &mut configuration {
        if value.is_none()
            && let Some(path) = key.strip_prefix("file:")
        {
            let content = host.read(Path::new(path))?;
            *value = content.map(|content| Digest::of(content.bytes()).to_string());
        } else if value.is_none()
            && let Some(package) = key.strip_prefix("package:")
        {
            *value = host.package(package)?.map(|package| package.version);
        }
    }
    let mut changed = BTreeMap::new();
    for path in configuration.keys().filter_map(|key| key.strip_prefix("file:")) {
        let path = PathBuf::from(path);
        if let Some(stamp) = host.stamp(&path)? {
            changed.insert(path, stamp.changed);
        }
    }
    let note = Note { configuration, process, at: now(), changed, key: Some(key.clone()) };
    let text = serde_json::to_vec(&note).map_err(|e| Error::Other(e.to_string()))?;
    host.make_private_directories(Path::new(NOTES))?;
    let root = Ownership::of_root(0o600);
    host.put_file(&note_of(&key.unit), &Content::new(text), &root)
}

fn note_of(unit: &Unit) -> PathBuf {
    Path::new(NOTES).join(format!("{}.json", unit.name))
}
