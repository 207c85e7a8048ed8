//! The web side of mail, by nginx or by an Apache that is there already: the policy by
//! which other servers insist on TLS (MTA-STS, RFC 8461), the settings that mail programs
//! fetch by themselves, and the page from which people read theirs.

mod clients;
mod context;
mod names;
mod policy;
mod server;
mod settings;

pub(crate) use names::names;
pub use settings::{PolicyMode, Settings};

use super::context::{Inputs, Variables};
use super::{Configured, Service, SpecReader};
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

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![(NAME, context::of(inputs))]
    }
}
