//! Answers Postfix: whether a mail of an account may go out (SMTPD_POLICY_README).
//! Postfix starts the program for each mail (spawn(8)), as a user of its own.
//!
//! The question is a list of `NAME=VALUE` lines with an empty one at its end. Senders,
//! recipients and names of computers in it are words of strangers: of all of it only the
//! account, by which the person logged in, and the number of recipients are read. Where
//! the program cannot tell, it lets the mail out, and Postfix logs why.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::bucket::Verdict;
use super::{ledger, limits, notice};
use crate::host::{self, Host};
use crate::mail::{Limit, Rate};

/// More than Postfix ever asks, even about a mail with the longest addresses.
const LONGEST: u64 = 64 * 1024;

/// What Postfix is to do.
const GO_ON: &str = "DUNNO";

/// Answers all questions on `input`.
pub(crate) fn answer(input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut input = BufReader::new(input);
    while let Some(question) = Question::read(&mut input)? {
        let (action, notice) = judge(&question);
        write!(output, "action={action}\n\n")?;
        output.flush()?;
        if let Some(rate) = notice {
            notice::send(&question.account, rate);
        }
    }
    Ok(())
}

/// The part of a question that matters.
#[derive(Debug, Default, PartialEq, Eq)]
struct Question {
    account: String,
    recipients: u32,
}

impl Question {
    /// Reads one; `None` at the end.
    fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut question = Self::default();
        let mut input = input.take(LONGEST);
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 || !line.ends_with(b"\n") {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&line);
            match text.trim_end_matches('\n').split_once('=') {
                Some(("sasl_username", account)) => question.account = account.to_owned(),
                Some(("recipient_count", count)) => {
                    question.recipients = count.parse().unwrap_or_default();
                }
                Some(_) => {}
                None if text == "\n" => return Ok(Some(question)),
                None => return Ok(None),
            }
        }
    }
}

/// Returns the action, and the limit if a notice is to be sent.
fn judge(question: &Question) -> (String, Option<Rate>) {
    if question.account.is_empty() || question.recipients == 0 {
        return (GO_ON.into(), None);
    }
    match count(question) {
        Ok(Some((rate, Verdict::Refused { wait, is_news }))) => {
            (refusal(rate, question.recipients, wait), is_news.then_some(rate))
        }
        Ok(_) => (GO_ON.into(), None),
        Err(error) => (format!("WARN the send limit is not kept: {}", in_a_line(&error)), None),
    }
}

fn count(question: &Question) -> host::Result<Option<(Rate, Verdict)>> {
    let host = Host::open(Path::new("/"))?;
    let text = host.read(Path::new(limits::FILE))?;
    let limit = text.and_then(|text| limits::of(&text.text(), &question.account));
    let Some(Limit::To(rate)) = limit else { return Ok(None) };
    let verdict = ledger::change(&host, &question.account, |bucket| {
        bucket.send(question.recipients, rate, now())
    })?;
    Ok(Some((rate, verdict)))
}

/// Returns the milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// Tells the mail program to try again later. It stands behind "Data command rejected: ".
fn refusal(Rate { recipients, period }: Rate, of_mail: u32, wait: Option<Duration>) -> String {
    let limit = format!("450 4.7.1 this account may send to {recipients} recipients in a {period}");
    match wait {
        Some(wait) => format!("{limit}; try again in {}", in_words(wait)),
        None => format!("{limit}, and this mail has {of_mail}"),
    }
}

/// Rounds up, as a try too early is refused again.
fn in_words(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60).max(1);
    match minutes {
        1 => "a minute".into(),
        2..=119 => format!("{minutes} minutes"),
        _ => format!("{} hours", minutes.div_ceil(60)),
    }
}

fn in_a_line(error: &host::Error) -> String {
    error.to_string().replace(|c: char| c.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Period;

    fn read(text: &[u8]) -> Vec<(String, u32)> {
        let mut input = text;
        let mut found = Vec::new();
        while let Some(question) = Question::read(&mut input).unwrap() {
            found.push((question.account, question.recipients));
        }
        found
    }

    #[test]
    fn a_question_is_of_an_account_and_has_a_number_of_recipients() {
        let text = b"request=smtpd_access_policy\nsender=a=b\xff@x\nrecipient_count=3\n\
                     sasl_username=thomas\nhelo_name=sasl_username=anna\n\nrecipient_count=x\n\n";
        assert_eq!(read(text), [("thomas".into(), 3), (String::new(), 0)]);
        // Cut off, no question, or without an end.
        assert_eq!(read(b"sasl_username=thomas\nrecipient_count=1\n"), []);
        assert_eq!(read(b"GET / HTTP/1.0\n\n"), []);
        assert_eq!(read(&b"x=".repeat(100_000)), []);
        assert_eq!(read(&b"x=y\n".repeat(100_000)), []);
    }

    #[test]
    fn mail_without_an_account_or_recipients_goes_on() {
        let text = b"recipient_count=1\nsasl_username=\n\nrecipient_count=0\nsasl_username=x\n\n";
        let mut output = Vec::new();
        answer(&text[..], &mut output).unwrap();
        assert_eq!(output, b"action=DUNNO\n\naction=DUNNO\n\n");
    }

    #[test]
    fn a_refusal_says_what_the_limit_is_and_when_to_try_again() {
        let rate = Rate { recipients: 500, period: Period::Day };
        let of = |seconds| refusal(rate, 900, Some(Duration::from_secs(seconds)));
        let limit = "450 4.7.1 this account may send to 500 recipients in a day";
        assert_eq!(of(0), format!("{limit}; try again in a minute"));
        assert_eq!(of(173), format!("{limit}; try again in 3 minutes"));
        assert_eq!(of(7201), format!("{limit}; try again in 3 hours"));
        assert_eq!(refusal(rate, 900, None), format!("{limit}, and this mail has 900"));
    }
}
