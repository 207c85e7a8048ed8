//! Who is let in: whoever knows the password, and then under their own name
//! only.

use std::net::SocketAddr;

use super::exchange::{ANOTHER, OURSELVES};
use super::server::{Port, Protocol};
use super::{Account, Error, Imap, Pop3, Result, Server, Session, Smtp, Tls, random};
use crate::finding::Finding;
use crate::secret::Secret;

const RIGHT: &str = "People read and send with their password.";
const WRONG: &str = "Whoever gets in without it reads people's mail and sends in their name.";
const CLEAR: &str = "A password in the clear is read by anybody on the way.";
const SPOOF: &str = "Nobody who can log in may write in somebody else's name.";

const LOOK: &str = "mailprov apply; then see what Dovecot says: journalctl -u dovecot";

/// Logs in on each port with the right password and with a wrong one.
pub fn login(server: &Server, account: &Account) -> Vec<Finding> {
    let (Ok(tls), Ok(wrong)) = (server.tls(), random()) else { return Vec::new() };
    let (ports, _) = server.ports();
    let secure: Vec<Port> = ports.iter().copied().filter(|it| it.number != 25).collect();
    // Dovecot answers a wrong password late, so all ports are asked at once.
    let mut findings: Vec<Finding> = std::thread::scope(|scope| {
        let asked = secure.iter().map(|port| {
            let (tls, wrong) = (&tls, &wrong);
            scope.spawn(move || {
                let right = enter(server, *port, tls, &account.login, &account.password);
                let other = enter(server, *port, tls, &account.login, wrong);
                [of_right(port.number, right), of_wrong(port.number, other)]
            })
        });
        let asked: Vec<_> = asked.collect();
        asked.into_iter().filter_map(|it| it.join().ok()).flatten().collect()
    });
    findings.push(in_the_clear(server));
    findings
}

fn of_right(port: u16, entered: Result<bool>) -> Finding {
    let finding = Finding::ok(format!("The right password opens port {port}"), RIGHT);
    match entered {
        Ok(true) => finding,
        Ok(false) => finding.wrong("it is refused", LOOK),
        Err(error) => finding.wrong(error.to_string(), LOOK),
    }
}

fn of_wrong(port: u16, entered: Result<bool>) -> Finding {
    let finding = Finding::ok(format!("A wrong password does not open port {port}"), WRONG);
    match entered {
        Ok(false) => finding,
        Ok(true) => finding.wrong(
            "any password is taken",
            "Stop Dovecot (systemctl stop dovecot) until `passdb` in /etc/dovecot/dovecot.conf and \
             `extra` in mail.yml are as they should be; mailprov apply puts the first back.",
        ),
        Err(error) => finding.not_checked(error.to_string(), "See what is said of the ports."),
    }
}

/// Tells whether somebody is let in.
fn enter(
    server: &Server,
    port: Port,
    tls: &Tls,
    login: &str,
    password: &Secret<String>,
) -> Result<bool> {
    let at = SocketAddr::new(server.address(), port.number);
    let outcome = match port.protocol {
        Protocol::Smtp => {
            let reply = submission(at, port.at_once, tls)?.auth_plain(login, password)?;
            return match reply.code {
                235 => Ok(true),
                535 => Ok(false),
                _ => Err(Error::refused("the login", reply.to_string())),
            };
        }
        Protocol::Imap if port.at_once => Imap::connect_tls(at, tls)?.login(login, password),
        Protocol::Imap => {
            let mut imap = Imap::connect(at)?;
            imap.starttls(tls)?;
            imap.login(login, password)
        }
        Protocol::Pop3 if port.at_once => Pop3::connect_tls(at, tls)?.login(login, password),
        Protocol::Pop3 => {
            let mut pop3 = Pop3::connect(at)?;
            pop3.stls(tls)?;
            pop3.login(login, password)
        }
    };
    match outcome {
        Ok(()) => Ok(true),
        // Both say so where it is not the password: `[UNAVAILABLE]`, `[SYS/TEMP]`.
        Err(Error::Refused { words, .. })
            if !words.contains("UNAVAILABLE") && !words.contains("SYS/") =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Connects to a port for people.
fn submission(at: SocketAddr, at_once: bool, tls: &Tls) -> Result<Smtp> {
    let mut smtp = match at_once {
        true => Smtp::connect_tls(at, tls)?,
        false => {
            let mut smtp = Smtp::connect(at)?;
            smtp.ehlo(OURSELVES)?;
            smtp.starttls(tls)?;
            smtp
        }
    };
    smtp.ehlo(OURSELVES)?;
    Ok(smtp)
}

/// Looks whether a password is asked for before there is TLS.
fn in_the_clear(server: &Server) -> Finding {
    let finding = Finding::ok("No password is asked for in the clear", CLEAR);
    let asks = [25, 587].map(|port| {
        let mut smtp = Smtp::connect(SocketAddr::new(server.address(), port))?;
        Ok(smtp.ehlo(OURSELVES)?.iter().any(|line| line.starts_with("AUTH")))
    });
    let remedy = "mailprov apply; if that finds nothing to do, see smtpd_tls_auth_only and \
                  smtpd_sasl_auth_enable under `extra` in mail.yml.";
    match asks {
        [Ok(false), Ok(false)] => finding,
        [Ok(true), _] | [_, Ok(true)] => finding.wrong("Postfix offers AUTH without TLS", remedy),
        [Err(error), _] | [_, Err(error)] => {
            let error: Error = error;
            finding.not_checked(error.to_string(), "See what is said of the ports.")
        }
    }
}

/// Tries to send as somebody else, once logged in. No mail is sent: it ends at
/// its recipient.
pub fn spoofing(server: &Server, account: &Account, of_another: Option<&str>) -> Vec<Finding> {
    let Ok(tls) = server.tls() else { return Vec::new() };
    let mut findings = Vec::new();
    for (port, at_once) in [(465, true), (587, false)] {
        for sender in of_another.into_iter().chain([ANOTHER]) {
            let finding = Finding::ok(format!("Port {port} refuses mail as {sender}"), SPOOF);
            let at = SocketAddr::new(server.address(), port);
            findings.push(match takes(at, at_once, &tls, account, sender) {
                Ok(false) => finding,
                Ok(true) => finding.wrong(
                    format!("{} may send as {sender}", account.address),
                    "Look at mua_sender_restrictions and smtpd_sender_login_maps (postconf -n), \
                     and at `extra` in mail.yml; mailprov apply puts back what is not from there.",
                ),
                Err(error) => {
                    finding.not_checked(error.to_string(), "See what is said of the logins.")
                }
            });
        }
    }
    findings
}

/// Tells whether a mail with this sender would be taken.
fn takes(
    at: SocketAddr,
    at_once: bool,
    tls: &Tls,
    account: &Account,
    sender: &str,
) -> Result<bool> {
    let mut smtp = submission(at, at_once, tls)?;
    smtp.auth_plain(&account.login, &account.password)?.agreed("the login")?;
    let taken = smtp.mail(sender)?.is_positive() && smtp.rcpt(&account.address)?.is_positive();
    let _ = smtp.quit();
    Ok(taken)
}
