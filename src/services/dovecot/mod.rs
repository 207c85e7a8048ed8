//! Dovecot: knows the accounts, stores their mail, and shows it by IMAP and POP3.

mod checks;
mod context;
mod daemon;
mod homes;
pub(super) mod journeys;
mod plaintext_auth;
mod ports;
mod quota_owners;
mod settings;

pub use settings::Settings;

use super::checking::{Check, Daemon, Port};
use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::host::VersionedPackage;
use crate::yaml::KeySpec;

/// Dovecot, in the list of services.
pub struct Dovecot;

impl Configured for Dovecot {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Dovecot {
    fn name(&self) -> &'static str {
        "dovecot"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&daemon::DAEMON)
    }

    fn ports(&self) -> &'static [Port] {
        &ports::PORTS
    }

    fn packages(&self) -> &'static [VersionedPackage] {
        &[VersionedPackage { name: "dovecot", package: "dovecot-core", table_type: None }]
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        context::variables(inputs)
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }
}
