//! Checks that Dovecot accepts the right password on each port, and rejects a wrong one.

use super::plaintext_auth::plaintext_auth;
use crate::finding::{Finding, Rule, rules};
use crate::probe::{Error, Imap, ManageSieve, Pop3, Result, Tls, random};
use crate::secret::Secret;
use crate::services::checking::{
    Account, Check, Here, Port, Protocol, Quick, Server, not_asked, unanswered,
};

pub(super) static CHECKS: &[&Check] = &[&LOGIN];

static LOGIN: Check = Check {
    rule: Rule {
        id: "login",
        title: "Logins",
        reason: "People read and send with their password.",
    },
    rules: &[RULES],
    uses_ports: true,
    explains: false,
    here: Here::LoggedIn(|site, account| {
        let mut findings = login(&site.server, account, Login::WrongOnEachPort);
        let finding = Finding::of(&PLAINTEXT);
        findings.push(plaintext_auth(finding, &site.server, Some(site.host)));
        Ok(findings)
    }),
    outside: Some(|outside| {
        let server = outside.server()?;
        let mut findings = match &outside.person {
            Some(person) => login(server, &person.account, Login::WrongOncePerProtocol),
            None => Vec::new(),
        };
        findings.push(plaintext_auth(Finding::of(&PLAINTEXT), server, None));
        Ok(findings)
    }),
    quick: Some(Quick::LoggedIn(|server, account| login(server, account, Login::Right))),
};

rules! {
    RIGHT = "login.right-password", "The right password on port {}",
        "People read and send with their password.";
    WRONG = "login.wrong-password", "A wrong password on port {}",
        "An intruder reads people's mail and sends in their name.";
    PLAINTEXT = "login.plaintext", "Passwords without TLS",
        "A password that is sent in the clear can be read on the way.";
}

const LOOK: &str = "Run mailprov apply, then see what Dovecot says: journalctl -u dovecot";

/// The extent of a login check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    /// The right password, on ports where a login opens no mailbox: a POP3
    /// login would mark new mail as seen and create the folders of an unused
    /// mailbox; a ManageSieve login would create that of the scripts. Nothing
    /// that looks like an attack.
    Right,
    /// In addition a wrong one, once a protocol. Programs such as fail2ban ban
    /// clients that fail more often.
    WrongOncePerProtocol,
    /// In addition a wrong one on each port.
    WrongOnEachPort,
}

fn login(server: &Server, account: &Account, login: Login) -> Vec<Finding> {
    let (tls, wrong) = match (server.tls(), random()) {
        (Ok(tls), Ok(wrong)) => (tls, wrong),
        (Err(error), _) | (_, Err(error)) => {
            return vec![unanswered(Finding::of(&LOGIN.rule), &error, LOOK)];
        }
    };
    let (ports, _) = server.ports();
    let is_asked = |port: &Port| match login {
        Login::Right => {
            matches!((port.number, port.protocol), (465 | 587, _) | (_, Protocol::Imap))
        }
        _ => port.number != 25,
    };
    let secure: Vec<Port> = ports.iter().copied().filter(is_asked).collect();
    let is_tried = |port: &Port| match login {
        Login::Right => false,
        Login::WrongOncePerProtocol => port.implicit_tls,
        Login::WrongOnEachPort => true,
    };
    // Dovecot delays its reply to a wrong password, so all ports are tried in parallel.
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
    let finding = Finding::about(&RIGHT, port).on([port]);
    match entered {
        Ok(true) => finding.seen("accepted"),
        Ok(false) => finding.wrong("it is rejected", LOOK),
        Err(error) => unanswered(finding, &error, LOOK),
    }
}

fn of_wrong(port: u16, entered: Result<bool>) -> Finding {
    let finding = Finding::about(&WRONG, port).on([port]);
    match entered {
        Ok(false) => finding.seen("rejected"),
        Ok(true) => finding.wrong(
            "any password is accepted",
            "Stop Dovecot (systemctl stop dovecot) until `passdb` in /etc/dovecot/dovecot.conf and \
             `extra` in mail.yml are as they should be; mailprov apply puts the first back.",
        ),
        Err(error) => not_asked(finding, &error),
    }
}

/// Returns whether a login succeeds.
fn enter(
    server: &Server,
    port: Port,
    tls: &Tls,
    login: &str,
    password: &Secret<String>,
) -> Result<bool> {
    let outcome = match port.protocol {
        Protocol::Smtp => {
            let reply = server.submission(port, tls)?.auth_plain(login, password)?;
            return match reply.code {
                235 => Ok(true),
                535 => Ok(false),
                _ => Err(Error::refused("the login", reply.to_string())),
            };
        }
        Protocol::Imap => server.secure::<Imap>(port, tls)?.login(login, password),
        Protocol::Pop3 => server.secure::<Pop3>(port, tls)?.login(login, password),
        Protocol::ManageSieve => server.secure::<ManageSieve>(port, tls)?.login(login, password),
    };
    match outcome {
        Ok(()) => Ok(true),
        // With these codes the servers say that the password is not the cause:
        // `[UNAVAILABLE]`, `[SYS/TEMP]`, `(TRYLATER)`.
        Err(Error::Refused { words, .. })
            if !["UNAVAILABLE", "SYS/", "TRYLATER"].iter().any(|it| words.contains(it)) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
