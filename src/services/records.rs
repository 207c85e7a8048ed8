//! The DNS records that the services need.

use super::{ALL, Spec};
use crate::host::Host;

/// A record to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The rule with which `check` judges it, such as `dns.mx`.
    pub rule: &'static str,
    /// The whole name, without the final dot.
    pub(crate) name: String,
    /// The type, such as `MX`.
    pub kind: &'static str,
    /// The value, as a registrar's form takes it.
    pub value: String,
    /// The purpose of the record.
    pub(crate) why: &'static str,
}

/// A server whose addresses are unknown.
#[derive(Debug, Clone)]
pub(crate) struct MissingAddress {
    /// The name that leads to them, with the dot at its end.
    pub(crate) name: String,
    /// The reason why they are unknown.
    pub(crate) why: &'static str,
}

/// The data from which services make their records.
#[derive(Debug, Clone, Copy)]
pub struct RecordInputs<'a> {
    /// The contents of mail.yml.
    pub spec: &'a Spec,
    /// The server, if it is this machine. It may have data that mail.yml does
    /// not contain, such as a key.
    pub host: Option<&'a Host>,
}

impl Record {
    /// Formats the record as a line of a zone file (RFC 1035, 5). Splits a text
    /// into strings of 255 bytes.
    pub(crate) fn zone_line(&self) -> String {
        let value = match self.kind {
            "TXT" => {
                let quoted = self.value.replace('\\', "\\\\").replace('"', "\\\"");
                let pieces = quoted.as_bytes().chunks(255);
                let pieces = pieces.map(|it| format!("\"{}\"", String::from_utf8_lossy(it)));
                pieces.collect::<Vec<_>>().join(" ")
            }
            // The root stands for no server (RFC 2782).
            "MX" | "PTR" | "CNAME" | "SRV" if !self.value.ends_with('.') => {
                format!("{}.", self.value)
            }
            _ => self.value.clone(),
        };
        format!("{}. 3600 IN {} {value}", self.name, self.kind)
    }
}

/// Returns why records are missing.
pub(crate) fn missing_records(inputs: RecordInputs<'_>) -> Vec<String> {
    ALL.iter().flat_map(|service| service.missing_records(inputs)).collect()
}

/// Returns the records to set in the domains, in the order of the services.
pub fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    ALL.iter().flat_map(|service| service.records(inputs)).collect()
}
