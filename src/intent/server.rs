//! Compares the server itself: its name, certificate, ports, services and
//! packages, and files that were changed by another hand.

use std::collections::BTreeSet;

use super::{Item, Step, texts};
use crate::mail::{DovecotPorts, postfix_ports};
use crate::resource::{Key, LoadedConfig, State};

pub(super) const MAIN: &str = "/etc/postfix/main.cf";

/// Postfix's services, which decide the open ports together with Dovecot's settings.
const MASTER: &str = "/etc/postfix/master.cf";
const DOVECOT: &str = "/etc/dovecot/dovecot.conf";

/// The settings of Postfix that correspond to a key of mail.yml.
const SETTINGS: [(&str, &str); 3] = [
    ("myhostname", "host name"),
    ("relayhost", "relay"),
    ("message_size_limit", "limit of message size"),
];

/// The subject of what happens to the spam filter.
const FILTER: &str = "spam filter";

/// The memory that the filter takes, as measured on Debian 12 and 13.
const MEMORY: &str = "it takes about 120 MB of memory";

/// Returns whether there is only one of a subject.
pub(super) fn is_single(subject: &str) -> bool {
    subject == FILTER || SETTINGS.iter().any(|(_, setting)| *setting == subject)
}

pub(super) fn items(steps: &[Step<'_>]) -> Vec<Item> {
    let mut items = settings(steps);
    items.extend(spam_filter(steps));
    items.extend(steps.iter().filter_map(certificate));
    items.extend(ports(steps));
    items.extend(packages(steps));
    items.extend(services(steps));
    items.extend(put_back(steps));
    items
}

/// Returns the value of a setting of Postfix; the last line wins.
pub(super) fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(name)?.trim_start().strip_prefix('=');
    text.lines().filter_map(value).next_back().map(str::trim).filter(|value| !value.is_empty())
}

fn settings(steps: &[Step<'_>]) -> Vec<Item> {
    let Some((before, after)) = texts(steps, MAIN) else { return Vec::new() };
    let item = |(name, subject): (&str, &str)| {
        let (old, new) = (parameter(before, name), parameter(after, name));
        // For a new server, the intent leaves out the size limit.
        if old == new || old.is_none() && name == "message_size_limit" {
            return None;
        }
        match (old, new) {
            (None, Some(new)) => Item::new("create", subject, "set", vec![new.into()]),
            (Some(old), None) => Item::new("delete", subject, "removed", vec![old.into()]),
            (Some(old), Some(new)) => {
                Item::new("update", subject, "changed", vec![format!("{old} → {new}")])
            }
            (None, None) => None,
        }
    };
    SETTINGS.into_iter().filter_map(item).collect()
}

fn spam_filter(steps: &[Step<'_>]) -> Option<Item> {
    let (before, after) = texts(steps, MAIN)?;
    let asks = |text| parameter(text, "smtpd_milters").is_some_and(|it| it.contains("rspamd"));
    let names = || vec!["rspamd".to_owned()];
    match (asks(before), asks(after)) {
        (false, true) => Item::new("create", FILTER, "added", names()).map(|it| it.with(MEMORY)),
        (true, false) => Item::new("delete", FILTER, "removed", names()),
        _ => None,
    }
}

fn certificate(step: &Step<'_>) -> Option<Item> {
    let Key::Certificate(pair) = step.key else { return None };
    let (action, verb) = match (step.before, step.after) {
        (State::Absent, _) => ("create", "made"),
        (_, State::Absent) => ("delete", "removed"),
        _ => ("update", "made anew"),
    };
    let item =
        Item::new(action, "certificate", verb, vec![pair.certificate.display().to_string()])?;
    Some(match step.after {
        State::Certificate(new) => item.with(new.origin()),
        _ => item,
    })
}

fn dovecot_ports(text: &str) -> BTreeSet<u16> {
    let mut ports = DovecotPorts::default();
    ports.read(text);
    ports.open()
}

fn ports(steps: &[Step<'_>]) -> Vec<Item> {
    let (mut old, mut new) = (BTreeSet::new(), BTreeSet::new());
    if let Some((before, after)) = texts(steps, DOVECOT) {
        old.extend(dovecot_ports(before));
        new.extend(dovecot_ports(after));
    }
    if let Some((before, after)) = texts(steps, MASTER) {
        old.extend(postfix_ports(before));
        new.extend(postfix_ports(after));
    }
    let only_in =
        |all: &BTreeSet<u16>, others| all.difference(others).map(u16::to_string).collect();
    let closed = Item::new("delete", "port", "closed", only_in(&old, &new));
    let opened = Item::new("create", "port", "opened", only_in(&new, &old));
    closed.into_iter().chain(opened).collect()
}

fn packages(steps: &[Step<'_>]) -> Vec<Item> {
    let (mut come, mut gone, mut mended) = (Vec::new(), Vec::new(), Vec::new());
    let mut needed = 0;
    for Step { key, before, after, .. } in steps {
        let Key::Package(name) = key else { continue };
        match (before, after) {
            (_, State::Absent) => gone.push(name.clone()),
            (State::Absent, State::Package(package)) if package.automatic => needed += 1,
            (State::Absent, _) => come.push(name.clone()),
            _ => mended.push(name.clone()),
        }
    }
    let come = Item::new("create", "package", "installed", come).map(|item| {
        let need = if item.names.len() > 1 { "they need" } else { "it needs" };
        if needed > 0 { item.with(format!("with {needed} that {need}")) } else { item }
    });
    let gone = Item::new("delete", "package", "removed", gone);
    let mended = Item::new("update", "package", "installed again", mended);
    [gone, come, mended].into_iter().flatten().collect()
}

/// Describes what happens to the processes of services, or else whether the services start at boot.
fn services(steps: &[Step<'_>]) -> Vec<Item> {
    const FATES: [(&str, &str); 6] = [
        ("create", "started"),
        ("create", "enabled"),
        ("update", "reloaded"),
        ("update", "restarted"),
        ("delete", "stopped"),
        ("delete", "disabled"),
    ];
    let fate = |step: &Step<'_>| {
        let Key::Service(service) = step.key else { return None };
        let state = |state: &State| match state {
            State::Service(service) => (service.running, service.enabled),
            _ => (false, false),
        };
        let ((ran, was_enabled), (runs, is_enabled)) = (state(step.before), state(step.after));
        // A reload is enough if the configuration that the process has loaded is known.
        let is_known = matches!(
            step.before,
            State::Service(before) if before.loaded != LoadedConfig::Unknown && before.missing.is_empty()
        );
        let verb = match (ran, runs) {
            (false, true) => "started",
            (true, false) => "stopped",
            (true, true) if service.keep_running || (service.reload && is_known) => "reloaded",
            (true, true) => "restarted",
            (false, false) if is_enabled => "enabled",
            (false, false) if was_enabled => "disabled",
            (false, false) => return None,
        };
        Some((verb, service.unit.name.clone()))
    };
    let fates: Vec<_> = steps.iter().filter_map(fate).collect();
    let item = |(action, verb): (&str, &str)| {
        let names = fates.iter().filter(|(it, _)| *it == verb).map(|(_, name)| name.clone());
        Item::new(action, "service", verb, names.collect())
    };
    FATES.into_iter().filter_map(item).collect()
}

/// Names the files that were changed by another hand and are restored.
fn put_back(steps: &[Step<'_>]) -> Option<Item> {
    // A file that is to be removed is not restored.
    let is_put_back = |step: &&Step<'_>| step.drift.is_some() && *step.after != State::Absent;
    let changed = steps.iter().filter(is_put_back);
    let names = changed.clone().filter_map(|step| match step.key {
        Key::File(path) => Some(path.display().to_string()),
        _ => None,
    });
    let item = Item::new("update", "file", "put back", names.collect())?;
    let runs: BTreeSet<u64> = changed.filter_map(|step| step.drift).collect();
    let runs: Vec<_> = runs.iter().map(u64::to_string).collect();
    Some(item.with(format!("changed on the host since run {}", runs.join(", "))))
}
