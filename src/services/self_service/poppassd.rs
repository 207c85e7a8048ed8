//! The words by which a web page has a password changed: those of poppassd, which webmails
//! know. The client names the account, its password and the new one, a line each; each is
//! answered by a number and a sentence that a person may read.

use std::io::{self, BufRead, BufReader, Read, Write};

use super::change::{Proved, Refusal, accepted, change, prove};
use crate::host::Host;
use crate::secret::Secret;
use crate::visible::visible;

/// More than the longest password, and than any name.
const LONGEST: u64 = 2048;

/// How many new passwords a client may offer.
const OFFERS: usize = 5;

/// Speaks with one client, and writes the outcome to `log`.
pub(crate) fn answer(
    host: &Host,
    input: impl Read,
    mut output: impl Write,
    mut log: impl Write,
) -> io::Result<()> {
    let mut input = BufReader::new(input);
    let mut say = |text: &str| {
        output.write_all(format!("{text}\r\n").as_bytes())?;
        output.flush()
    };
    let mut name: Option<String> = None;
    let mut proved: Option<Proved> = None;
    let mut offers = 0;
    say("200 Passwords are changed here.")?;
    while let Some(line) = read_line(&mut input)? {
        let Some(line) = line else { return say("500 The line is too long.") };
        let (word, value) = parts(line.expose());
        match (word.as_str(), &name, &proved) {
            ("quit", ..) => return say("200 Goodbye."),
            ("user", None, _) => match String::from_utf8(value) {
                Ok(text) if !text.trim().is_empty() && !text.chars().any(char::is_control) => {
                    name = Some(text.trim().to_owned());
                    say("200 Your current password, please.")?;
                }
                _ => say("500 This is no name of an account.")?,
            },
            ("pass", Some(account), None) => match prove(host, account, Secret::new(value)) {
                Ok(of) => {
                    proved = Some(of);
                    say("200 Your new password, please.")?;
                }
                Err(refusal) => {
                    told(&mut log, account, &refusal)?;
                    return say(&in_words(&refusal));
                }
            },
            ("newpass", Some(_), Some(of)) => {
                offers += 1;
                let text = String::from_utf8(value).map_err(|_| {
                    Refusal::Weak("The new password is not made of characters.".into())
                });
                let new = text.and_then(|text| accepted(of, &text));
                match new.and_then(|new| change(host, of, new)) {
                    Ok(()) => {
                        writeln!(log, "{} has a new password", of.login)?;
                        say("200 Your password is changed.")?;
                        proved = None;
                    }
                    Err(refusal) => {
                        told(&mut log, &of.login, &refusal)?;
                        say(&in_words(&refusal))?;
                        if offers == OFFERS || !matches!(refusal, Refusal::Weak(_)) {
                            return Ok(());
                        }
                    }
                }
            }
            _ => return say("500 First user, then pass, then newpass."),
        }
    }
    Ok(())
}

/// Reads a line; `Some(None)` is one that is too long, and `None` the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Option<Secret<Vec<u8>>>>> {
    let mut line = Vec::new();
    input.take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Ok(Some(None));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(Some(Secret::new(line))))
}

/// Returns the first word of a line, and the rest.
fn parts(line: &[u8]) -> (String, Vec<u8>) {
    let mut parts = line.splitn(2, |byte| *byte == b' ');
    let word = parts.next().unwrap_or_default().to_ascii_lowercase();
    (String::from_utf8_lossy(&word).into_owned(), parts.next().unwrap_or_default().to_vec())
}

/// Tells the administrator of faults that a person cannot mend, and of guesses.
fn told(log: &mut impl Write, account: &str, refusal: &Refusal) -> io::Result<()> {
    let account = visible(account);
    match refusal {
        Refusal::Wrong => writeln!(log, "a wrong password for {account}"),
        Refusal::TooOften(_) => writeln!(log, "too many tries for {account}"),
        Refusal::Broken(why) => writeln!(log, "{account}: {why}"),
        Refusal::Busy => writeln!(log, "{account}: another run is under way"),
        Refusal::Unsettled => {
            writeln!(log, "{account}: the accounts have just changed, or mailprov apply is due")
        }
        Refusal::Weak(_) => Ok(()),
    }
}

/// Answers the person.
fn in_words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Wrong => "500 The address or the current password is not right.".into(),
        Refusal::TooOften(wait) => {
            let minutes = wait.as_secs().div_ceil(60).max(1);
            let wait = if minutes == 1 { "a minute".into() } else { format!("{minutes} minutes") };
            format!("500 There were too many tries. Try again in {wait}.")
        }
        Refusal::Weak(sentence) => format!("500 {sentence}"),
        Refusal::Busy => {
            "500 The server is being changed at the moment. Try again in a few minutes.".into()
        }
        Refusal::Unsettled => {
            "500 The accounts are being changed at the moment. Try again in a few minutes.".into()
        }
        Refusal::Broken(_) => {
            "500 Passwords cannot be changed at the moment. Try again later.".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(text: &[u8]) -> String {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        let mut output = Vec::new();
        answer(&host, text, &mut output, io::sink()).unwrap();
        String::from_utf8(output).unwrap()
    }

    fn numbers(text: &[u8]) -> Vec<String> {
        spoken(text).lines().map(|line| line[..3].to_owned()).collect()
    }

    #[test]
    fn the_words_have_an_order() {
        assert_eq!(numbers(b""), ["200"]);
        assert_eq!(numbers(b"QUIT\r\n"), ["200", "200"]);
        assert_eq!(numbers(b"user thomas\r\nquit\n"), ["200", "200", "200"]);
        for early in ["pass x\n", "newpass x\n", "nonsense\n", "\n", "user a\nuser b\n"] {
            assert_eq!(numbers(early.as_bytes()).last().unwrap(), "500", "{early}");
        }
    }

    #[test]
    fn a_line_that_is_no_name_or_too_long_is_refused() {
        for name in [&b""[..], b" ", b"a\0b", b"\xff", b"a\tb"] {
            let line = [b"user ", name, b"\n"].concat();
            assert_eq!(numbers(&line), ["200", "500"], "{line:?}");
        }
        let long = format!("user {}\nquit\n", "x".repeat(5000));
        assert_eq!(numbers(long.as_bytes()), ["200", "500"]);
        // A line that ends without its end is none.
        assert_eq!(numbers(b"user thomas"), ["200", "500"]);
    }

    #[test]
    fn a_password_is_all_behind_the_first_space() {
        let of = |line: &[u8]| parts(line);
        assert_eq!(of(b"pass a b \"%$\t "), ("pass".into(), b"a b \"%$\t ".to_vec()));
        assert_eq!(of(b"PASS  a"), ("pass".into(), b" a".to_vec()));
        assert_eq!(of(b"pass"), ("pass".into(), Vec::new()));
    }
}
