//! What a run does about a certificate that is bad: it is not brought into use,
//! and what has nothing to do with it is done all the same.

use std::collections::BTreeSet;
use std::path::Path;

use super::Plan;
use crate::host::{Host, Result};
use crate::playbook::Declared;
use crate::resource::{
    Configuration, Key, LoadedConfig, Resource, Service, ServiceState, State, last_configuration,
};

/// What a certificate that is bad means for a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPair {
    /// Services run with it already, so that all of the plan can be made.
    InUse,
    /// Services run with an earlier one. The changes by which they would load this
    /// one are taken out of the plan.
    PutOff,
    /// The plan would bring it into use for the first time.
    New,
}

impl Plan {
    /// Judges the plan, made of what is `declared`, by a certificate and its key
    /// that are bad. `can_be_served`: daemons run with the pair as well as with a
    /// good one, since only their callers object to it.
    ///
    /// # Errors
    ///
    /// Fails where a look fails.
    pub fn judge_bad_pair(
        &mut self,
        host: &Host,
        declared: &[Declared],
        pair: [&Path; 2],
        can_be_served: bool,
    ) -> Result<BadPair> {
        let pair = pair.map(|path| Key::File(path.to_owned()));
        let names = pair.each_ref().map(Key::to_string);
        let mut put_off = BTreeSet::new();
        let mut is_new = self.changes.iter().any(|change| pair.contains(&change.key));
        for service in declared.iter().filter_map(wanted_service) {
            if !pair.iter().any(|file| service.loads().contains(file)) {
                continue;
            }
            let key = format!("service:{}", service.name());
            let change = self.changes.iter().find(|change| change.key.to_string() == key);
            // Nothing to do: it has what is on disk.
            let Some(change) = change else { return Ok(BadPair::InUse) };
            let State::Service(before) = &change.before else {
                is_new = true;
                continue;
            };
            let (last, next) = match (known(&change.before), known(&change.after)) {
                (Some(last), Some(next)) => (last.clone(), next),
                // Who started it is not known, so that it is as it was when we last did.
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
                return Ok(BadPair::InUse);
            }
            let is_all_else_same = same(&last, next, |name| !names.contains(name));
            let has_both = names.iter().all(|name| last.contains_key(name));
            if before.running && is_all_else_same && has_both {
                put_off.insert(key);
            } else if before.running || !can_be_served || !has_both {
                is_new = true;
            }
        }
        if is_new {
            return Ok(BadPair::New);
        }
        self.changes.retain(|change| !put_off.contains(&change.key.to_string()));
        Ok(if put_off.is_empty() { BadPair::InUse } else { BadPair::PutOff })
    }
}

fn wanted_service(declared: &Declared) -> Option<&Service> {
    match &declared.resource {
        Resource::Service(service) if service.is_wanted() => Some(service),
        _ => None,
    }
}

/// Returns what a service is known to have loaded, or is to load.
fn known(state: &State) -> Option<&Configuration> {
    match state {
        State::Service(ServiceState {
            loaded: LoadedConfig::Current(known) | LoadedConfig::Outdated(known),
            ..
        }) => Some(known),
        _ => None,
    }
}

/// Tells whether two configurations have the same values, each known, of all the
/// names that count.
fn same(one: &Configuration, other: &Configuration, counts: impl Fn(&String) -> bool) -> bool {
    let of = |all: &Configuration| -> Vec<(String, Option<String>)> {
        let named = all.iter().filter(|(name, _)| counts(name));
        named.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let (one, other) = (of(one), of(other));
    !one.is_empty() && one == other && one.iter().all(|(_, value)| value.is_some())
}
