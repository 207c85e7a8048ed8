//! Decides what becomes of services that load a bad certificate.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Configuration, LoadedConfig, ServiceState, last_configuration};
use crate::host::{Host, Result};
use crate::resource::{Key, Planned, Resource, State};

/// The effect of a bad certificate on a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPair {
    /// Services run with it already, so the whole plan can be made.
    InUse,
    /// Services run with an earlier certificate. The changes that would load
    /// this one are removed from the plan.
    PutOff,
    /// The plan would bring it into use for the first time.
    New,
}

/// Judges the changes of `declared` by a bad certificate and its key. Also
/// returns the keys, by name, whose changes are put off. `can_be_served`:
/// daemons can run with the pair, and only clients reject it.
pub(crate) fn judge_bad_pair<'a>(
    host: &Host,
    declared: impl Iterator<Item = &'a Resource>,
    changes: &[(&Key, &State, &State)],
    pair: [&Path; 2],
    can_be_served: bool,
) -> Result<(BadPair, BTreeSet<String>)> {
    let pair = pair.map(|path| Key::at(path.to_owned()));
    let names = pair.each_ref().map(Key::to_string);
    let mut put_off = BTreeSet::new();
    let mut is_new = changes.iter().any(|(key, ..)| pair.contains(key));
    for resource in declared {
        let Resource::Service(service) = resource else { continue };
        if !service.is_wanted() || !pair.iter().any(|file| service.loads().contains(file)) {
            continue;
        }
        let key = format!("service:{}", service.name());
        let change = changes.iter().find(|(changed, ..)| changed.to_string() == key);
        // No change: it runs with the files on disk.
        let Some((_, was, will_be)) = change else { return Ok((BadPair::InUse, BTreeSet::new())) };
        let State::Service(before) = was else {
            is_new = true;
            continue;
        };
        let (last, next) = match (known(was), known(will_be)) {
            (Some(last), Some(next)) => (last.clone(), next),
            // Others started it, so the last start of ours counts.
            (None, Some(next)) => match last_configuration(host, service.unit())? {
                Some(last) => (last, next),
                None => {
                    is_new = true;
                    continue;
                }
            },
            (_, None) => continue,
        };
        if same(&last, next, |name| names.contains(name)) {
            return Ok((BadPair::InUse, BTreeSet::new()));
        }
        let is_all_else_same = same(&last, next, |name| !names.contains(name));
        let has_both = names.iter().all(|name| last.contains_key(name));
        if before.running && is_all_else_same && has_both {
            put_off.insert(key);
        } else if before.running || !can_be_served || !has_both {
            is_new = true;
        }
    }
    Ok(match (is_new, put_off.is_empty()) {
        (true, _) => (BadPair::New, BTreeSet::new()),
        (false, true) => (BadPair::InUse, put_off),
        (false, false) => (BadPair::PutOff, put_off),
    })
}

/// Returns the configuration that a service has loaded, or will load, where
/// known.
fn known(state: &State) -> Option<&Configuration> {
    match state {
        State::Service(ServiceState {
            loaded: LoadedConfig::Current(known) | LoadedConfig::Outdated(known),
            ..
        }) => Some(known),
        _ => None,
    }
}

/// Returns whether two configurations have the same known values for all names
/// that count.
fn same(one: &Configuration, other: &Configuration, counts: impl Fn(&String) -> bool) -> bool {
    let of = |all: &Configuration| -> Vec<(String, Planned<String>)> {
        let named = all.iter().filter(|(name, _)| counts(name));
        named.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (one, other) = (of(one), of(other));
    !one.is_empty() && one == other && one.iter().all(|(_, value)| value.known().is_some())
}
