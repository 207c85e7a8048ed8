//! What a mail server is asked, over the network as by any mail program and on its
//! host. [`ALL`] is the list: a check is a file with its rules and a line there.
//! The clients are in [`crate::probe`].

mod causes;
mod certificates;
mod clock;
mod configuration;
mod definition;
mod delivery;
mod disk;
mod dns;
mod examination;
mod firewall;
mod log;
mod login;
mod mailboxes;
mod networks;
mod outward;
mod plaintext_auth;
mod ports;
mod queue;
mod relay;
mod round_trip;
mod server;
mod spoofing;
mod temporary_login;

use serde::{Deserialize, Deserializer, de};

pub(crate) use causes::Causes;
pub use definition::Check;
pub(crate) use definition::{Here, Outside, Person, Quick, Site};
pub use dns::ExpectedRecords;
pub(crate) use examination::Examination;
pub(crate) use ports::ports;
pub use round_trip::{Account, Reader, RoundTrip, Transcript};
pub use server::{Certificate, Identity, Server, is_public, reachable};
pub(crate) use temporary_login::TemporaryLogin;

/// All checks, in their order: those that explain what others find come first.
pub static ALL: &[&Check] = &[
    &configuration::CHECK,
    &ports::CHECK,
    &certificates::CHECK,
    &login::CHECK,
    &delivery::CHECK,
    &relay::CHECK,
    &spoofing::CHECK,
    &queue::CHECK,
    &disk::CHECK,
    &clock::CHECK,
    &log::CHECK,
    &dns::CHECK,
    &outward::CHECK,
];

/// Finds a check by its name.
pub fn named(name: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|check| check.name() == name)
}

/// Returns the checks that are asked for, in their order; all where none is.
pub fn chosen(only: &[&Check]) -> Vec<&'static Check> {
    let is_chosen =
        |check: &&Check| only.is_empty() || only.iter().any(|it| it.name() == check.name());
    ALL.iter().copied().filter(is_chosen).collect()
}

/// A check comes from another host by its name.
impl<'de> Deserialize<'de> for &'static Check {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        named(&name).ok_or_else(|| de::Error::custom(format!("there is no check `{name}`")))
    }
}
