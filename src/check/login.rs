//! Who is let in: whoever knows the password, and then under their own name
//! only.

use super::round_trip::ANOTHER;
use super::server::{Port, Protocol};
use super::{Account, Server, unanswered};
use crate::finding::Finding;
use crate::probe::{Error, Imap, OURSELVES, Pop3, Result, Smtp, Tls, random};
use crate::secret::Secret;

const RIGHT: &str = "People read and send with their password.";
const WRONG: &str = "Whoever gets in without it reads people's mail and sends in their name.";
const SPOOF: &str = "Nobody who can log in may write in somebody else's name.";

const LOOK: &str = "mailprov apply; then see what Dovecot says: journalctl -u dovecot";

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// The right password, where that opens no mailbox: by POP3 it would take
    /// new mail for seen, and make the folders of a mailbox that has had none.
    /// And nothing that would look like an attack.
    Right,
    /// Also a wrong one, once a protocol: whoever fails more often is soon kept
    /// out by programs like fail2ban.
    WrongOncePerProtocol,
    /// Also a wrong one on each port.
    WrongOnEachPort,
}

/// Logs in on each port.
pub fn login(server: &Server, account: &Account, login: Login) -> Vec<Finding> {
    let (tls, wrong) = match (server.tls(), random()) {
        (Ok(tls), Ok(wrong)) => (tls, wrong),
        (Err(error), _) | (_, Err(error)) => {
            return vec![unanswered(Finding::ok("Logins", RIGHT), &error, LOOK)];
        }
    };
    let (ports, _) = server.ports();
    let is_asked = |port: &Port| match login {
        Login::Right => port.number != 25 && port.protocol != Protocol::Pop3,
        _ => port.number != 25,
    };
    let secure: Vec<Port> = ports.iter().copied().filter(is_asked).collect();
    let is_tried = |port: &Port| match login {
        Login::Right => false,
        Login::WrongOncePerProtocol => port.implicit_tls,
        Login::WrongOnEachPort => true,
    };
    // Dovecot answers a wrong password late, so all ports are asked at once.
    std::thread::scope(|scope| {
        let asked = secure.iter().map(|port| {
            let (tls, wrong) = (&tls, &wrong);
            scope.spawn(move || {
                let right = enter(server, *port, tls, &account.login, &account.password);
                let mut findings = vec![of_right(port.number, right)];
                if is_tried(port) {
                    let other = enter(server, *port, tls, &account.login, wrong);
                    findings.push(of_wrong(port.number, other));
                }
                findings
            })
        });
        let asked: Vec<_> = asked.collect();
        asked.into_iter().filter_map(|it| it.join().ok()).flatten().collect()
    })
}

fn of_right(port: u16, entered: Result<bool>) -> Finding {
    let finding = Finding::ok(format!("The right password opens port {port}"), RIGHT).on([port]);
    match entered {
        Ok(true) => finding,
        Ok(false) => finding.wrong("it is refused", LOOK),
        Err(error) => unanswered(finding, &error, LOOK),
    }
}

fn of_wrong(port: u16, entered: Result<bool>) -> Finding {
    let finding = Finding::ok(format!("A wrong password does not open port {port}"), WRONG);
    let finding = finding.on([port]);
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
    let outcome = match port.protocol {
        Protocol::Smtp => {
            let reply = submission(server, port, tls)?.auth_plain(login, password)?;
            return match reply.code {
                235 => Ok(true),
                535 => Ok(false),
                _ => Err(Error::refused("the login", reply.to_string())),
            };
        }
        Protocol::Imap => server.secure::<Imap>(port, tls)?.login(login, password),
        Protocol::Pop3 => server.secure::<Pop3>(port, tls)?.login(login, password),
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
fn submission(server: &Server, port: Port, tls: &Tls) -> Result<Smtp> {
    let mut smtp: Smtp = server.secure(port, tls)?;
    smtp.ehlo(OURSELVES)?;
    Ok(smtp)
}

/// Tries to send as somebody else, once logged in. No mail is sent: it ends at
/// its recipient.
pub fn spoofing(server: &Server, account: &Account, of_another: Option<&str>) -> Vec<Finding> {
    let tls = match server.tls() {
        Ok(tls) => tls,
        Err(error) => return vec![unanswered(Finding::ok("Senders", SPOOF), &error, LOOK)],
    };
    let (ports, _) = server.ports();
    let mut findings = Vec::new();
    for port in ports.into_iter().filter(|port| [465, 587].contains(&port.number)) {
        for sender in of_another.into_iter().chain([ANOTHER]) {
            let what = format!("Port {} refuses mail as {sender}", port.number);
            let finding = Finding::ok(what, SPOOF).on([port.number]);
            findings.push(match takes(server, port, &tls, account, sender) {
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
fn takes(server: &Server, port: Port, tls: &Tls, account: &Account, sender: &str) -> Result<bool> {
    let mut smtp = submission(server, port, tls)?;
    smtp.auth_plain(&account.login, &account.password)?.require_success("the login")?;
    let taken = smtp.mail(sender)?.is_positive() && smtp.rcpt(&account.address)?.is_positive();
    let _ = smtp.quit();
    Ok(taken)
}

/// Tries to send by the ports for people without logging in. `recipient` is one
/// of ours.
pub fn without_login(server: &Server, recipient: &str) -> Vec<Finding> {
    // No password is sent, so any certificate will do.
    let Ok(tls) = Tls::unverified(&server.hostname) else { return Vec::new() };
    let (ports, _) = server.ports();
    let mut findings = Vec::new();
    for port in ports.into_iter().filter(|port| [465, 587].contains(&port.number)) {
        let what = format!("Port {} refuses mail of who is not logged in", port.number);
        let finding = Finding::ok(what, SPOOF).on([port.number]);
        let taken = submission(server, port, &tls).and_then(|mut smtp| {
            let taken = smtp.mail(recipient)?.is_positive() && smtp.rcpt(recipient)?.is_positive();
            let _ = smtp.quit();
            Ok(taken)
        });
        findings.push(match taken {
            Ok(false) => finding,
            Ok(true) => finding.wrong(
                format!("anybody may send as {recipient}"),
                "Look at mua_client_restrictions and mua_relay_restrictions (postconf -n), and at \
                 `extra` in mail.yml; mailprov apply puts back what is not from there.",
            ),
            Err(error) => finding.not_checked(error.to_string(), "See what is said of the ports."),
        });
    }
    findings
}
