//! Which ports answer: those that should, and no others.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use super::server::family;
use super::{Server, Tls};
use crate::finding::Finding;

/// Ports of mail servers that this one never has, with what is there elsewhere.
const NEVER: [(u16, &str); 4] =
    [(24, "LMTP"), (2525, "another port to send by"), (4190, "ManageSieve"), (12340, "quotas")];

/// How long a connection within this machine may take.
const PATIENCE: Duration = Duration::from_secs(3);

const CLOSED: &str = "What mail.yml does not ask for should not be there to be attacked.";

/// Knocks at each port by each address.
pub fn ports(server: &Server) -> Vec<Finding> {
    let Ok(tls) = Tls::unverified(&server.hostname) else { return Vec::new() };
    let (wanted, unwanted) = server.ports();
    let mut findings = Vec::new();
    for &address in &server.addresses {
        let by = family(address);
        for port in &wanted {
            let finding = Finding::ok(
                format!("Port {} answers at {address} ({by})", port.number),
                port.purpose,
            );
            findings.push(match port.greets(address, &tls) {
                Ok(()) => finding,
                Err(error) => finding.wrong(
                    error.to_string(),
                    "mailprov apply starts what is down; if it finds nothing to do, see what \
                     filters the port on this host (nft list ruleset).",
                ),
            });
        }
        let unwanted = unwanted.iter().map(|port| (port.number, "a protocol that is off"));
        for (number, what) in unwanted.chain(NEVER).filter(|(number, _)| is_open(address, *number))
        {
            let finding = Finding::ok(format!("Port {number} is closed at {address}"), CLOSED);
            findings.push(finding.wrong(
                format!("somebody answers there ({what})"),
                format!("See who it is (ss -ltnp 'sport = :{number}'), then run mailprov apply."),
            ));
        }
        if !findings
            .iter()
            .any(|it| it.what.contains("closed") && it.what.contains(&address.to_string()))
        {
            findings.push(Finding::ok(
                format!("No other mail port answers at {address} ({by})"),
                CLOSED,
            ));
        }
    }
    if server.addresses.is_empty() {
        let finding = Finding::ok("The ports", "Others must be able to reach this host.");
        findings.push(finding.wrong(
            "this host has no address by which others could reach it",
            "Give it one (ip address); a mail server needs a fixed one.",
        ));
    }
    findings
}

fn is_open(address: IpAddr, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE).is_ok()
}
