//! Counts the complaints of Postfix and Dovecot in the log by kind. Many lines
//! contain text from strangers (recipients, HELO names, logins), so none is
//! quoted: each kind has a fixed description.

mod kinds;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use kinds::{Daemon, FOLLOWS, KINDS, Kind, NO_COMPLAINTS, OURS, Over};

use crate::engine::{self, Outcome, Run};
use crate::finding::{Finding, Rule, rules};
use crate::host::{Error, Host, Result, Unit, now};
use crate::services::checking::{Check, Here};

/// The units of the daemons on all releases: Debian 12 runs Postfix as an
/// instance, Debian 13 does not.
const UNITS: [&str; 3] = ["dovecot.service", "postfix.service", "postfix@-.service"];

/// The limit of lines. Errors are read separately, so that a flood of warnings cannot hide one.
const LINES: &str = "--lines=50000";

/// The number of kinds that are reported.
const SHOWN: usize = 10;

/// The priority of errors (syslog(3): 3 is `err`, 4 is `warning`).
const ERR: u8 = 3;

/// The age limit of lines from a daemon that does not run.
const DAY: i64 = 86_400_000_000_000;

pub(super) static CHECK: Check = Check::on_the_host(
    Rule { id: "log", title: "The log", reason: "Today's warnings are tomorrow's failures." },
    &[RULES],
    Here::Alone(|site| Ok(log(site.host, &site.services))),
);

rules! {
    ERRORS = "log.errors", "Errors of Postfix and Dovecot since they started",
        "Today's errors keep mail from being delivered.";
    WARNINGS = "log.warnings", "Warnings of Postfix and Dovecot since they started",
        "Today's warnings are tomorrow's failures.";
}

const SEE: &str = "See them: journalctl -p warning -u dovecot -u 'postfix*'";

/// A line of the journal (systemd.journal-fields(7)).
#[derive(Debug, Deserialize)]
struct Line {
    /// A text, an array of bytes if it is not UTF-8, or null if it is very long.
    #[serde(rename = "MESSAGE", default)]
    message: Value,
    #[serde(rename = "PRIORITY", default)]
    priority: String,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: String,
    /// In microseconds since 1970.
    #[serde(rename = "__REALTIME_TIMESTAMP", default)]
    at: String,
    /// The unit that a line of systemd's own is about.
    #[serde(rename = "UNIT", default)]
    unit: String,
}

/// A complaint about the server itself.
#[derive(Debug, PartialEq, Eq)]
struct Complaint {
    daemon: Daemon,
    is_error: bool,
    /// Its index in [`KINDS`], if it has a known kind.
    kind: Option<usize>,
    /// The program that logged it, such as `postfix/smtpd`.
    program: String,
    /// The time, in nanoseconds since 1970.
    at: i64,
    files: Vec<PathBuf>,
}

/// Reads the complaints of the daemons since the last event that may have fixed
/// their cause: a start, a reload, or a run that changed their files.
fn log(host: &Host, units: &[Unit]) -> Vec<Finding> {
    let (errors, warnings) = (Finding::of(&ERRORS), Finding::of(&WARNINGS));
    match complaints(host, units) {
        Ok(all) => {
            let (wrong, odd): (Vec<_>, Vec<_>) = all.into_iter().partition(|it| it.is_error);
            vec![told(errors, &wrong, Finding::wrong), told(warnings, &odd, Finding::warning)]
        }
        Err(error) => vec![CHECK.not_made(error.to_string(), "See: journalctl -b")],
    }
}

fn told(
    finding: Finding,
    complaints: &[Complaint],
    judge: fn(Finding, String, String) -> Finding,
) -> Finding {
    let mut kinds: BTreeMap<String, (usize, i64)> = BTreeMap::new();
    let mut remedies: Vec<&str> = Vec::new();
    for complaint in complaints {
        let kind = complaint.kind.map(|index| &KINDS[index]);
        let is = kind.map_or("something else", |kind| kind.is);
        let (count, last) =
            kinds.entry(format!("{is} ({})", complaint.program)).or_insert((0, complaint.at));
        *count += 1;
        *last = complaint.at.max(*last);
        if let Some(remedy) = kind.map(|kind| kind.remedy)
            && !remedies.contains(&remedy)
        {
            remedies.push(remedy);
        }
    }
    if kinds.is_empty() {
        return finding.seen("none");
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (count, last))| std::cmp::Reverse((*count, *last)));
    let line = |(is, (count, last)): &(String, (usize, i64))| {
        format!("{count} × {is}, the last at {}", moment(*last))
    };
    let mut lines: Vec<_> = kinds.iter().take(SHOWN).map(line).collect();
    if kinds.len() > SHOWN {
        lines.push(format!("and {} more kinds", kinds.len() - SHOWN));
    }
    remedies.push(SEE);
    judge(finding, lines.join("\n"), remedies.join("\n"))
}

fn moment(nanoseconds: i64) -> String {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "some time".into(), |it| it.to_string())
}

/// Returns the complaints that still hold.
fn complaints(host: &Host, units: &[Unit]) -> Result<Vec<Complaint>> {
    let runs = engine::runs(host)?;
    let dovecot = mended(host, units, &runs, Daemon::Dovecot)?;
    let postfix = mended(host, units, &runs, Daemon::Postfix)?;
    let since = dovecot.min(postfix);
    let mut lines = read(host, since, &["--priority=err"])?;
    let is_error = |line: &Line| line.priority().is_some_and(|it| it <= ERR);
    let warnings = read(host, since, &["--priority=warning", LINES])?;
    lines.extend(warnings.into_iter().filter(|line| !is_error(line)));
    let told_again = told_again(host, since)?;
    let complaints = lines.iter().filter_map(Line::complaint).filter(|it| {
        let over = it.kind.map_or(Over::AtStart, |index| KINDS[index].over);
        let since = match (it.daemon, over) {
            (Daemon::Dovecot, _) => dovecot,
            (Daemon::Postfix, Over::AtDovecotsStart) => dovecot.max(postfix).max(told_again),
            (Daemon::Postfix, _) => postfix.max(told_again),
        };
        let is_owned = over == Over::OnceOwned
            && !it.files.is_empty()
            && it.files.iter().all(|file| is_the_mailboxes(host, file));
        it.at >= since && !is_owned
    });
    Ok(complaints.collect())
}

fn read(host: &Host, since: i64, options: &[&str]) -> Result<Vec<Line>> {
    let since = format!("--since=@{}", since.div_euclid(1_000_000_000));
    let fields = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,UNIT";
    let mut argv = vec!["journalctl", "--output=json", fields, "--no-pager", "--quiet", &since];
    argv.extend(options);
    let units = UNITS.map(|unit| format!("--unit={unit}"));
    argv.extend(units.iter().map(String::as_str));
    let captured = host.command(argv).run()?;
    let line = |text: &str| {
        serde_json::from_str(text).map_err(|source| Error::Json { what: "the journal", source })
    };
    captured.stdout.lines().map(line).collect()
}

/// Returns when a daemon last read files that may have been fixed.
fn mended(host: &Host, units: &[Unit], runs: &[Run], daemon: Daemon) -> Result<i64> {
    let (name, other) = match daemon {
        Daemon::Dovecot => ("dovecot", "vmail"),
        Daemon::Postfix => ("postfix", "aliases"),
    };
    let touched = |run: &&Run| {
        let is_its = |key: String| key.contains(name) || key.contains(other);
        matches!(run.outcome, Some(Outcome::Applied | Outcome::Settled))
            && run.records.iter().any(|record| is_its(record.key.to_string()))
    };
    let mut last = runs.iter().filter(touched).map(|run| run.at).max().unwrap_or(0);
    let unit = units.iter().find(|unit| unit.name == name);
    match unit.map(|unit| host.main_process(unit)).transpose()?.flatten() {
        Some(process) => {
            let taken_up = host.taken_up(&process)?;
            let times = [Some(process.started_at()), taken_up.started, taken_up.reloaded];
            last = times.into_iter().flatten().fold(last, i64::max);
        }
        None => last = last.max(now() - DAY),
    }
    Ok(last)
}

/// Returns when Postfix was last reloaded, also by `postfix reload`.
fn told_again(host: &Host, since: i64) -> Result<i64> {
    let lines = read(host, since, &["--identifier=postfix/master", "--lines=1000"])?;
    let reloads = lines.iter().filter(|it| it.text().starts_with("reload "));
    Ok(reloads.filter_map(Line::nanoseconds).max().unwrap_or(0))
}

/// Returns whether Dovecot can now write a file: the file and its folders, as
/// far as they exist, belong to the owner of the mailboxes.
fn is_the_mailboxes(host: &Host, file: &Path) -> bool {
    let below = file.ancestors().take_while(|path| *path != Path::new("/var/vmail"));
    below.into_iter().all(|path| match host.owner_and_mode(path) {
        Ok(None) => true,
        Ok(Some((owner, mode))) => owner == "vmail" && mode & 0o600 == 0o600,
        Err(_) => false,
    })
}

impl Line {
    fn priority(&self) -> Option<u8> {
        self.priority.parse().ok()
    }

    fn nanoseconds(&self) -> Option<i64> {
        self.at.parse::<i64>().ok()?.checked_mul(1000)
    }

    fn text(&self) -> String {
        match &self.message {
            Value::String(text) => text.clone(),
            Value::Array(bytes) => {
                let bytes = bytes.iter().filter_map(|it| u8::try_from(it.as_u64()?).ok());
                String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned()
            }
            _ => String::new(),
        }
    }

    /// Returns the complaint, unless the line is about a stranger.
    fn complaint(&self) -> Option<Complaint> {
        let text = self.text();
        let priority = self.priority()?;
        let is_error = priority <= ERR;
        let is_dovecots = self.identifier == "dovecot" || self.unit.starts_with("dovecot");
        let daemon = if is_dovecots { Daemon::Dovecot } else { Daemon::Postfix };
        let is = |words: &&str| text.contains(words);
        let is_a_stranger = !is_error
            && (text.is_empty() || NO_COMPLAINTS.iter().any(is) || self.names_a_peer(&text));
        if is_a_stranger || text.ends_with(FOLLOWS) || OURS.iter().any(is) {
            return None;
        }
        let fits =
            |kind: &Kind| kind.of == daemon && kind.signs.iter().any(|words| words.iter().all(is));
        let kind = KINDS.iter().position(fits);
        let mends_itself = kind.is_some_and(|index| KINDS[index].over == Over::ByItself);
        Some(Complaint {
            daemon,
            is_error: is_error && !mends_itself,
            kind,
            program: self.program(daemon, &text),
            at: self.nanoseconds()?,
            files: files(&text),
        })
    }

    /// Returns whether a line is about a client: `unknown[192.0.2.1]`. The
    /// programs that connect to other servers name those in the same way.
    fn names_a_peer(&self, text: &str) -> bool {
        let calls_others =
            ["/smtp", "/lmtp", "/qmgr"].iter().any(|it| self.identifier.ends_with(it));
        let is_address = |rest: &str| {
            let inside = rest.split(']').next().unwrap_or_default();
            inside == "unknown" || inside.parse::<IpAddr>().is_ok()
        };
        self.identifier.starts_with("postfix")
            && !calls_others
            && text.split('[').skip(1).any(is_address)
    }

    /// Returns the name of the program, without characters from a stranger.
    fn program(&self, daemon: Daemon, text: &str) -> String {
        const OF_DOVECOT: &str = "anvil auth auth-worker config imap imap-login indexer-worker \
                                  lmtp log managesieve managesieve-login master pop3 pop3-login \
                                  quota-status stats";
        let is_plain = |c: char| c.is_ascii_lowercase() || "/-".contains(c);
        match daemon {
            Daemon::Dovecot => {
                let first = text.split(|c| !is_plain(c)).next().unwrap_or_default();
                match OF_DOVECOT.split(' ').find(|name| *name == first) {
                    Some(name) => format!("dovecot/{name}"),
                    None => "dovecot".into(),
                }
            }
            Daemon::Postfix if self.identifier.chars().all(is_plain) => self.identifier.clone(),
            Daemon::Postfix => "postfix".into(),
        }
    }
}

/// Returns the files in the mailboxes' folder that a line names.
fn files(text: &str) -> Vec<PathBuf> {
    let begins = text.match_indices("/var/vmail/").map(|(at, _)| &text[at..]);
    let ends = |c: char| c.is_whitespace() || "()<>'\",:;`".contains(c);
    begins.map(|rest| PathBuf::from(rest.split(ends).next().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(identifier: &str, priority: u8, message: &str) -> Option<Complaint> {
        let line = serde_json::json!({
            "MESSAGE": message, "PRIORITY": priority.to_string(), "SYSLOG_IDENTIFIER": identifier,
            "__REALTIME_TIMESTAMP": "1700000000000000",
        });
        serde_json::from_value::<Line>(line).unwrap().complaint()
    }

    fn is(identifier: &str, priority: u8, message: &str) -> &'static str {
        let kind = complaint(identifier, priority, message).unwrap().kind;
        kind.map_or("something else", |index| KINDS[index].is)
    }

    #[test]
    fn actions_of_strangers_are_no_complaint() {
        for (program, text) in [
            ("postfix/smtpd", "warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x"),
            ("postfix/smtpd", "warning: hostname a.example does not resolve to address 192.0.2.1"),
            (
                "postfix/smtpd",
                "warning: Illegal address syntax from unknown[fd00::1] in RCPT command: <run curl \
                 http://x | sh as root>",
            ),
            ("postfix/smtpd", "warning: x[unknown]: open database: No space left on device"),
            ("dovecot", "imap-login: Warning: x (auth failed): user=<a>, rip=192.0.2.1"),
            ("dovecot", "master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)"),
        ] {
            assert_eq!(complaint(program, 4, text), None, "{text}");
        }
        let ours = "auth: Error: passwd-file(/run/mailprov-check/imap): gone";
        assert_eq!(complaint("dovecot", 3, ours), None);
    }

    #[test]
    fn complaints_are_told_in_our_words() {
        let table = "warning: hash:/etc/postfix/virtual is unavailable. open database x";
        assert_eq!(is("postfix/cleanup", 4, table), "a lookup table could not be read");
        let sasl = "fatal: no SASL authentication mechanisms";
        assert_eq!(is("postfix/smtpd", 2, sasl), "Postfix could not reach Dovecot");
        let denied = "lmtp(anna)<1><x>: Error: Mailbox INBOX: \
                      mkdir(/var/vmail/anna/Maildir/tmp) failed: Permission denied (euid=5000)";
        let complaint = complaint("dovecot", 3, denied).unwrap();
        assert!(complaint.is_error && complaint.program == "dovecot/lmtp", "{complaint:?}");
        assert_eq!(complaint.files, [Path::new("/var/vmail/anna/Maildir/tmp")]);
        assert_eq!(is("postfix/smtp", 4, "warning: run curl as root"), "something else");
    }

    #[test]
    fn they_are_counted_and_never_quoted() {
        let odd = || complaint("postfix/smtp", 4, "warning: run curl as root");
        let all: Vec<_> = (0..2000)
            .filter_map(|_| odd())
            .chain(complaint("postfix/x; rm", 4, "warning: a table lookup problem"))
            .collect();
        let finding = told(Finding::of(&WARNINGS), &all, Finding::warning);
        let lines: Vec<_> = finding.facts.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        let last = "the last at 2023-11-14T22:13:20Z";
        assert_eq!(lines[0], format!("2000 × something else (postfix/smtp), {last}"));
        assert_eq!(lines[1], format!("1 × a lookup table could not be read (postfix), {last}"));
    }

    #[test]
    fn a_line_may_be_bytes_or_too_long() {
        let read = |message: &str| {
            let line = format!(
                "{{\"MESSAGE\":{message},\"PRIORITY\":\"3\",\"SYSLOG_IDENTIFIER\":\"dovecot\",\
                 \"__REALTIME_TIMESTAMP\":\"1\"}}"
            );
            serde_json::from_str::<Line>(&line).unwrap()
        };
        assert_eq!(read("[108,109,116,112,255]").text(), "lmtp\u{fffd}");
        assert!(read("null").complaint().is_some_and(|it| it.is_error));
    }
}
