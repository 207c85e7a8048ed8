//! The web side of mail, by nginx or by an Apache that is there already: the policy by
//! which other servers insist on TLS (MTA-STS, RFC 8461), the settings that mail programs
//! fetch by themselves, and the page from which people read theirs.

mod checks;
mod clients;
mod context;
mod journeys;
mod names;
mod pacc;
mod pages;
mod policy;
mod records;
mod server;
mod settings;

pub(crate) use names::names;
pub use settings::{PolicyMode, Settings};

use super::checking::Check;
use super::context::{Inputs, Variables};
use super::{Configured, Record, RecordInputs, Service, SpecReader};
use crate::explain::{ServerFiles, Way};
use crate::host::{self, Host};
use crate::yaml::KeySpec;

/// The name of the service, of its facts, and of its variable.
const NAME: &str = "web";

/// The web side, in the list of services.
pub struct Web;

impl Configured for Web {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Option<Settings>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Option<Settings>> {
        settings::read(reader)
    }
}

impl Service for Web {
    fn name(&self) -> &'static str {
        NAME
    }

    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        server::facts(host)
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn records(&self, inputs: RecordInputs<'_>) -> Vec<Record> {
        records::records(inputs)
    }

    fn missing_records(&self, inputs: RecordInputs<'_>) -> Vec<String> {
        records::missing(inputs)
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![(NAME, context::of(inputs))]
    }
}
