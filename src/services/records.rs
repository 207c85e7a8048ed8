//! The records that the services want the world to find in DNS.

use super::{ALL, Spec};
use crate::host::Host;

/// A record to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The rule that `check` judges it by, such as `dns.mx`.
    pub rule: &'static str,
    /// The whole name, without the dot at its end.
    pub name: String,
    /// The type, such as `MX`.
    pub kind: &'static str,
    /// The value, as a registrar's form takes it.
    pub value: String,
    /// Why it is wanted.
    pub why: &'static str,
}

/// The data that the services make their records from.
#[derive(Debug, Clone, Copy)]
pub struct RecordInputs<'a> {
    /// The mail.yml.
    pub spec: &'a Spec,
    /// The server, where this machine is it: it may have what mail.yml does not
    /// say, such as a key.
    pub host: Option<&'a Host>,
}

impl Record {
    /// Writes it as a line of a zone file (RFC 1035, 5). A text is cut into
    /// strings of 255 bytes.
    pub(crate) fn zone_line(&self) -> String {
        let value = match self.kind {
            "TXT" => {
                let quoted = self.value.replace('\\', "\\\\").replace('"', "\\\"");
                let pieces = quoted.as_bytes().chunks(255);
                let pieces = pieces.map(|it| format!("\"{}\"", String::from_utf8_lossy(it)));
                pieces.collect::<Vec<_>>().join(" ")
            }
            "MX" | "PTR" => format!("{}.", self.value),
            _ => self.value.clone(),
        };
        format!("{}. 3600 IN {} {value}", self.name, self.kind)
    }
}

/// Returns the records that are set where the domains are, in the order of the
/// services.
pub fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    ALL.iter().flat_map(|service| service.records(inputs)).collect()
}
