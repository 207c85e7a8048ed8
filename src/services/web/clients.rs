//! The ways in which mail programs reach the server, as every page and record offers them.

use serde::Serialize;

use crate::services::checking::{Port, Protocol};
use crate::services::{Settings, ports};

/// A port that mail programs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Access {
    /// The protocol, in the words of the settings file: `imap`, `pop3` or `smtp`.
    pub protocol: &'static str,
    pub port: u16,
    /// Whether TLS begins with the first byte.
    pub implicit_tls: bool,
}

impl Access {
    /// Returns the name of the service in SRV records (RFC 6186, RFC 8314).
    pub(super) fn service(self) -> &'static str {
        match (self.protocol, self.implicit_tls) {
            ("imap", true) => "imaps",
            ("imap", false) => "imap",
            ("pop3", true) => "pop3s",
            ("pop3", false) => "pop3",
            (_, true) => "submissions",
            (_, false) => "submission",
        }
    }
}

/// Returns the ports that mail programs read mail by, or send by; the safest first, and IMAP
/// before POP3.
pub(super) fn accesses(settings: &Settings) -> Vec<Access> {
    let closed = settings.changed_ports().closed;
    let open = ports().filter(|port| (port.is_on)(settings) && !closed.contains(&port.number));
    let mut all: Vec<_> = open.filter_map(access).collect();
    all.sort_by_key(|it| (it.protocol, !it.implicit_tls));
    all
}

fn access(port: &Port) -> Option<Access> {
    let protocol = match port.protocol {
        Protocol::Imap => "imap",
        Protocol::Pop3 => "pop3",
        // Port 25 is for servers.
        Protocol::Smtp if port.number != 25 => "smtp",
        Protocol::Smtp | Protocol::ManageSieve => return None,
    };
    Some(Access { protocol, port: port.number, implicit_tls: port.implicit_tls })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::load_text;

    #[test]
    fn the_settings_offer_the_open_ports() {
        let ports = |more: &str| -> Vec<_> {
            let yaml = "hostname: mail.example.org\ndomains: [example.org]\nweb: true\naccounts: {thomas: HASH}\n";
            let spec = load_text(&[yaml, more].concat());
            accesses(&spec.services).iter().map(|it| it.port).collect()
        };
        assert_eq!(ports("services: {pop3: true}\n"), [993, 143, 995, 110, 465, 587]);
        assert_eq!(ports("services: {pop3: false}\n"), [993, 143, 465, 587]);
    }
}
