//! Observes a service and the configuration that its process loaded, as far as
//! can be told, and makes it run with the files on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::health::{Begun, MOMENT, unwell, wait_until_well};
use super::loaded::{NOTES, Note, began_as_noted, loaded, note_of, noted, packages};
use super::ports::with_holders;
use super::{Configuration, LoadedConfig, ServiceKey, ServiceState};
use crate::digest::Digest;
use crate::host::{Content, Error, Host, Init, Ownership, Process, Result, Unit, now};
use crate::resource::State;

/// How long a started daemon may take to have a process.
const PATIENCE: Duration = Duration::from_secs(15);

/// Observes a service. First waits for what the init system is about to do with
/// it, which would outdate the observation.
pub(super) fn observe(host: &Host, key: &ServiceKey) -> Result<State> {
    let begun = Instant::now();
    // A change that ends during the first look outdates it, and nothing tells of it then.
    let mut has_changed = true;
    loop {
        let state = observe_now(host, key)?;
        let is_changing = match &state {
            State::Service(ServiceState {
                running: true,
                loaded: LoadedConfig::Current(_),
                missing,
                ..
            }) if missing.is_empty() => return Ok(state),
            State::Service(ServiceState { missing, .. }) if !missing.is_empty() => {
                host.is_changing(&key.unit) || is_young(host, &key.unit)?
            }
            _ => host.is_changing(&key.unit),
        };
        if !is_changing && !has_changed || begun.elapsed() > PATIENCE {
            return Ok(state);
        }
        if is_changing {
            std::thread::sleep(Duration::from_millis(50));
        }
        has_changed = is_changing;
    }
}

/// Returns whether a service started so recently that it may not listen yet.
fn is_young(host: &Host, unit: &Unit) -> Result<bool> {
    const YOUTH: i64 = 3_000_000_000;
    let process = host.main_process(unit)?.filter(|process| process.pid != 1);
    Ok(process.is_some_and(|process| now() - process.started_at() < YOUTH))
}

fn observe_now(host: &Host, key: &ServiceKey) -> Result<State> {
    let unit = &key.unit;
    let process = host.main_process(unit)?;
    let enabled = host.is_enabled(unit)?;
    if process.is_none() && !enabled && !host.has_unit(unit)? {
        return Ok(State::Absent);
    }
    let loaded = match &process {
        Some(process) => loaded(host, key, process)?,
        // In a tree, the preparation of the first boot counts.
        None if host.is_tree() => {
            let note = noted(host, unit)?;
            note.map_or(LoadedConfig::Unknown, |note| LoadedConfig::Current(note.configuration))
        }
        None => LoadedConfig::Unknown,
    };
    let missing = match &process {
        Some(process) if !key.answers.is_empty() => {
            host.unheard(&key.answers, heard_until(host, key, process)?)?
        }
        _ => Vec::new(),
    };
    Ok(State::Service(ServiceState { enabled, running: process.is_some(), loaded, missing }))
}

/// Returns the configuration with which we last started or reloaded a service.
pub(crate) fn last_configuration(host: &Host, unit: &Unit) -> Result<Option<Configuration>> {
    Ok(noted(host, unit)?.map(|note| note.configuration))
}

/// Returns the faults of the services that start at boot and that we started
/// once, each in a sentence, and the number of these services.
pub(crate) fn unwell_services(host: &Host) -> Result<(usize, Vec<String>)> {
    let (mut count, mut wrong) = (0, Vec::new());
    for name in host.list(Path::new(NOTES))? {
        let note = host.read(&Path::new(NOTES).join(name))?;
        let note = note.and_then(|note| serde_json::from_slice::<Note>(note.bytes()).ok());
        let Some(key) = note.and_then(|note| note.key) else { continue };
        if !host.is_enabled(&key.unit)? {
            continue;
        }
        count += 1;
        let name = &key.unit.name;
        if host.main_process(&key.unit)?.is_none() {
            wrong.push(format!("{name} does not run"));
            continue;
        }
        let silent = host.failing_probes(&key.answers.iter().collect::<Vec<_>>());
        let words = |(at, why): &(_, _)| format!("{name} does not answer at {at}: {why}");
        wrong.extend(silent.iter().map(words));
    }
    Ok((count, wrong))
}

/// Returns until when a process is known to have made the present sockets. One
/// that we started was seen at each of them; another one makes them as it
/// starts.
fn heard_until(host: &Host, key: &ServiceKey, process: &Process) -> Result<i64> {
    const BEGINNING: i64 = 30_000_000_000;
    let note = noted(host, &key.unit)?.filter(|note| note.process.as_ref() == Some(process));
    Ok(note.map_or_else(|| process.started_at() + BEGINNING, |note| note.at))
}

/// Enables and starts, reloads or restarts a service, and records its
/// configuration. Calls `say` with warnings about the services that need it.
pub(super) fn write(
    host: &Host,
    key: &ServiceKey,
    before: &State,
    after: &State,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
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
        if let (true, LoadedConfig::Current(configuration)) = (host.is_tree(), &after.loaded) {
            return note(host, key, configuration, None);
        }
        host.stop(unit)?;
        return wait_for_end(host, unit);
    }
    let LoadedConfig::Current(configuration) = &after.loaded else { return Ok(()) };
    let old = host.main_process(unit)?;
    let has_loaded = before_meets(before, after, ServiceState::is_loaded_by);
    if old.is_some() && before_meets(before, after, ServiceState::is_met_by) {
        return Ok(());
    }
    // A port that is missing although the files are loaded needs a restart.
    let reloaded = match &old {
        Some(_) if key.keep_running => {
            Some(reload(host, key).map_err(|error| with_holders(host, key, error))?)
        }
        Some(process)
            if key.reload
                && !has_loaded
                && reload_is_enough(host, unit, process, before, configuration)? =>
        {
            reload(host, key).ok()
        }
        _ => None,
    };
    if let Some(process) = reloaded {
        return note(host, key, configuration, Some(process));
    }
    let process = start(host, key, old.as_ref())?;
    note(host, key, configuration, Some(process))?;
    catch_up(host, key, say);
    for other in &key.needed_by {
        serve_again(host, other, say)?;
    }
    Ok(())
}

/// Lets a running service resume work that it could not do while another was
/// away. If it waits for longer than necessary, as Postfix does, it is
/// reloaded, or else restarted. A service with files to load has a change of
/// its own for that.
fn serve_again(host: &Host, key: &ServiceKey, say: &mut dyn FnMut(&str)) -> Result<()> {
    let State::Service(ServiceState { running: true, loaded, .. }) = observe_now(host, key)? else {
        return Ok(());
    };
    let is_silent = || !host.failing_probes(&key.answers.iter().collect::<Vec<_>>()).is_empty();
    if let (LoadedConfig::Current(configuration), Some(old)) =
        (&loaded, host.main_process(&key.unit)?)
        && is_silent()
    {
        let reloaded = if key.reload { reload(host, key).ok() } else { None };
        match reloaded.map_or_else(|| start(host, key, Some(&old)), Ok) {
            Ok(process) => note(host, key, configuration, Some(process))?,
            // It was no better before; its own step, or the check afterwards, reports the rest.
            Err(error) => say(&error.to_string()),
        }
    }
    catch_up(host, key, say);
    Ok(())
}

/// Runs the programs by which a service catches up. If one fails, the service
/// catches up in its own time.
fn catch_up(host: &Host, key: &ServiceKey, say: &mut dyn FnMut(&str)) {
    for argv in &key.catches_up {
        if let Err(error) = host.command(argv).run() {
            say(&error.to_string());
        }
    }
}

/// Restarts a service, and waits until it is healthy.
fn start(host: &Host, key: &ServiceKey, old: Option<&Process>) -> Result<Process> {
    restart(host, &key.unit, old)
        .and_then(|process| wait_until_well(host, key, process, Begun::Started))
        .map_err(|error| with_holders(host, key, error))
}

/// Reloads a service, and restarts it if it is not healthy then: Dovecot 2.4
/// does not start to serve another protocol on a reload, and Postfix delays for
/// a minute what failed to start with the former files.
fn reload(host: &Host, key: &ServiceKey) -> Result<Process> {
    host.reload(&key.unit)?;
    let process = wait_for_process(host, &key.unit, None)?;
    wait_until_well(host, key, process, Begun::Reloaded)
}

/// Restarts a service. First stops what still runs under a unit of an older
/// release that the new unit conflicts with, since systemd refuses a
/// transaction that stops the one and starts the other. A daemon that was
/// started outside the init system, which knows nothing of it, gets a signal to
/// end.
fn restart(host: &Host, unit: &Unit, old: Option<&Process>) -> Result<Process> {
    if let Some(old) = old
        && let Some(other) = host.excluded_unit_of(unit, old)?
    {
        host.stop(&other)?;
        wait_for_end(host, unit)?;
    }
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

fn before_meets(
    before: &State,
    after: &ServiceState,
    is_met: impl Fn(&ServiceState, &ServiceState) -> bool,
) -> bool {
    match before {
        State::Service(before) => {
            let enabled = ServiceState { enabled: after.enabled, ..before.clone() };
            is_met(after, &enabled)
        }
        _ => false,
    }
}

/// Returns whether a reload is enough: for changed files of a process that we
/// started. What only a start applies (programs, listening addresses) is then
/// unchanged.
fn reload_is_enough(
    host: &Host,
    unit: &Unit,
    process: &Process,
    before: &State,
    wish: &Configuration,
) -> Result<bool> {
    let State::Service(ServiceState {
        loaded: LoadedConfig::Outdated(loaded) | LoadedConfig::Current(loaded),
        ..
    }) = before
    else {
        return Ok(false);
    };
    Ok(packages(loaded) == packages(wish) && began_as_noted(host, unit, process, loaded)?)
}

/// Returns the files that starting or stopping a service changes.
pub(super) fn affected_paths(key: &ServiceKey) -> Vec<PathBuf> {
    let units = Path::new("/etc/systemd/system");
    let name = key.unit.full_name();
    // Units of other types are usually wanted by a target named after the type.
    let target = key.unit.other_type().map(|kind| units.join(format!("{kind}s.target.wants")));
    let wants = [Some(units.join("multi-user.target.wants")), target];
    let links = wants.into_iter().flatten().map(|folder| folder.join(&name));
    [units.join(&name)].into_iter().chain(links).chain([note_of(&key.unit)]).collect()
}

/// Waits until the daemon has its process, and fails if that ends. After a
/// restart the process must be another than the `old` one, which may take time
/// to end (systemd does not wait for the units that a unit consists of).
/// Process 1 stands for services without a number of their own.
fn wait_for_process(host: &Host, unit: &Unit, old: Option<&Process>) -> Result<Process> {
    // systemd has started it by now, unless the daemon writes its number itself.
    let is_known = unit.pid_file.is_none() && host.init()? == Init::Systemd;
    let (patience, what) = match is_known {
        true => (MOMENT, "ended right after its start"),
        false => (PATIENCE, "was started but does not run"),
    };
    let start = Instant::now();
    loop {
        if let Some(process) = host.main_process(unit)?
            && (Some(&process) != old || process.pid == 1)
        {
            return Ok(process);
        }
        if start.elapsed() > patience {
            return Err(unwell(unit, what));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until the daemon has ended. systemd does not wait for the units that a
/// unit consists of.
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

fn note(
    host: &Host,
    key: &ServiceKey,
    wish: &Configuration,
    process: Option<Process>,
) -> Result<()> {
    let mut configuration = wish.clone();
    for (key, value) in &mut configuration {
        if value.known().is_none()
            && let Some(path) = key.strip_prefix("file:")
        {
            let content = host.read(Path::new(path))?;
            *value = content.map(|content| Digest::of(content.bytes()).to_string()).into();
        } else if value.known().is_none()
            && let Some(package) = key.strip_prefix("package:")
        {
            *value = host.package(package)?.map(|package| package.version).into();
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
    let text = serde_json::to_vec(&note).map_err(Error::encoding)?;
    host.make_private_directories(Path::new(NOTES))?;
    let root = Ownership::of_root(0o600);
    host.put_file(&note_of(&key.unit), &Content::new(text), &root)
}
