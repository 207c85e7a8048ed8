//! Checks that an account can send only from its own addresses.

use crate::finding::{Finding, Rule, rules};
use crate::probe::{Result, Tls};
use crate::services::checking::{
    ANOTHER, Account, Check, Here, Port, Protocol, Reader, RoundTrip, SEE_PORTS, Server, not_asked,
    unanswered,
};
use crate::services::spam;

pub(super) static CHECK: Check =
    Check {
        rule: Rule {
            id: "spoofing",
            title: "Senders",
            reason: "An account must not write in the name of another person.",
        },
        rules: &[RULES],
        uses_ports: true,
        explains: false,
        here: Here::LoggedIn(|site, account| {
            let of_another = site.spec.directory.inbox().and_then(|inbox| inbox.of_another);
            let mut findings = as_others(&site.server, account, of_another.as_deref());
            if site.services.iter().any(|unit| unit.name == spam::UNIT) {
                findings.extend(disguised(&site.server, account, of_another.as_deref()));
            }
            findings.extend(without_login(&site.server, &account.address));
            Ok(findings)
        }),
        outside: Some(|outside| {
            let server = outside.server()?;
            let mut findings = without_login(server, &outside.recipients()[0]);
            findings.extend(outside.person.iter().flat_map(|person| {
                as_others(server, &person.account, person.of_another.as_deref())
            }));
            Ok(findings)
        }),
        quick: None,
    };

rules! {
    ACCOUNT = "spoofing.other-account", "Port {} rejects another account's address as MAIL FROM",
        "An account must not write in the name of another person.";
    FOREIGN = "spoofing.foreign-sender", "Port {} rejects a stranger's address as MAIL FROM",
        "An account must not write in the name of another person.";
    HEADER = "spoofing.header", "Port {} rejects another's address as From:",
        "Readers see From:, so an account must not write there in the name of another person.";
    UNAUTHENTICATED = "spoofing.unauthenticated", "Port {} rejects unauthenticated mail",
        "Without a login, strangers could write in the name of any account.";
}

/// Tries to send from another address after a login. No mail is sent: the
/// session ends after RCPT TO.
fn as_others(server: &Server, account: &Account, of_another: Option<&str>) -> Vec<Finding> {
    let tls = match server.tls() {
        Ok(tls) => tls,
        Err(error) => return vec![unanswered(Finding::of(&CHECK.rule), &error, SEE_PORTS)],
    };
    let (ports, _) = server.ports();
    let mut findings = Vec::new();
    for port in ports.into_iter().filter(|port| [465, 587].contains(&port.number)) {
        let senders = of_another.map(|it| (&ACCOUNT, it)).into_iter().chain([(&FOREIGN, ANOTHER)]);
        for (rule, sender) in senders {
            let finding = Finding::about(rule, port.number).on([port.number]);
            findings.push(match takes(server, port, &tls, account, sender) {
                Ok(false) => finding,
                Ok(true) => finding.wrong(
                    format!("{} may send as {sender}", account.address),
                    "Look at mua_sender_restrictions and smtpd_sender_login_maps (postconf -n), \
                     and at `extra` in mail.yml; mailprov apply puts back what is not from there.",
                ),
                Err(error) => {
                    finding.not_checked(error.to_string(), "See the results under `login`.")
                }
            });
        }
    }
    findings
}

/// Tries to send with a From: of another, with and without a sender in the
/// envelope. A mail that is accepted goes to the account itself, and is deleted.
fn disguised(server: &Server, account: &Account, of_another: Option<&str>) -> Vec<Finding> {
    let exchange = server.tls().and_then(|tls| Ok((RoundTrip::with(server)?, tls)));
    let (exchange, tls) = match exchange {
        Ok(exchange) => exchange,
        Err(error) => return vec![unanswered(Finding::of(&CHECK.rule), &error, SEE_PORTS)],
    };
    let from = of_another.unwrap_or(ANOTHER);
    let (ports, _) = server.ports();
    let mut findings = Vec::new();
    let mut taken = 0;
    for port in ports.into_iter().filter(|port| [465, 587].contains(&port.number)) {
        let mut take = |envelope: &str| -> Result<bool> {
            let smtp = server.submission(port, &tls)?;
            let is_taken = exchange.disguise(smtp, account, envelope, from)?;
            taken += usize::from(is_taken);
            Ok(is_taken)
        };
        let finding = Finding::about(&HEADER, port.number).on([port.number]);
        findings.push(match take(&account.address).and_then(|own| Ok(own | take("")?)) {
            Ok(false) => finding,
            Ok(true) => finding.wrong(
                format!("{} may write as {from}", account.address),
                "Look at smtpd_milters (postconf -n) and /etc/rspamd, and at `extra` in mail.yml; \
                 mailprov apply puts back what is not from there.",
            ),
            Err(error) => {
                finding.not_checked(error.to_string(), "See the results under `spam` and `login`.")
            }
        });
    }
    if taken > 0 {
        let reader = match server.speaks(Protocol::Imap) {
            true => Reader::Imap,
            false => Reader::Pop3,
        };
        let _ = exchange.read(account, reader, taken, &|| false);
        let _ = exchange.remove(account, reader);
    }
    findings
}

/// Returns whether the server accepts a mail with this sender.
fn takes(server: &Server, port: Port, tls: &Tls, account: &Account, sender: &str) -> Result<bool> {
    let mut smtp = server.submission(port, tls)?;
    smtp.auth_plain(&account.login, &account.password)?.require_success("the login")?;
    let taken = smtp.mail(sender)?.is_positive() && smtp.rcpt(&account.address)?.is_positive();
    let _ = smtp.quit();
    Ok(taken)
}

/// Tries to send on the submission ports without a login. `recipient` is a local address.
fn without_login(server: &Server, recipient: &str) -> Vec<Finding> {
    // No password is sent, so any certificate is accepted.
    let Ok(tls) = Tls::unverified(&server.hostname) else { return Vec::new() };
    let (ports, _) = server.ports();
    let mut findings = Vec::new();
    for port in ports.into_iter().filter(|port| [465, 587].contains(&port.number)) {
        let finding = Finding::about(&UNAUTHENTICATED, port.number).on([port.number]);
        let taken = server.submission(port, &tls).and_then(|mut smtp| {
            let taken = smtp.mail(recipient)?.is_positive() && smtp.rcpt(recipient)?.is_positive();
            let _ = smtp.quit();
            Ok(taken)
        });
        findings.push(match taken {
            Ok(false) => finding,
            Ok(true) => finding.wrong(
                format!("it accepts mail from {recipient} without a login"),
                "Look at mua_client_restrictions and mua_relay_restrictions (postconf -n), and at \
                 `extra` in mail.yml; mailprov apply puts back what is not from there.",
            ),
            Err(error) => not_asked(finding, &error),
        });
    }
    findings
}
