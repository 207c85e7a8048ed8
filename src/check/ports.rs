//! Which ports answer: those that should, and no others.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::server::{Port, family};
use super::{Server, unanswered};
use crate::finding::Finding;
use crate::probe::{Error, Result, Tls, is_open};

/// Ports of mail servers that this one never has, with what is there elsewhere.
const NEVER: [(u16, &str); 4] =
    [(24, "LMTP"), (2525, "another port to send by"), (4190, "ManageSieve"), (12340, "quotas")];

/// How long is waited for whoever should not be there.
const PATIENCE: Duration = Duration::from_secs(3);

const CLOSED: &str = "What mail.yml does not ask for should not be there to be attacked.";

/// Knocks at each port by each address, all at once: a server that is not well
/// may take its time to say so, and a firewall says nothing.
pub fn ports(server: &Server) -> Vec<Finding> {
    let Ok(tls) = Tls::unverified(&server.hostname) else { return Vec::new() };
    let (wanted, unwanted) = server.ports();
    let unwanted = unwanted.iter().map(|port| (port.number, "a protocol that is off"));
    let never = NEVER.into_iter().filter(|(port, _)| !server.extra.opened.contains(port));
    let unwanted: Vec<_> = unwanted.chain(never).collect();
    let findings = std::thread::scope(|scope| {
        let (tls, wanted, unwanted) = (&tls, &wanted, &unwanted);
        let asked = server.addresses.iter().map(|&address| {
            let wanted = wanted.iter().map(|&port| {
                scope.spawn(move || {
                    of_wanted(server, port, address, port.greets(&server.connections, address, tls))
                })
            });
            let wanted: Vec<_> = wanted.collect();
            let unwanted = unwanted.iter().map(|&(number, what)| {
                scope.spawn(move || {
                    is_open(SocketAddr::new(address, number), PATIENCE).then_some((number, what))
                })
            });
            (address, wanted, unwanted.collect::<Vec<_>>())
        });
        let asked: Vec<_> = asked.collect();
        let mut findings = Vec::new();
        for (address, answers, open) in asked {
            findings.extend(answers.into_iter().map(joined));
            findings.extend(of_unwanted(address, unwanted, open.into_iter().filter_map(joined)));
        }
        findings
    });
    if server.addresses.is_empty() {
        let finding = Finding::ok("The ports", "Others must be able to reach this host.");
        return vec![finding.wrong(
            "this host has no address by which others could reach it",
            "Give it one (ip address); a mail server needs a fixed one.",
        )];
    }
    findings
}

fn joined<T>(asked: ScopedJoinHandle<'_, T>) -> T {
    asked.join().unwrap_or_else(|error| resume_unwind(error))
}

fn of_wanted(server: &Server, port: Port, address: IpAddr, answer: Result<()>) -> Finding {
    let by = family(address);
    let what = format!("Port {} answers at {address} ({by})", port.number);
    let finding = Finding::ok(what, port.purpose).on([port.number]);
    let remedy = match &answer {
        _ if server.is_here() => {
            "mailprov apply starts what is down; if it finds nothing to do, see what filters the \
             port on this host (nft list ruleset)."
        }
        Err(Error::Connect { source, .. }) if source.kind() == ErrorKind::TimedOut => {
            "Something on the way drops what is sent there: look at the firewall of the provider \
             of the server, and at the host's own (nft list ruleset). Some networks let nobody \
             out by port 25: try from another one."
        }
        _ => {
            "On the host: mailprov check --only ports. If all is well there, look for a firewall \
             in between."
        }
    };
    match answer {
        Ok(()) => finding,
        Err(error) => unanswered(finding, &error, remedy),
    }
}

/// Tells of ports where somebody is who should not be.
fn of_unwanted(
    address: IpAddr,
    asked: &[(u16, &'static str)],
    open: impl Iterator<Item = (u16, &'static str)>,
) -> Vec<Finding> {
    let wrong = open.map(|(number, what)| {
        let finding = Finding::ok(format!("Port {number} is closed at {address}"), CLOSED);
        finding.wrong(
            format!("somebody answers there ({what})"),
            format!("See who it is (ss -ltnp 'sport = :{number}'), then run mailprov apply."),
        )
    });
    let mut findings: Vec<_> = wrong.collect();
    if findings.is_empty() {
        let numbers: Vec<_> = asked.iter().map(|(number, _)| number.to_string()).collect();
        let (numbers, by) = (numbers.join(", "), family(address));
        let what = format!("None of the ports {numbers} answers at {address} ({by})");
        findings.push(Finding::ok(what, CLOSED));
    }
    findings
}
