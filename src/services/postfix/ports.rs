//! The ports that other servers deliver to and mail programs send by.

use crate::finding::Rule;
use crate::services::checking::{Port, Protocol};

pub(super) static PORTS: [Port; 3] = [
    Port {
        number: 25,
        protocol: Protocol::Smtp,
        implicit_tls: false,
        rule: &Rule {
            id: "ports.25",
            title: "Port 25 at {}",
            reason: "Other servers deliver mail here.",
        },
        is_on: |_| true,
    },
    Port {
        number: 465,
        protocol: Protocol::Smtp,
        implicit_tls: true,
        rule: &Rule {
            id: "ports.465",
            title: "Port 465 at {}",
            reason: "Mail programs send mail here.",
        },
        is_on: |_| true,
    },
    Port {
        number: 587,
        protocol: Protocol::Smtp,
        implicit_tls: false,
        rule: &Rule {
            id: "ports.587",
            title: "Port 587 at {}",
            reason: "Mail programs send mail here.",
        },
        is_on: |_| true,
    },
];
