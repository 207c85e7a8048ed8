//! People's own filters: Sieve scripts that run as mail arrives. People write them
//! by ManageSieve, which Dovecot serves.

mod checks;
mod journeys;
mod ports;
mod settings;

use minijinja::Value;
use minijinja::value::Serde;

pub use settings::Settings;

use super::checking::{Check, Port};
use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::yaml::KeySpec;

/// This service in the list of all.
pub struct Sieve;

impl Configured for Sieve {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Option<Settings>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Sieve {
    fn name(&self) -> &'static str {
        "sieve"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn ports(&self) -> &'static [Port] {
        &ports::PORTS
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![("sieve", Value::from(Serde(inputs.spec.services.sieve)))]
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }
}
