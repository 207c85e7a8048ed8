//! Checks that the server does not relay mail of strangers, with all known tricks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::finding::{Finding, Rule, rules};
use crate::host::Host;
use crate::probe::{Error, OURSELVES, Result, Smtp};
use crate::services::checking::{
    Check, Here, Networks, Server, domain_of, family, not_asked, stranger, unanswered,
};

/// Recipients elsewhere. `DOMAIN` is a local domain and `HOST` the server's name.
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

/// The number of errors per connection after which Postfix delays its replies.
const AT_ONCE: usize = 8;

/// Addresses that belong to no host (RFC 5737, RFC 3849). A `mynetworks` that
/// contains one contains the whole internet.
const WORLD: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

pub(super) static CHECK: Check = Check {
    rule: Rule {
        id: "relay",
        title: "Relaying",
        reason: "Spammers use an open relay, and other servers soon reject its mail.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: false,
    here: Here::Alone(|site| {
        Ok(relay(&site.server, site.spec.directory.domains[0].as_str(), Some(site.host)))
    }),
    outside: Some(|outside| {
        let server = outside.server()?;
        let mut findings = accepts_local_mail(server, &outside.recipients());
        findings.extend(relay(server, outside.spec.directory.domains[0].as_str(), None));
        Ok(findings)
    }),
    quick: None,
};

rules! {
    CLOSED = "relay.closed", "Strangers cannot relay by {}",
        "Spammers use an open relay, and other servers soon reject its mail.";
    ACCEPTS = "relay.accepts", "Mail for {} from other servers",
        "This is how mail from other servers arrives.";
}

/// Tries every way over IPv4 and IPv6, with a stranger and the null sender as
/// sender. `domain` is one of the server's. No mail is sent: the session ends
/// after RCPT TO.
///
/// If the server is this `host`, the check connects from the host's own
/// address, which counts as a stranger's unless `mynetworks` contains it.
fn relay(server: &Server, domain: &str, host: Option<&Host>) -> Vec<Finding> {
    let trusted = host.map(trusted).unwrap_or_default();
    let mut findings = Vec::new();
    for by in ["IPv4", "IPv6"] {
        let finding = Finding::about(&CLOSED, by).on([25]);
        let address = server.addresses.iter().find(|address| family(**address) == by);
        let Some(&address) = address else {
            let seen = format!("the server has no {by} address");
            findings.push(finding.not_checked(seen, "Nothing to do, unless it should have one."));
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
                finding.seen(format!("{} ways are rejected at {address}", WAYS.len() * 2))
            }
            Ok(_) if is_trusted => finding.not_checked(
                format!("mynetworks holds {address}, which therefore may relay"),
                "Check from elsewhere: mailprov check --from-here",
            ),
            Ok(taken) => finding.wrong(
                format!("it accepts mail for {}", taken.join(", ")),
                "Look at mynetworks and smtpd_relay_restrictions (postconf -n), and at `extra` in \
                 mail.yml; mailprov apply puts back what is not from there.",
            ),
            Err(error) => not_asked(finding, &error),
        });
    }
    findings
}

/// Returns the networks that Postfix allows to relay.
fn trusted(host: &Host) -> Networks {
    let asked = host.command(["postconf", "-x", "-h", "mynetworks"]).run();
    Networks::parse(&asked.map(|captured| captured.stdout).unwrap_or_default())
}

/// Checks that mail from strangers for local addresses is accepted. No mail is
/// sent: the session ends after RCPT TO.
fn accepts_local_mail(server: &Server, recipients: &[String]) -> Vec<Finding> {
    let ask = |recipient: &str| {
        let mut smtp: Smtp = server.call(25)?;
        smtp.ehlo(OURSELVES)?;
        smtp.mail(&stranger(domain_of(recipient)))?.require_success("MAIL FROM")?;
        smtp.rcpt(recipient)?.require_success(&format!("mail for {recipient}"))?;
        let _ = smtp.quit();
        Ok(())
    };
    let look = |recipient: &String| {
        let finding = Finding::about(&ACCEPTS, recipient).on([25]);
        let remedy = "On the host, run mailprov apply, then see what Postfix says: journalctl -u \
                      'postfix*'";
        match ask(recipient) {
            Ok(()) => finding.seen("accepted"),
            Err(error) => unanswered(finding, &error, remedy),
        }
    };
    recipients.iter().map(look).collect()
}

fn taken_ways(server: &Server, address: IpAddr, sender: &str, domain: &str) -> Result<Vec<String>> {
    let mut taken = Vec::new();
    for ways in WAYS.chunks(AT_ONCE) {
        let mut smtp: Smtp = server.connections.connect(SocketAddr::new(address, 25), None)?;
        smtp.ehlo(OURSELVES)?;
        smtp.mail(sender)?.require_success("MAIL FROM")?;
        for way in ways {
            let way = way.replace("DOMAIN", domain).replace("HOST", &server.hostname);
            let reply = match smtp.rcpt(&way) {
                // A server that hangs up accepts nothing either.
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
