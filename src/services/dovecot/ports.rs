//! The ports that people read mail by.

use crate::finding::Rule;
use crate::services::checking::{Port, Protocol};

pub(super) static PORTS: [Port; 4] = [
    Port {
        number: 993,
        protocol: Protocol::Imap,
        implicit_tls: true,
        rule: &Rule {
            id: "ports.993",
            title: "Port 993 at {}",
            reason: "Mail programs read mail here.",
        },
        is_on: |settings| settings.dovecot.imap,
    },
    Port {
        number: 143,
        protocol: Protocol::Imap,
        implicit_tls: false,
        rule: &Rule {
            id: "ports.143",
            title: "Port 143 at {}",
            reason: "Mail programs read mail here.",
        },
        is_on: |settings| settings.dovecot.imap,
    },
    Port {
        number: 995,
        protocol: Protocol::Pop3,
        implicit_tls: true,
        rule: &Rule {
            id: "ports.995",
            title: "Port 995 at {}",
            reason: "Mail programs fetch mail here.",
        },
        is_on: |settings| settings.dovecot.pop3,
    },
    Port {
        number: 110,
        protocol: Protocol::Pop3,
        implicit_tls: false,
        rule: &Rule {
            id: "ports.110",
            title: "Port 110 at {}",
            reason: "Mail programs fetch mail here.",
        },
        is_on: |settings| settings.dovecot.pop3,
    },
];
