//! Nobody sends through this server to somebody else's: all the ways in which a
//! server was ever talked into it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::networks::Networks;
use super::round_trip::{domain_of, stranger};
use super::server::family;
use super::{Server, unanswered};
use crate::finding::Finding;
use crate::host::Host;
use crate::probe::{Error, OURSELVES, Result, Smtp};

/// To a host elsewhere, `DOMAIN` being one of ours and `HOST` our name.
const WAYS: [&str; 16] = [
    "bob@far.example",
    "bob@far.example.",
    "bob%far.example@DOMAIN",
    "bob%far.example@HOST",
    "bob%far.example@localhost",
    "bob%far.example",
    "far.example!bob",
    "far.example!bob@DOMAIN",
    "\"far.example!bob\"@HOST",
    "@DOMAIN:bob@far.example",
    "@DOMAIN,@HOST:bob@far.example",
    "\"bob@far.example\"",
    "\"bob%far.example\"",
    "bob@far.example@DOMAIN",
    "bob@[192.0.2.1]",
    "bob@[IPv6:2001:db8::1]",
];

/// Whoever makes more mistakes in one connection is answered late.
const AT_ONCE: usize = 8;

/// A `mynetworks` that holds one of these holds the world: they belong to no host
/// (RFC 5737, RFC 3849).
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

const TAKES: &str = "This is how mail from the world arrives.";
const RELAYS: &str = "Through an open relay strangers send spam, and soon nobody takes your mail.";

/// Tries every way by IPv4 and IPv6, from a stranger and from nobody at all.
/// `domain` is one of the server's. No mail is sent: it ends at its recipient.
///
/// `host`, where that is the server, calls from its own address, which counts like
/// any stranger's unless `mynetworks` holds it.
pub fn relay(server: &Server, domain: &str, host: Option<&Host>) -> Vec<Finding> {
    let trusted = host.map(trusted).unwrap_or_default();
    let mut findings = Vec::new();
    for by in ["IPv4", "IPv6"] {
        let finding = Finding::ok(format!("Strangers cannot relay by {by}"), RELAYS).on([25]);
        let address = server.addresses.iter().find(|address| family(**address) == by);
        let Some(&address) = address else {
            let seen = format!("the server has no {by} address");
            findings.push(finding.not_checked(seen, "Nothing, if that is as you want it."));
            continue;
        };
        let mut taken: Result<Vec<String>> = Ok(Vec::new());
        for sender in [stranger(domain), String::new()] {
            taken = taken.and_then(|mut taken| {
                taken.extend(taken_ways(server, address, &sender, domain)?);
                Ok(taken)
            });
        }
        let is_trusted = trusted.hold(address) && !WORLD.iter().any(|it| trusted.hold(*it));
        findings.push(match taken {
            Ok(taken) if taken.is_empty() => {
                finding.seen(format!("{} ways are refused at {address}", WAYS.len() * 2))
            }
            Ok(_) if is_trusted => finding.not_checked(
                format!("mynetworks holds {address}, so that it may relay says nothing of others"),
                "Look from elsewhere: mailprov check --from-here",
            ),
            Ok(taken) => finding.wrong(
                format!("it takes mail for {}", taken.join(", ")),
                "Look at mynetworks and smtpd_relay_restrictions (postconf -n), and at `extra` in \
                 mail.yml; mailprov apply puts back what is not from there.",
            ),
            Err(error) => finding.not_checked(error.to_string(), "See what is said of port 25."),
        });
    }
    findings
}

/// Returns the networks that Postfix lets relay.
fn trusted(host: &Host) -> Networks {
    let asked = host.command(["postconf", "-x", "-h", "mynetworks"]).run();
    Networks::parse(&asked.map(|captured| captured.stdout).unwrap_or_default())
}

/// Looks whether strangers' mail for some of our addresses is taken. No mail is
/// sent: it ends at its recipient.
pub fn accepts_local_mail(server: &Server, recipients: &[String]) -> Vec<Finding> {
    let ask = |recipient: &str| {
        let mut smtp: Smtp = server.call(25)?;
        smtp.ehlo(OURSELVES)?;
        smtp.mail(&stranger(domain_of(recipient)))?.require_success("MAIL FROM")?;
        smtp.rcpt(recipient)?.require_success(&format!("mail for {recipient}"))?;
        let _ = smtp.quit();
        Ok(())
    };
    let look = |recipient: &String| {
        let what = format!("Strangers' mail for {recipient} is taken");
        let finding = Finding::ok(what, TAKES).on([25]);
        let remedy = "On the host: mailprov apply; then see what Postfix says: journalctl -u \
                      'postfix*'";
        match ask(recipient) {
            Ok(()) => finding,
            Err(error) => unanswered(finding, &error, remedy),
        }
    };
    recipients.iter().map(look).collect()
}

/// Returns the recipients that are taken.
fn taken_ways(server: &Server, address: IpAddr, sender: &str, domain: &str) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    for ways in WAYS.chunks(AT_ONCE) {
        let mut smtp: Smtp = server.connections.connect(SocketAddr::new(address, 25), None)?;
        smtp.ehlo(OURSELVES)?;
        smtp.mail(sender)?.require_success("MAIL FROM")?;
        for way in ways {
            let way = way.replace("DOMAIN", domain).replace("HOST", &server.hostname);
            let reply = match smtp.rcpt(&way) {
                // A server that has had enough takes nothing either.
                Err(Error::Closed) => break,
                reply => reply?,
            };
            if reply.is_positive() {
                taken.push(way);
            }
        }
        let _ = smtp.quit();
    }
    Ok(taken)
}
