//! The DNS records that a mail server should have.

use std::net::IpAddr;

use crate::host::Host;
use crate::host::is_public;
use crate::services::{self, Record, RecordInputs, Spec};

/// The expected DNS records of a mail server.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedRecords {
    /// Its name.
    pub hostname: String,
    /// The domains that it receives mail for.
    pub domains: Vec<String>,
    /// The addresses at which the internet reaches it.
    pub addresses: Vec<IpAddr>,
    /// Whether the addresses were given on the command line, and are therefore not questioned.
    pub given: bool,
    /// Whether it sends mail through a relay.
    pub has_relay: bool,
    /// The records that the services need.
    pub of_services: Vec<Record>,
    /// Why there are fewer of these than the services need.
    pub missing: Vec<String>,
}

impl ExpectedRecords {
    /// Returns the expected records of a server with these addresses. `host` is
    /// the server, if that is this machine.
    pub(crate) fn of(spec: &Spec, addresses: Vec<IpAddr>, host: Option<&Host>) -> Self {
        Self {
            hostname: spec.hostname.value.to_string(),
            domains: spec.directory.domains.iter().map(ToString::to_string).collect(),
            addresses,
            given: false,
            has_relay: spec.services.relay.is_some(),
            of_services: services::records(RecordInputs { spec, host }),
            missing: services::missing_records(RecordInputs { spec, host }),
        }
    }

    /// Returns the A and AAAA records of the server's name, for its public addresses.
    pub(crate) fn address_records(&self) -> Vec<Record> {
        let record = |address: &IpAddr| Record {
            rule: "dns.address",
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

    /// Returns the PTR records. They are set at the provider of the server.
    pub(crate) fn ptr_records(&self) -> Vec<Record> {
        self.public().map(|address| self.ptr(*address)).collect()
    }

    pub(crate) fn ptr(&self, address: IpAddr) -> Record {
        let name = domain::base::Name::<Vec<u8>>::reverse_from_addr(address);
        Record {
            rule: "dns.ptr",
            name: name.map(|name| name.to_string()).unwrap_or_default(),
            kind: "PTR",
            value: self.hostname.clone(),
            why: "many servers refuse mail from an address that does not lead back to the name",
        }
    }

    /// Returns all records that are set in the domains, in order.
    pub(crate) fn all(&self) -> Vec<Record> {
        [self.address_records(), self.of_services.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_names_and_quotes_in_full() {
        let addresses = ["203.0.113.25", "2001:db8::25"].map(|it| it.parse().unwrap());
        let wanted = super::super::tests::expected("", &addresses);
        let wanted = ExpectedRecords { given: true, ..wanted };
        let lines: Vec<_> = wanted.all().iter().map(Record::zone_line).collect();
        assert_eq!(
            lines,
            [
                "mail.example.org. 3600 IN A 203.0.113.25",
                "mail.example.org. 3600 IN AAAA 2001:db8::25",
                "mail.example.org. 3600 IN TXT \"v=spf1 a -all\"",
                "example.org. 3600 IN MX 10 mail.example.org.",
                "example.org. 3600 IN TXT \"v=spf1 mx -all\"",
                "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none; \
                 rua=mailto:postmaster@example.org\"",
            ]
        );
        assert_eq!(
            wanted.ptr_records()[0].zone_line(),
            "25.113.0.203.in-addr.arpa. 3600 IN PTR mail.example.org."
        );
    }
}
