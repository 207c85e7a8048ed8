//! States in words, for people: what a thing will be, and what differs.

use std::fmt;
use std::path::PathBuf;

use super::mailbox::Place;
use super::service::{Configuration, LoadedConfig, ServiceState};
use super::{Key, State};
use crate::host::Ownership;

/// What a change does, as its symbol shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was not there.
    Create,
    /// It was otherwise.
    Update,
    /// It goes.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

/// Tells what a change from `before` to `after` does.
pub fn action(before: &State, after: &State) -> Action {
    match (before, after) {
        (State::Absent, _) => Action::Create,
        (_, State::Absent) => Action::Delete,
        _ => Action::Update,
    }
}

/// Says what differs between two states of `key`, each in a few words.
pub fn differences(key: &Key, before: &State, after: &State) -> Vec<String> {
    match (before, after) {
        (State::File { blob: old, ownership: a }, State::File { blob: new, ownership: b }) => {
            let content = (old != new).then(|| "content".to_owned());
            content.into_iter().chain(ownership_differences(a, b)).collect()
        }
        (State::Directory(a), State::Directory(b)) => ownership_differences(a, b),
        (State::Link { target: a }, State::Link { target: b }) => {
            vec![format!("target {} → {}", a.display(), b.display())]
        }
        (State::User { user: a, .. }, State::User { user: b, .. }) => [
            ("uid", a.uid.to_string(), b.uid.to_string()),
            ("group", a.group.clone(), b.group.clone()),
            ("home", a.home.display().to_string(), b.home.display().to_string()),
            ("shell", a.shell.display().to_string(), b.shell.display().to_string()),
        ]
        .into_iter()
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| format!("{name} {old} → {new}"))
        .collect(),
        (State::Group(Some(a)), State::Group(Some(b))) => {
            vec![format!("gid {} → {}", a.gid, b.gid)]
        }
        (State::Mailbox(_), State::Mailbox(place)) => vec![
            match place {
                Place::Old => "back at the old place",
                Place::Both => "at both places, while the accounts change",
                Place::Traded | Place::New => "at the new place",
            }
            .into(),
        ],
        (State::Held(count), _) => match key {
            Key::Handover(handover) => {
                let files = if *count == 1 { "file changes" } else { "files change" };
                vec![format!("{count} {files} hands, to {}", handover.goal())]
            }
            _ => Vec::new(),
        },
        (State::Table(old), State::Table(new)) => {
            let stale = match old.source {
                Some(ref old) if Some(old) != new.source.as_ref() => Some("its source changed"),
                None => Some("not compiled from this source"),
                _ => None,
            };
            let differences = ownership_differences(&old.ownership, &new.ownership);
            stale.map(String::from).into_iter().chain(differences).collect()
        }
        (State::Certificate(old), State::Certificate(new)) => {
            let mut words = Vec::new();
            if !old.belongs {
                words.push("the key is not the certificate's".into());
            }
            if old.names != new.names {
                words.push(format!("name {} → {}", old.names.join(", "), new.names.join(", ")));
            }
            if !old.private {
                words.push("others can read the key".into());
            }
            if old.authority {
                words.push("it is an authority's (CA:TRUE), not a server's".into());
            }
            if words.is_empty() {
                words.push("about to expire".into());
            }
            words
        }
        (State::Service(old), State::Service(new)) => service_differences(old, new),
        (State::Package { version: Some(version), .. }, State::Absent) => {
            vec![format!("now {version}")]
        }
        (State::Package { missing, .. }, State::Package { .. }) if !missing.is_empty() => {
            vec![damage(missing), "installed again".into()]
        }
        (
            State::Package { version: Some(old), complete: true, .. },
            State::Package { version: Some(new), .. },
        ) => vec![format!("{old} → {new}")],
        (State::Package { complete: false, .. }, _) => vec!["its installation broke off".into()],
        (State::Absent, after) => described(key, after),
        (before, State::Absent) => vec![format!("now {}", noun(before))],
        (before, after) => vec![format!("{} → {}", noun(before), noun(after))],
    }
}

/// Says what something new will be.
fn described(key: &Key, state: &State) -> Vec<String> {
    match state {
        State::File { ownership, .. } => vec![owned(ownership)],
        State::Directory(ownership) => vec!["directory".into(), owned(ownership)],
        State::Link { target } => vec![format!("link to {}", target.display())],
        State::Package { version: Some(version), returns: true, .. } => {
            vec![version.clone(), "comes back".into()]
        }
        State::Package { version: Some(version), automatic: true, .. } => {
            vec![version.clone(), "needed by the others".into()]
        }
        State::Package { version, .. } => {
            vec![
                version
                    .clone()
                    .unwrap_or_else(|| "version known once apt's lists are fetched".into()),
            ]
        }
        State::Group(group) => group.iter().map(|group| format!("gid {}", group.gid)).collect(),
        State::User { user, numbered } => {
            let uid = numbered.then(|| format!("uid {}", user.uid));
            let rest = format!("group {}, home {}", user.group, user.home.display());
            uid.into_iter().chain([rest]).collect()
        }
        State::Table(_) => match key {
            Key::Table(table) => vec![format!("{} by {}", table.kind, table.program)],
            _ => Vec::new(),
        },
        State::Certificate(new) => vec![format!("self-signed, for {}", new.names.join(", "))],
        State::Service(new) => {
            let words = [(new.enabled, "enable"), (new.running, "start")];
            words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.into()).collect()
        }
        State::Fifo(ownership) => vec!["FIFO".into(), owned(ownership)],
        State::Kept
        | State::Done
        | State::Held(_)
        | State::Mailbox(_)
        | State::Absent
        | State::Special => Vec::new(),
    }
}

/// Says of a package which of its files are gone.
pub(super) fn damage(missing: &[PathBuf]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = missing.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    let more = missing.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("files of it are missing: {}{more}", shown.join(", "))
}

fn service_differences(old: &ServiceState, new: &ServiceState) -> Vec<String> {
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
            [] => "load its files again: they were written since it last did".into(),
            changed => format!("load {}", changed.join(", ")),
        },
    })
    .filter(|_| old != new)
}

fn ownership_differences(old: &Ownership, new: &Ownership) -> Vec<String> {
    [
        ("owner", old.owner.clone(), new.owner.clone()),
        ("group", old.group.clone(), new.group.clone()),
        ("mode", format!("{:04o}", old.mode), format!("{:04o}", new.mode)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .map(|(name, old, new)| format!("{name} {old} → {new}"))
    .collect()
}

fn owned(ownership: &Ownership) -> String {
    format!("{}:{} {:04o}", ownership.owner, ownership.group, ownership.mode)
}

fn noun(state: &State) -> &'static str {
    match state {
        State::Absent => "absent",
        State::File { .. } => "a file",
        State::Directory(_) => "a directory",
        State::Link { .. } => "a link",
        State::Fifo(_) => "a FIFO",
        State::Special => "a socket or device",
        State::Package { .. } => "installed",
        State::Group(_) => "a group",
        State::User { .. } => "a user",
        State::Held(_) => "an old number",
        State::Mailbox(_) => "a mailbox",
        State::Table(_) => "a table",
        State::Certificate(_) => "a certificate",
        State::Service(_) => "a service",
        State::Kept => "kept",
        State::Done => "done",
    }
}
