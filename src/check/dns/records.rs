//! The records that DNS should have of a mail server.

use std::net::IpAddr;

use super::super::server::is_public;
use crate::services::Spec;

/// A record to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The whole name, without the dot at its end.
    pub name: String,
    /// The type, such as `MX`.
    pub kind: &'static str,
    /// The value, as a registrar's form takes it.
    pub value: String,
    /// Why it is wanted.
    pub why: &'static str,
}

/// What DNS is to say of a mail server.
#[derive(Debug, Clone)]
pub struct ExpectedRecords {
    /// Its name.
    pub hostname: String,
    /// The domains whose mail it takes.
    pub domains: Vec<String>,
    /// The addresses that the world reaches it by.
    pub addresses: Vec<IpAddr>,
    /// Whether a person named the addresses, who then knows what they are.
    pub given: bool,
    /// Whether mail leaves by way of another server.
    pub has_relay: bool,
}

impl Record {
    /// Writes it as a line of a zone file (RFC 1035, 5). A text is cut into
    /// strings of 255 bytes.
    pub fn zone_line(&self) -> String {
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

impl ExpectedRecords {
    /// Returns what DNS is to say of a server that has these addresses.
    pub fn of(spec: &Spec, addresses: Vec<IpAddr>) -> Self {
        Self {
            hostname: spec.hostname.value.to_string(),
            domains: spec.directory.domains.iter().map(ToString::to_string).collect(),
            addresses,
            given: false,
            has_relay: spec.services.relay.is_some(),
        }
    }

    /// Returns the addresses' records of the server's own name, of those that the
    /// world can reach.
    pub fn address_records(&self) -> Vec<Record> {
        let record = |address: &IpAddr| Record {
            name: self.hostname.clone(),
            kind: if address.is_ipv4() { "A" } else { "AAAA" },
            value: address.to_string(),
            why: "where the server is",
        };
        self.public().map(record).collect()
    }

    fn public(&self) -> impl Iterator<Item = &IpAddr> {
        self.addresses.iter().filter(|it| self.given || is_public(**it))
    }

    /// Returns the records that lead from the addresses back to the name. They
    /// are set at the provider of the server.
    pub fn ptr_records(&self) -> Vec<Record> {
        self.public().map(|address| self.ptr(*address)).collect()
    }

    /// Returns the one of them for an address.
    pub fn ptr(&self, address: IpAddr) -> Record {
        let name = domain::base::Name::<Vec<u8>>::reverse_from_addr(address);
        Record {
            name: name.map(|name| name.to_string()).unwrap_or_default(),
            kind: "PTR",
            value: self.hostname.clone(),
            why: "many servers refuse mail from an address that does not lead back to the name",
        }
    }

    /// Returns the record that sends a domain's mail here.
    pub fn mx(&self, domain: &str) -> Record {
        Record {
            name: domain.into(),
            kind: "MX",
            value: format!("10 {}", self.hostname),
            why: "mail for the domain goes there",
        }
    }

    /// Returns the record that says who sends as a domain.
    pub fn spf(&self, domain: &str) -> Record {
        // What the relay's own servers are, only its operator knows.
        let value = if self.has_relay { "v=spf1 mx ~all" } else { "v=spf1 mx -all" };
        Record {
            name: domain.into(),
            kind: "TXT",
            value: value.into(),
            why: "only that server sends mail of the domain",
        }
    }

    /// Returns the record that says what to do with mail that others send.
    pub fn dmarc(&self, domain: &str) -> Record {
        Record {
            name: format!("_dmarc.{domain}"),
            kind: "TXT",
            value: "v=DMARC1; p=none".into(),
            why: "large providers want to see one",
        }
    }

    /// Returns all records that are set where the domains are, in order.
    pub fn all(&self) -> Vec<Record> {
        let mut records = self.address_records();
        for domain in &self.domains {
            records.extend([self.mx(domain), self.spf(domain), self.dmarc(domain)]);
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_names_and_quotes_in_full() {
        let wanted = ExpectedRecords {
            hostname: "mail.example.org".into(),
            domains: vec!["example.org".into()],
            addresses: vec!["203.0.113.25".parse().unwrap(), "2001:db8::25".parse().unwrap()],
            given: true,
            has_relay: false,
        };
        let lines: Vec<_> = wanted.all().iter().map(Record::zone_line).collect();
        assert_eq!(
            lines,
            [
                "mail.example.org. 3600 IN A 203.0.113.25",
                "mail.example.org. 3600 IN AAAA 2001:db8::25",
                "example.org. 3600 IN MX 10 mail.example.org.",
                "example.org. 3600 IN TXT \"v=spf1 mx -all\"",
                "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none\"",
            ]
        );
        assert_eq!(
            wanted.ptr_records()[0].zone_line(),
            "25.113.0.203.in-addr.arpa. 3600 IN PTR mail.example.org."
        );
    }
}
