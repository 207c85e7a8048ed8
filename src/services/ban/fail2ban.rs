//! What fail2ban says of its bans, asked with its own client.

use std::path::Path;

use super::Guesser;
use crate::host::{Captured, Host, Result};
use crate::visible::visible;

/// The part of fail2ban that is mailprov's, as /etc/fail2ban/jail.d/mailprov.conf
/// names it.
const JAIL: &str = "mailprov";

const CLIENT: &str = "/usr/bin/fail2ban-client";

/// An address that is shut out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    pub guesser: Guesser,
    /// When the ban began and will end, in the host's local time, as fail2ban prints
    /// them: `2026-11-22 17:03:51`.
    pub since: String,
    pub until: String,
    /// The name by which fail2ban knows it.
    id: String,
}

/// Returns the bans, the first that was made first; `None` if fail2ban does not run
/// with mailprov's part.
pub(crate) fn bans(host: &Host) -> Result<Option<Vec<Ban>>> {
    let asked = ask(host, &["get", JAIL, "banip", "--with-time"])?;
    Ok(asked.map(|answer| answer.stdout.lines().filter_map(ban).collect()))
}

/// Lifts a ban; `false` if there is none.
pub(crate) fn lift(host: &Host, ban: &Ban) -> Result<bool> {
    let asked = ask(host, &["set", JAIL, "unbanip", &ban.id])?;
    Ok(asked.is_some_and(|answer| answer.stdout.trim() == "1"))
}

/// Asks the running fail2ban, if there is one.
fn ask(host: &Host, words: &[&str]) -> Result<Option<Captured>> {
    if !host.exists(Path::new(CLIENT))? {
        return Ok(None);
    }
    let command = host.command([CLIENT].iter().chain(words).copied());
    let answer = command.capture()?;
    match answer.success() {
        true => Ok(Some(answer)),
        false if says_absent(&answer) => Ok(None),
        false => Err(command.failed(&answer)),
    }
}

/// Returns whether no fail2ban answers, or one without mailprov's part.
fn says_absent(answer: &Captured) -> bool {
    let all = format!("{}{}", answer.stdout, answer.stderr);
    ["Is fail2ban running?", "Unable to contact server", "does not exist"]
        .iter()
        .any(|words| all.contains(words))
}

/// Parses `192.0.2.7 <tab>2026-11-22 17:03:51 + 3600 = 2026-11-22 18:03:51`.
fn ban(line: &str) -> Option<Ban> {
    let (id, times) = line.split_once('\t')?;
    let (since, rest) = times.split_once(" + ")?;
    let (_, until) = rest.split_once(" = ")?;
    let id = id.trim();
    let text = |text: &str| visible(text.trim().as_bytes());
    let (since, until) = (text(since), text(until));
    Some(Ban { guesser: id.parse().ok()?, since, until, id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_fail2ban_is_a_ban() {
        let line = "fd89:1:1:7: \t2026-11-29 10:39:29 + 3600 = 2026-11-29 11:39:29";
        let ban = ban(line).unwrap();
        assert_eq!(ban.guesser.to_string(), "fd89:1:1:7::/64");
        assert_eq!((ban.id.as_str(), ban.until.as_str()), ("fd89:1:1:7:", "2026-11-29 11:39:29"));
        assert_eq!(super::ban("nonsense"), None);
    }
}
