//! Postfix: receives mail from other servers and from people, and sends it.

mod checks;
mod context;
mod journeys;
mod ports;
mod records;
mod settings;

pub(crate) use settings::DMARC_POLICIES;
pub use settings::Settings;

use super::checking::{Check, Daemon, Port};
use super::{Configured, Inputs, Record, RecordInputs, Service, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::host::VersionedPackage;
use crate::yaml::KeySpec;

/// Postfix, in the list of services.
pub struct Postfix;

impl Configured for Postfix {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Postfix {
    fn name(&self) -> &'static str {
        "postfix"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&checks::DAEMON)
    }

    fn ports(&self) -> &'static [Port] {
        &ports::PORTS
    }

    fn packages(&self) -> &'static [VersionedPackage] {
        &[VersionedPackage { name: "postfix", package: "postfix", table_type: Some(table_type) }]
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        context::variables(inputs)
    }

    fn records(&self, inputs: RecordInputs<'_>) -> Vec<Record> {
        records::records(inputs)
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }
}

/// The first Postfix that makes cdb tables by default (Postfix NON_BERKELEYDB_README).
const FIRST_WITH_CDB: (u32, u32) = (3, 11);

/// Returns the default table type of Debian's Postfix in this version. Postfix
/// itself is not asked, because it would read main.cf, which may be broken.
fn table_type(version: &str) -> &'static str {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < FIRST_WITH_CDB { "hash" } else { "cdb" }
}

#[cfg(test)]
mod tests {
    use super::table_type;

    #[test]
    fn tables_are_of_the_type_that_the_version_makes() {
        assert_eq!(table_type("3.7.11"), "hash");
        assert_eq!(table_type("3.10.13"), "hash");
        assert_eq!(table_type("3.11.7"), "cdb");
    }
}
