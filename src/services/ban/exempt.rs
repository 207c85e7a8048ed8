//! The addresses that bans spare: those of this host itself (`check` tries wrong
//! passwords from them, and of one by IPv6 only the network is counted), and each from
//! which a person has logged in lately, to the mail server or by SSH. fail2ban asks
//! before it counts a failed login. An account of one's own is no licence to guess the
//! passwords of others: after hundreds of failures, a login to the mail server counts
//! no more.
//!
//! Much in the log is text of strangers. So lines are read from the unit of the daemon
//! alone. One of a login is parsed from its beginning up to the address: what may be a
//! stranger's comes after it. One of a failure is parsed from its end, as the name in it
//! comes before the address.

use std::net::{IpAddr, Ipv6Addr};

use serde::Deserialize;

use super::Guesser;
use crate::host::{Host, Result};

/// How long a login to the mail server counts, in journalctl's words.
const MAIL: &str = "--since=-24h";
/// How long a login by SSH counts: an administrator need not come each day.
const SSH: &str = "--since=-7d";

/// More failures than these in an hour are guesses, also if people log in from the
/// address: several mail programs with an old password make a hundred.
const GUESSES: usize = 300;
/// See [`GUESSES`].
const GUESSED: &str = "--since=-1h";

/// Lines of Dovecot, which Postfix asks about passwords.
const OF_DOVECOT: [&str; 2] = ["_SYSTEMD_UNIT=dovecot.service", "SYSLOG_IDENTIFIER=dovecot"];

/// Lines of Dovecot and of Postfix at the ports of people. (Debian 12 runs Postfix as
/// an instance.) No other user's program can write lines in their units.
const OF_MAIL: [&str; 6] = [
    "_SYSTEMD_UNIT=dovecot.service",
    "_SYSTEMD_UNIT=postfix.service",
    "_SYSTEMD_UNIT=postfix@-.service",
    "SYSLOG_IDENTIFIER=dovecot",
    "SYSLOG_IDENTIFIER=postfix/submission/smtpd",
    "SYSLOG_IDENTIFIER=postfix/submissions/smtpd",
];

/// Lines of sshd, which is another program from OpenSSH 9.8 on once a caller is there.
const OF_SSH: [&str; 3] = ["_UID=0", "SYSLOG_IDENTIFIER=sshd", "SYSLOG_IDENTIFIER=sshd-session"];

/// A line of the journal (systemd.journal-fields(7)).
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(rename = "MESSAGE")]
    message: String,
}

/// Returns whether bans spare a guesser.
pub(crate) fn is_exempt(host: &Host, guesser: Guesser) -> Result<bool> {
    let is_ours = is_loopback(guesser)
        || Host::addresses()?.into_iter().any(|address| Guesser::from(address) == guesser);
    let lines = |since, fields: &[&str], parse| lines(host, guesser, since, fields, parse);
    Ok(is_ours
        || lines(SSH, &OF_SSH, by_ssh)? > 0
        || lines(MAIL, &OF_MAIL, to_mail)? > 0 && lines(GUESSED, &OF_DOVECOT, failed)? <= GUESSES)
}

fn is_loopback(guesser: Guesser) -> bool {
    match guesser {
        Guesser::V4(address) => address.is_loopback(),
        Guesser::V6(_) => guesser == Guesser::from(IpAddr::from(Ipv6Addr::LOCALHOST)),
    }
}

/// Returns how many lines are about a guesser.
fn lines(
    host: &Host,
    guesser: Guesser,
    since: &str,
    fields: &[&str],
    parse: fn(&str) -> Option<IpAddr>,
) -> Result<usize> {
    let grep = format!("--grep={}", pattern(guesser));
    let mut argv = vec!["journalctl", "--output=json", "--output-fields=MESSAGE", "--no-pager"];
    argv.extend(["--quiet", since, &grep]);
    argv.extend(fields);
    // Without any such line the exit code is 1.
    let captured = host.command(argv).capture()?;
    let entries = captured.stdout.lines().filter_map(|line| serde_json::from_str(line).ok());
    Ok(entries
        .filter_map(|entry: Entry| parse(&entry.message))
        .filter(|address| Guesser::from(*address) == guesser)
        .count())
}

/// Returns an expression that fits all lines with an address of a guesser, for
/// journalctl to leave most others out.
fn pattern(guesser: Guesser) -> String {
    match guesser {
        Guesser::V4(address) => address.to_string().replace('.', "[.]"),
        Guesser::V6(network) => {
            // Groups of zeros may be written or not.
            let groups = network.segments();
            let all = groups.iter().rposition(|group| *group != 0).map_or(0, |last| last + 1);
            let until = groups.iter().position(|group| *group == 0).unwrap_or(all).min(all);
            groups[..until].iter().map(|group| format!("{group:x}:")).collect()
        }
    }
}

/// Returns the address of a login to the mail server.
fn to_mail(message: &str) -> Option<IpAddr> {
    at_dovecot(message).or_else(|| at_postfix(message))?.parse().ok()
}

/// `imap-login: Login: user=<thomas>, method=PLAIN, rip=192.0.2.7, …`, in Dovecot 2.4
/// `Logged in:`.
fn at_dovecot(message: &str) -> Option<&str> {
    let protocols = ["imap-login: ", "pop3-login: ", "managesieve-login: "];
    let said = protocols.iter().find_map(|protocol| message.strip_prefix(protocol))?;
    let said = said.strip_prefix("Login: user=<").or(said.strip_prefix("Logged in: user=<"))?;
    let (_, said) = said.split_once(">, method=")?;
    let (method, said) = said.split_once(", rip=")?;
    let (address, _) = said.split_once(',')?;
    is_word(method).then_some(address)
}

/// `4c7Qx51KzZz2x: client=name.example[192.0.2.7], sasl_method=PLAIN, sasl_username=…`,
/// at each mail of a person.
fn at_postfix(message: &str) -> Option<&str> {
    let (queue_id, said) = message.split_once(": client=")?;
    let (name, said) = said.split_once('[')?;
    let (address, said) = said.split_once("], sasl_method=")?;
    let (method, _) = said.split_once(", sasl_username=")?;
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    (is_word(queue_id) && is_name && is_word(method)).then_some(address)
}

/// `Accepted publickey for root from 192.0.2.7 port 50022 ssh2: …`
fn by_ssh(message: &str) -> Option<IpAddr> {
    let (_, said) = message.strip_prefix("Accepted ")?.split_once(" for ")?;
    let (_, said) = said.split_once(" from ")?;
    let (address, _) = said.split_once(" port ")?;
    address.parse().ok()
}

/// `auth: passwd-file(NAME,192.0.2.7,<SESSION>): Password mismatch`, in Dovecot 2.4
/// `auth(NAME,192.0.2.7,sasl:plain)<SESSION>: passwd-file: Password mismatch`.
fn failed(message: &str) -> Option<IpAddr> {
    let reasons = [": Password mismatch", ": unknown user"];
    let said = reasons.iter().find_map(|reason| message.strip_suffix(reason))?;
    let said = match said.strip_prefix("auth: passwd-file(") {
        Some(said) => without_session(said.strip_suffix(')')?).trim_end_matches(','),
        None => {
            let said = said.strip_prefix("auth(")?.strip_suffix(": passwd-file")?;
            without_session(said).strip_suffix(')')?.rsplit_once(",sasl:")?.0
        }
    };
    said.rsplit_once(',')?.1.parse().ok()
}

fn without_session(text: &str) -> &str {
    let before = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    before.map_or(text, |(before, _)| before)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(login: fn(&str) -> Option<IpAddr>, message: &str) -> Option<String> {
        login(message).map(|address| address.to_string())
    }

    #[test]
    fn a_login_has_an_address() {
        for (message, address) in [
            (
                "imap-login: Login: user=<thomas>, method=PLAIN, rip=192.0.2.7, lip=192.0.2.1, TLS",
                "192.0.2.7",
            ),
            (
                "managesieve-login: Logged in: user=<o@example.org>, method=LOGIN, \
                 rip=2001:db8::7, lip=::1",
                "2001:db8::7",
            ),
            (
                "4c7Qx51KzZz2x: client=unknown[192.0.2.7], sasl_method=PLAIN, sasl_username=thomas",
                "192.0.2.7",
            ),
        ] {
            assert_eq!(of(to_mail, message).as_deref(), Some(address), "{message}");
        }
        let accepted = "Accepted publickey for root from 2001:db8::7 port 50022 ssh2: ED25519 …";
        assert_eq!(of(by_ssh, accepted).as_deref(), Some("2001:db8::7"));
    }

    #[test]
    fn the_text_of_a_stranger_is_no_login() {
        for message in [
            "imap-login: Disconnected (auth failed): user=<x>, method=PLAIN, rip=192.0.2.7, lip=1",
            "imap-login: Disconnected: user=<imap-login: Login: user=<x>, method=PLAIN, \
             rip=192.0.2.7, x>, method=PLAIN, rip=198.51.100.1",
            "auth: passwd-file(Login: user=<x>, method=PLAIN, rip=192.0.2.7, x,198.51.100.1): no",
            "warning: unknown[198.51.100.1]: SASL PLAIN authentication failed: (reason \
             unavailable), sasl_username=A: client=x[192.0.2.7], sasl_method=PLAIN, \
             sasl_username=x",
            "NOQUEUE: reject: RCPT from x[198.51.100.1]: <A: client=x[192.0.2.7], \
             sasl_method=PLAIN, sasl_username=x>",
            "4c7Qx51KzZz2x: client=unknown[192.0.2.7]",
        ] {
            assert_eq!(of(to_mail, message), None, "{message}");
        }
        for message in [
            "Invalid user Accepted password for root from 192.0.2.7 port 1 from 198.51.100.1",
            "Failed password for root from 192.0.2.7 port 1 ssh2",
        ] {
            assert_eq!(of(by_ssh, message), None, "{message}");
        }
    }

    #[test]
    fn a_failure_is_of_the_caller_whatever_its_name_says() {
        let names = [
            "thomas",
            "x,192.0.2.1): Password mismatch",
            "x,192.0.2.1,<a>): unknown user",
            "x,192.0.2.1,sasl:plain)<a>: passwd-file: Password mismatch",
            "auth(x,192.0.2.1,sasl:plain)",
        ];
        for name in names {
            for message in [
                format!("auth: passwd-file({name},192.0.2.7,<aB+/=>): Password mismatch"),
                format!("auth: passwd-file({name},192.0.2.7): unknown user"),
                format!("auth({name},192.0.2.7,sasl:plain)<aB+/=>: passwd-file: unknown user"),
                format!("auth({name},192.0.2.7,sasl:login): passwd-file: Password mismatch"),
            ] {
                assert_eq!(of(failed, &message).as_deref(), Some("192.0.2.7"), "{message}");
            }
        }
        for message in [
            "auth: Error: passwd-file(x,192.0.2.7): Password mismatch in a file",
            "imap-login: Disconnected: user=<auth: passwd-file(x,192.0.2.7)>",
            "auth: passwd-file(thomas,192.0.2.7,<a>): Lookup",
        ] {
            assert_eq!(of(failed, message), None, "{message}");
        }
    }

    #[test]
    fn a_pattern_fits_all_forms_of_an_address() {
        for (guesser, expression) in [
            ("192.0.2.7", "192[.]0[.]2[.]7"),
            ("2001:db8:1:2::7", "2001:db8:1:2:"),
            ("2001:db8::7", "2001:db8:"),
            ("2001:0:0:5::7", "2001:"),
        ] {
            assert_eq!(pattern(guesser.parse().unwrap()), expression);
        }
    }
}
