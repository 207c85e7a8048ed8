//! The port that people's filters come by.

use crate::finding::Rule;
use crate::services::checking::{Port, Protocol};

pub(super) static PORTS: [Port; 1] = [Port {
    number: 4190,
    protocol: Protocol::ManageSieve,
    implicit_tls: false,
    rule: &Rule {
        id: "ports.4190",
        title: "Port 4190 at {}",
        reason: "Mail programs put people's filters here.",
    },
    is_on: |settings| settings.sieve.is_some(),
}];
