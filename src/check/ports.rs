//! Which ports answer: those that should, and no others.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::panic::resume_unwind;
use std::time::Duration;

use super::error::Result;
use super::server::{Port, family};
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
    let mut answers = ask(server, &wanted, &tls).into_iter();
    for &address in &server.addresses {
        let by = family(address);
        for (port, answer) in wanted.iter().zip(answers.by_ref()) {
            let finding = Finding::ok(
                format!("Port {} answers at {address} ({by})", port.number),
                port.purpose,
            );
            findings.push(match answer {
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

/// Asks all wanted ports by all addresses at once, since a server that is not
/// well may take its time to say so. The answers stand by address, then port.
fn ask(server: &Server, wanted: &[Port], tls: &Tls) -> Vec<Result<()>> {
    std::thread::scope(|scope| {
        let pairs = server.addresses.iter().flat_map(|at| wanted.iter().map(move |it| (*at, it)));
        let asked: Vec<_> =
            pairs.map(|(at, port)| scope.spawn(move || port.greets(at, tls))).collect();
        asked.into_iter().map(|one| one.join().unwrap_or_else(|e| resume_unwind(e))).collect()
    })
}

fn is_open(address: IpAddr, port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::new(address, port), PATIENCE).is_ok()
}
