//! The checks of a mail server: those of its services ([`services`]), those of
//! the whole host, and the code that runs them. The clients are in
//! [`crate::probe`].

mod causes;
mod clock;
mod configuration;
mod delivery;
mod disk;
mod dns;
mod examination;
mod firewall;
mod log;
mod mailboxes;
mod ports;

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, de};

pub(crate) use causes::Causes;
pub(crate) use dns::ExpectedRecords;
pub(crate) use examination::Examination;
pub(crate) use ports::ports;

use crate::finding::Rule;
use crate::services::{self, checking::Check};

/// The checks whose findings explain those of others.
static FIRST: &[&Check] = &[&configuration::CHECK, &ports::CHECK];

/// The other checks that belong to no single service.
static LAST: &[&Check] = &[&delivery::CHECK, &disk::CHECK, &clock::CHECK, &log::CHECK, &dns::CHECK];

/// All checks, in their order.
pub static ALL: LazyLock<Vec<&'static Check>> = LazyLock::new(|| {
    let of_services = services::ALL.iter().flat_map(|service| service.checks());
    FIRST.iter().chain(of_services).chain(LAST).copied().collect()
});

/// Returns all rules: for each check, first that of the check as a whole, then
/// its own; and those of each port and each daemon.
pub fn rules() -> Vec<&'static Rule> {
    let of_checks = ALL.iter().flat_map(|check| check.all_rules());
    let of_ports = services::ports().map(|port| port.rule);
    let daemons = services::ALL.iter().filter_map(|service| service.daemon());
    let of_daemons = daemons.flat_map(|daemon| daemon.rules.iter().copied());
    of_checks.chain(of_ports).chain(of_daemons).collect()
}

/// Returns the check with this name.
pub fn named(name: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|check| check.name() == name)
}

/// Returns the requested checks in their order, or all if none is requested.
pub fn chosen(only: &[&Check]) -> Vec<&'static Check> {
    let is_chosen =
        |check: &&Check| only.is_empty() || only.iter().any(|it| it.name() == check.name());
    ALL.iter().copied().filter(is_chosen).collect()
}

/// Checks are received from other hosts by name.
impl<'de> Deserialize<'de> for &'static Check {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        named(&name).ok_or_else(|| de::Error::custom(format!("there is no check `{name}`")))
    }
}
