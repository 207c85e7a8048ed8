//! The spam filter, rspamd: it judges mail from other servers, learns from what
//! people move into and out of Junk, and holds people to a From: of their own.

mod checks;
pub(super) mod journeys;
mod settings;

use minijinja::Value;
use minijinja::value::Serde;

pub(crate) use checks::UNIT;
pub use settings::{Allowed, Filter, Settings};

use super::checking::{Check, Daemon};
use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::yaml::KeySpec;

/// The spam filter, in the list of services.
pub struct Spam;

impl Configured for Spam {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Spam {
    fn name(&self) -> &'static str {
        "spam"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&checks::DAEMON)
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let filter = inputs.spec.services.spam.filter(&inputs.facts);
        vec![("spam", Value::from(Serde(filter.cloned())))]
    }
}
