//! What only shows on the host itself: mail that waits, room, time, and what the
//! daemons complain of.

use std::path::Path;

use crate::finding::Finding;
use crate::host::{Host, Result, Unit};

/// As many mails may wait for a slow server elsewhere.
const MANY: usize = 50;

/// Postfix takes no mail with less room than this times the largest mail.
const LARGEST_MAILS: u64 = 2;

/// Where mail waits.
const QUEUE: &str = "/var/spool/postfix";

/// Where mail is.
const FOLDERS: [&str; 2] = ["/var/vmail", QUEUE];

/// The units of the daemons on all releases: Debian 12 runs Postfix as an
/// instance, 13 does not.
const UNITS: [&str; 3] = ["dovecot.service", "postfix.service", "postfix@-.service"];

/// So many complaints are shown.
const SHOWN: usize = 3;

/// Counts the mails that wait.
pub fn queue(host: &Host) -> Vec<Finding> {
    let finding = Finding::ok("Mail that waits to go on", "It is not where it should be.");
    let listed = host.command(["postqueue", "-j"]).run();
    vec![match listed {
        Err(error) => finding.wrong(error.to_string(), "mailprov apply starts Postfix."),
        // It then reads the queue by itself, and says so.
        Ok(captured) if captured.stderr.contains("system is down") => {
            finding.wrong("Postfix does not run, so nothing goes on", "mailprov apply starts it.")
        }
        Ok(captured) => {
            let waiting = captured.stdout.lines().count();
            let seen = match waiting {
                0 => "none".to_owned(),
                many => many.to_string(),
            };
            let see = "See which, and why: mailq";
            if waiting > MANY { finding.warning(seen, see) } else { finding.seen(seen) }
        }
    }]
}

/// Looks for room for mails of at most so many bytes, and for the reserve that is
/// kept from strangers.
pub fn disk(host: &Host, message_size: u64) -> Vec<Finding> {
    let reserve = reserve(host);
    let look = |folder: &str| {
        let why = "On a full disk no mail is taken.";
        let finding = Finding::ok(format!("Room in {folder}"), why);
        match host.space(Path::new(folder)) {
            Err(error) => finding.not_checked(error.to_string(), "mailprov apply makes it."),
            Ok(space) => {
                let seen = format!("{} MiB, {} %", space.free >> 20, space.free_percent);
                let remedy = format!("See what is large: du -xh --max-depth=2 {folder}");
                let files = space.files_percent;
                let put_off = match folder == QUEUE && space.free < reserve {
                    true => format!(
                        "; less than the {} MiB that are kept from strangers, whose mail is put off",
                        reserve >> 20
                    ),
                    false => String::new(),
                };
                if space.free < message_size * LARGEST_MAILS || files == 0 {
                    finding.wrong(seen, remedy)
                } else if space.free_percent < 10 || files < 5 || !put_off.is_empty() {
                    finding.warning(format!("{seen}; {files} % of the files{put_off}"), remedy)
                } else {
                    finding.seen(seen)
                }
            }
        }
    };
    FOLDERS.map(look).into()
}

/// Asks Postfix with how many bytes free it takes no mail of strangers; it is none
/// where it does not say.
fn reserve(host: &Host) -> u64 {
    let asked = host.command(["postconf", "-h", "queue_minfree"]).run();
    asked.ok().and_then(|said| said.stdout.trim().parse().ok()).unwrap_or_default()
}

/// Asks whether the clock is kept.
pub fn clock(host: &Host) -> Vec<Finding> {
    let why = "By a wrong clock certificates are invalid and mail is of tomorrow.";
    let finding = Finding::ok("The clock", why);
    let show = ["timedatectl", "show", "--property=NTPSynchronized", "--value"];
    vec![match host.command(show).run() {
        Ok(captured) if captured.stdout.trim() == "yes" => finding.seen("synchronized"),
        Ok(_) => finding.warning(
            "nothing sets it by a time server",
            "apt-get install systemd-timesyncd (a container has its host's clock: look there)",
        ),
        Err(error) => finding.not_checked(error.to_string(), "Compare it with another: date -u"),
    }]
}

/// Reads what the daemons complained of since they started.
pub fn log(host: &Host, units: &[Unit]) -> Vec<Finding> {
    let why = "What they complain of today does not work tomorrow.";
    let finding = Finding::ok("Warnings of Postfix and Dovecot since they started", why);
    let complaints = match complaints(host, units) {
        Ok(complaints) => complaints,
        Err(error) => return vec![finding.not_checked(error.to_string(), "See journalctl -b.")],
    };
    let Some(last) = complaints.last() else { return vec![finding.seen("none")] };
    let first = complaints.len().saturating_sub(SHOWN);
    let seen = match complaints.len() {
        1 => last.clone(),
        many => format!("{many}, the last of them:\n{}", complaints[first..].join("\n")),
    };
    let see = "See them all: journalctl -p warning -u dovecot -u 'postfix*'";
    vec![match complaints.iter().any(|line| is_error(line)) {
        true => finding.wrong(seen, see),
        false => finding.warning(seen, see),
    }]
}

fn complaints(host: &Host, units: &[Unit]) -> Result<Vec<String>> {
    let mut since = None;
    // A timer or a path has no process that could have started.
    for unit in units.iter().filter(|unit| unit.other_type().is_none()) {
        let started = host.main_process(unit)?.map(|process| process.started_at());
        since = match (since, started) {
            (Some(one), Some(other)) => Some(i64::min(one, other)),
            (one, other) => one.or(other),
        };
    }
    let since = since.unwrap_or_else(crate::host::now) / 1_000_000_000;
    let mut argv =
        vec!["journalctl".to_owned(), "--priority=warning".into(), "--output=cat".into()];
    argv.extend(["--no-pager".into(), "--quiet".into(), format!("--since=@{since}")]);
    argv.extend(UNITS.map(|unit| format!("--unit={unit}")));
    let captured = host.command(argv).run()?;
    Ok(captured.stdout.lines().filter(|line| is_own(line)).map(visible).collect())
}

fn visible(line: &str) -> String {
    crate::visible::visible(line)
}

/// Tells whether Dovecot could not do what it was there for, such as to put a
/// mail into its mailbox. What it only warns of, it did.
fn is_error(line: &str) -> bool {
    ["Error: ", "Fatal: ", "Panic: "].iter().any(|word| line.contains(word))
}

/// Tells whether it is about the server itself, not about what a stranger does
/// to it: of that there is plenty on each host that the world can reach.
fn is_own(line: &str) -> bool {
    const OF_STRANGERS: [&str; 9] = [
        "authentication failed",
        "does not resolve to address",
        "hostname verification failed",
        "TLS library problem",
        "non-SMTP command",
        "numeric hostname",
        "rip=",
        // How Dovecot tells that it was stopped, or reloaded, in order.
        "Killed with signal 15",
        "SIGHUP received - reloading",
    ];
    !OF_STRANGERS.iter().any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_do_is_no_complaint() {
        assert!(!is_own("warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x"));
        assert!(!is_own("warning: hostname a.example does not resolve to address 192.0.2.1"));
        assert!(is_own("warning: hash:/etc/postfix/virtual is unavailable. open database: x"));
        assert!(is_own("fatal: no SASL authentication mechanisms"));
    }
}
