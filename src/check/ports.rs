//! Checks that exactly the expected ports answer.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::panic::resume_unwind;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::firewall;
use crate::finding::{Finding, Rule, rules};
use crate::host;
use crate::probe::{Error, Result, Tls, is_open};
use crate::services::checking::{Check, Here, Outside, Port, Quick, Server, Site, unanswered};

pub(super) static CHECK: Check = Check {
    rule: Rule {
        id: "ports",
        title: "The ports",
        reason: "Other servers and mail programs reach the server by them.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: true,
    here: Here::Alone(here),
    outside: Some(outside),
    quick: Some(Quick::Alone(ports)),
};

rules! {
    ADDRESS = "ports.address", "The address of {}", "Other servers find this one by its name.";
    CLOSED = "ports.closed", "Other ports at {}",
        "Services that mail.yml does not enable only widen the attack surface.";
    FIREWALL = "ports.firewall", "The host's firewall for {}",
        "What the host's own firewall drops never reaches the mail server.";
}

/// Ports of mail servers that this one never opens, with their usual services.
const NEVER: [(u16, &str); 4] =
    [(24, "LMTP"), (2525, "another port to send by"), (4190, "ManageSieve"), (12340, "quotas")];

/// The time limit of connections to ports that should be closed.
const CLOSED_TIMEOUT: Duration = Duration::from_secs(3);

fn here(site: &Site<'_>) -> host::Result<Vec<Finding>> {
    let mut findings = ports(&site.server);
    // An authority asks at port 80, whenever a certificate is renewed.
    let is_issued = site.spec.services.certificate.on(site.host).order().is_some();
    let more: &[u16] = match site.spec.services.web {
        Some(_) => &[80, 443],
        None if is_issued => &[80],
        None => &[],
    };
    for (family, drops) in firewall::drops(&site.server, more) {
        let finding = || Finding::about(&FIREWALL, family);
        if drops.is_empty() {
            findings.push(finding().seen("drops no mail port"));
        }
        findings.extend(drops.into_iter().map(|(facts, remedy)| finding().wrong(facts, remedy)));
    }
    Ok(findings)
}

fn outside(outside: &Outside<'_>) -> std::result::Result<Vec<Finding>, &'static str> {
    if outside.server.addresses.is_empty() {
        let finding = Finding::about(&ADDRESS, &outside.server.hostname);
        let remedy = "On the host, see which records to publish: mailprov dns";
        return Ok(vec![finding.wrong("the name leads to no address", remedy)]);
    }
    Ok(ports(&outside.server))
}

/// Connects to each port at each address, all in parallel, because a broken
/// server may be slow to answer, and a firewall does not answer at all.
pub(crate) fn ports(server: &Server) -> Vec<Finding> {
    let Ok(tls) = Tls::unverified(&server.hostname) else { return Vec::new() };
    let (wanted, unwanted) = server.ports();
    let unwanted = unwanted.iter().map(|port| (port.number, "a protocol that mail.yml turns off"));
    let is_known = |number: &u16| {
        server.extra.opened.contains(number)
            || server.ports.iter().any(|(port, _)| port.number == *number)
    };
    let never = NEVER.into_iter().filter(|(port, _)| !is_known(port));
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
                    let at = SocketAddr::new(address, number);
                    is_open(at, CLOSED_TIMEOUT).then_some((number, what))
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
        let finding = Finding::about(&ADDRESS, &server.hostname);
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
    let finding = Finding::about(port.rule, address).on([port.number]);
    let remedy = match &answer {
        _ if server.is_here() => {
            "Start what is down: mailprov apply. If it finds nothing to do, see what filters the \
             port on this host: nft list ruleset"
        }
        Err(Error::Connect { source, .. }) if source.kind() == ErrorKind::TimedOut => {
            "A firewall on the way drops the connection: look at that of the server's provider \
             and at the host's own (nft list ruleset). Some networks block port 25 outward: try \
             from another one."
        }
        _ => {
            "On the host: mailprov check --only ports. If all is well there, look for a firewall \
             in between."
        }
    };
    match answer {
        Ok(()) => finding.seen("answers"),
        Err(error) => unanswered(finding, &error, remedy),
    }
}

/// Reports ports that answer and should not.
fn of_unwanted(
    address: IpAddr,
    asked: &[(u16, &'static str)],
    open: impl Iterator<Item = (u16, &'static str)>,
) -> Vec<Finding> {
    let finding = || Finding::about(&CLOSED, address);
    let wrong = open.map(|(number, what)| {
        finding().wrong(
            format!("port {number} answers ({what})"),
            format!(
                "See which program listens (ss -ltnp 'sport = :{number}'), then run mailprov apply."
            ),
        )
    });
    let mut findings: Vec<_> = wrong.collect();
    if findings.is_empty() {
        let numbers: Vec<_> = asked.iter().map(|(number, _)| number.to_string()).collect();
        findings.push(finding().seen(format!("closed: {}", numbers.join(", "))));
    }
    findings
}
