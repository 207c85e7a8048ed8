//! Checks that passwords are rejected before TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::finding::Finding;
use crate::host::Host;
use crate::probe::{Error, Imap, ManageSieve, OURSELVES, Pop3, Result, Session, Smtp, random};
use crate::services::checking::{Networks, Port, Protocol, Server};

const REMEDY: &str = "Run mailprov apply. If it finds nothing to do, look at `extra` in mail.yml: \
                      smtpd_tls_auth_only and smtpd_sasl_auth_enable of Postfix; ssl, \
                      auth_allow_cleartext (Debian 12: disable_plaintext_auth) and \
                      login_trusted_networks of Dovecot.";

/// Tries to send a password before TLS on each port without implicit TLS, with
/// every command for it. All must be rejected. The password that is sent is
/// made up.
///
/// Dovecot considers a connection secure if both its ends have the same
/// address. So if the server is this `host`, the check connects from another
/// address of its loopback network, which Dovecot treats like a stranger's. The
/// networks that Dovecot trusts are read from its configuration, because the
/// check cannot connect from them.
pub(super) fn plaintext_auth(finding: Finding, server: &Server, host: Option<&Host>) -> Finding {
    let trusted = host.map(trusted).unwrap_or_default();
    let from = host.map(|_| stranger(server.address()));
    let (ports, _) = server.ports();
    let ports: Vec<Port> = ports.into_iter().filter(|port| !port.implicit_tls).collect();
    let finding = finding.on(ports.iter().map(|port| port.number));
    let is_trusted = |port: &Port| {
        port.protocol != Protocol::Smtp && from.is_some_and(|from| trusted.hold(from))
    };
    let mut taken = Vec::new();
    let mut unasked = Vec::new();
    for port in &ports {
        if is_trusted(port) {
            unasked.push(format!(
                "port {} cannot be tested from here: login_trusted_networks holds the loopback",
                port.number
            ));
            continue;
        }
        match takes(server, *port, from) {
            Ok(None) => {}
            Ok(Some(word)) => {
                taken.push(format!("port {} accepts {word} without TLS", port.number))
            }
            Err(error) => unasked.push(format!("port {}: {error}", port.number)),
        }
    }
    let (world, neighbours): (Vec<_>, Vec<_>) = trusted.of_others().partition(|(_, world)| *world);
    let networks = |all: Vec<(String, bool)>| {
        let names: Vec<_> = all.into_iter().map(|(network, _)| network).collect();
        format!("Dovecot accepts them without TLS from {}", names.join(", "))
    };
    if !world.is_empty() {
        taken.push(networks(world));
    }
    if !taken.is_empty() {
        return finding.wrong(taken.join("; "), REMEDY);
    }
    if !unasked.is_empty() {
        return finding.not_checked(
            unasked.join("; "),
            "See the results under `ports`, and check from elsewhere: mailprov check --from-here",
        );
    }
    if !neighbours.is_empty() {
        return finding.warning(
            format!("{} (login_trusted_networks)", networks(neighbours)),
            "That is right if no stranger can listen in these networks.",
        );
    }
    let numbers: Vec<_> = ports.iter().map(|port| port.number.to_string()).collect();
    finding.seen(format!("rejected on ports {}", numbers.join(", ")))
}

/// Returns a loopback address from which to connect to another own address.
fn stranger(called: IpAddr) -> IpAddr {
    match called {
        IpAddr::V4(_) => Ipv4Addr::new(127, 0, 0, 2).into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

fn trusted(host: &Host) -> Networks {
    let asked = host.command(["doveconf", "-h", "login_trusted_networks"]).run();
    // If doveconf fails, Dovecot is not installed and trusts no network.
    Networks::parse(&asked.map(|captured| captured.stdout).unwrap_or_default())
}

/// Returns the command with which a port accepts a password before TLS, if it does.
fn takes(server: &Server, port: Port, from: Option<IpAddr>) -> Result<Option<&'static str>> {
    match port.protocol {
        Protocol::Smtp => by_smtp(call(server, port, from)?),
        Protocol::Imap => by_imap(call(server, port, from)?),
        Protocol::Pop3 => by_pop3(call(server, port, from)?),
        Protocol::ManageSieve => by_managesieve(call(server, port, from)?),
    }
}

fn call<S: Session>(server: &Server, port: Port, from: Option<IpAddr>) -> Result<S> {
    server.connections.connect_from(from, SocketAddr::new(server.address(), port.number))
}

fn by_smtp(mut smtp: Smtp) -> Result<Option<&'static str>> {
    let offers = smtp.ehlo(OURSELVES)?.iter().any(|line| line.starts_with("AUTH"));
    let word = (offers || smtp.begin_auth_plain()?).then_some("AUTH");
    let _ = smtp.quit();
    Ok(word)
}

fn by_imap(mut imap: Imap) -> Result<Option<&'static str>> {
    let is_offered = !imap.capabilities()?.iter().any(|it| it == "LOGINDISABLED");
    if is_offered || imap.login_with_password("mailprov.invalid", &random()?)? {
        return Ok(Some("LOGIN"));
    }
    let word = imap.begin_authenticate()?.then_some("AUTHENTICATE");
    let _ = imap.logout();
    Ok(word)
}

fn by_pop3(mut pop3: Pop3) -> Result<Option<&'static str>> {
    match pop3.user("mailprov.invalid") {
        Ok(()) => return Ok(Some("USER")),
        Err(Error::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let word = pop3.begin_auth()?.then_some("AUTH");
    let _ = pop3.quit();
    Ok(word)
}

fn by_managesieve(mut sieve: ManageSieve) -> Result<Option<&'static str>> {
    let offers = sieve.capability("SASL").is_some_and(|mechanisms| !mechanisms.is_empty());
    let word = (offers || sieve.begin_authenticate()?).then_some("AUTHENTICATE");
    let _ = sieve.logout();
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    #[test]
    fn each_word_by_which_a_password_is_taken_is_known() {
        let smtp = |script: &[u8]| {
            by_smtp(Smtp::connect(fake_server(&[b"220 a\r\n", script])).unwrap()).unwrap()
        };
        assert_eq!(smtp(b"250-a\r\n250 AUTH PLAIN\r\n221\r\n"), Some("AUTH"));
        assert_eq!(smtp(b"250 a\r\n334 \r\n501 x\r\n221\r\n"), Some("AUTH"));
        assert_eq!(smtp(b"250 a\r\n530 TLS first\r\n221\r\n"), None);
        let imap = |script: &[u8]| {
            by_imap(Imap::connect(fake_server(&[b"* OK a\r\n", script])).unwrap()).unwrap()
        };
        assert_eq!(imap(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nm1 OK\r\n"), Some("LOGIN"));
        let disabled = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nm1 OK\r\n";
        let then = |answers: &[u8]| imap(&[disabled, answers].concat());
        assert_eq!(then(b"m2 NO [AUTHENTICATIONFAILED] wrong\r\n"), Some("LOGIN"));
        assert_eq!(then(b"m2 NO [PRIVACYREQUIRED] no\r\n+ \r\nm3 BAD x\r\n"), Some("AUTHENTICATE"));
        assert_eq!(then(b"m2 NO [PRIVACYREQUIRED] no\r\nm3 NO no\r\nm4 OK\r\n"), None);
        let sieve = |greeting: &[u8], script: &[u8]| {
            let server = fake_server(&[greeting, script]);
            by_managesieve(ManageSieve::connect(server).unwrap()).unwrap()
        };
        let (offering, quiet) = (b"\"SASL\" \"PLAIN\"\r\nOK\r\n", b"\"SASL\" \"\"\r\nOK\r\n");
        assert_eq!(sieve(offering, b"OK\r\n"), Some("AUTHENTICATE"));
        assert_eq!(sieve(quiet, b"\"\"\r\nNO\r\nOK\r\n"), Some("AUTHENTICATE"));
        assert_eq!(sieve(quiet, b"NO (ENCRYPT-NEEDED)\r\nOK\r\n"), None);
        let pop3 = |script: &[u8]| {
            by_pop3(Pop3::connect(fake_server(&[b"+OK a\r\n", script])).unwrap()).unwrap()
        };
        assert_eq!(pop3(b"+OK\r\n"), Some("USER"));
        assert_eq!(pop3(b"-ERR [AUTH] no\r\n+ \r\n-ERR\r\n+OK\r\n"), Some("AUTH"));
        assert_eq!(pop3(b"-ERR [AUTH] no\r\n-ERR\r\n+OK\r\n"), None);
    }
}
