//! DKIM (RFC 6376): signs the mail that leaves, with a key for each domain, so
//! that other servers can verify that it comes from here. The spam filter signs
//! where it runs, else OpenDKIM.
//!
//! The keys in `/etc/dkim` are state, not configuration: they are made once, and
//! no run replaces or removes one. Their file names tell which of them signs.

mod context;
mod daemon;
pub(in crate::services) mod journeys;
mod keys;
mod records;
mod rotation;
mod settings;
mod signature;

use minijinja::Value;
use minijinja::value::Serde;

pub(crate) use rotation::Rotation;
pub use settings::Settings;
pub(crate) use signature::{RULES as SIGNATURE, judge_signature};

use keys::{Family, Keys};

use super::{Configured, Inputs, Record, RecordInputs, Service, SpecReader, Variables};
use crate::host::{self, Host};
use crate::services::checking::Daemon;
use crate::yaml::KeySpec;

/// The name of the service, of its facts and of its variable.
const NAME: &str = "dkim";

/// DKIM, in the list of services.
pub struct Dkim;

impl Configured for Dkim {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Option<Settings>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Dkim {
    fn name(&self) -> &'static str {
        NAME
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&daemon::DAEMON)
    }

    /// Tells templates the selector that each domain signs with, if it has a key; those
    /// of Ed25519 keys in a map of their own.
    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        let selectors = |family| {
            let keys = Keys::on(host, family)?;
            Ok(keys.signing().map(|(domain, selector)| (domain, selector.into())).collect())
        };
        let mut facts: serde_json::Map<_, serde_json::Value> = selectors(Family::Rsa)?;
        let second = selectors(Family::Ed25519)?;
        if !second.is_empty() {
            facts.insert(Family::Ed25519.tag().into(), second.into());
        }
        Ok(facts.into())
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![(NAME, Value::from(Serde(context::signers(inputs))))]
    }

    fn records(&self, inputs: RecordInputs<'_>) -> Vec<Record> {
        records::records(inputs)
    }

    fn missing_records(&self, inputs: RecordInputs<'_>) -> Vec<String> {
        records::missing(inputs).into_iter().map(str::to_owned).collect()
    }
}
