//! The page at which people change their password without a webmail: a web server passes
//! each request on to a process of its own, which knows no password and asks at the socket
//! where passwords are changed. `request` reads the request, `html` writes the page.

mod html;
mod request;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use html::Message;
use request::{Form, Request};

use super::tries::{self, Limit};
use crate::host::Host;
use crate::probe::call_local;

/// Where passwords are changed.
pub(super) const SOCKET: &str = "/run/mailprov-password.sock";

/// Longer than a change that waits for a run.
const PATIENCE: Duration = Duration::from_secs(80);

/// More than an answer.
const MOST_BYTES: u64 = 64 * 1024;

/// The tries of each address. systemd makes the folder.
const TRIES: &str = "/run/mailprov-password-page/tries";

/// The tries of an address, behind which there may be a family.
const OF_ADDRESS: Limit = Limit { at_once: 10, period: Duration::from_secs(30) };

/// An answer: its status, and the page.
type Answer = (&'static str, String);

/// Answers one request.
pub(crate) fn answer(host: &Host, input: impl Read, mut output: impl Write) -> io::Result<()> {
    let (is_head, (status, page)) = match request::read(input)? {
        Request::Show { is_head } => (is_head, ("200 OK", html::form("", None))),
        Request::Send { form, client } => (false, sent(host, &form, client)),
        Request::Refused(status) => (false, (status, html::refused(status))),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n\
         Content-Type: text/html; charset=utf-8\r\n\
         Content-Length: {}\r\n\
         Cache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n\
         Allow: GET, HEAD, POST\r\n\
         Connection: close\r\n\r\n",
        page.len()
    );
    output.write_all(head.as_bytes())?;
    if !is_head {
        output.write_all(page.as_bytes())?;
    }
    output.flush()
}

/// Has the password changed that a person asks for.
fn sent(host: &Host, form: &Form, client: Option<IpAddr>) -> Answer {
    let refused = |why: &str| {
        ("422 Unprocessable Content", html::form(&form.address, Some(Message::Error(why))))
    };
    if form.fields().iter().any(|field| field.contains(char::is_control)) {
        return refused("There is a line break or another control character in what you typed.");
    }
    if form.address.trim().is_empty() || form.current.is_empty() || form.new.is_empty() {
        return refused("Please fill in all fields.");
    }
    if form.new != form.again {
        return refused("You typed two different new passwords.");
    }
    let name = client.map_or_else(|| "unknown".to_owned(), network);
    let names = [(name.as_str(), &OF_ADDRESS)];
    let file = Path::new(TRIES);
    match tries::begin(host, file, &names) {
        Ok(None) => {}
        Ok(Some(_)) => {
            let why = "There were too many tries from your network. Try again in a minute.";
            let page = html::form(&form.address, Some(Message::Error(why)));
            return ("429 Too Many Requests", page);
        }
        Err(_) => return refused(BROKEN),
    }
    match change(form) {
        Ok(Ok(sentence)) => {
            // It only keeps the next one from waiting.
            let _ = tries::forget(host, file, &names, |_| false);
            ("200 OK", html::form("", Some(Message::Done(&sentence))))
        }
        Ok(Err(sentence)) => refused(&sentence),
        Err(_) => refused(BROKEN),
    }
}

const BROKEN: &str = "Passwords cannot be changed at the moment. Try again later.";

/// Asks for a change, and returns the sentence that comes of it.
fn change(form: &Form) -> io::Result<Result<String, String>> {
    let stream = call_local(Path::new(SOCKET), PATIENCE)?;
    talk(&stream, &stream, form)
}

fn talk(
    answers: impl Read,
    mut questions: impl Write,
    form: &Form,
) -> io::Result<Result<String, String>> {
    let mut answers = BufReader::new(answers.take(MOST_BYTES)).lines();
    let mut hear = || -> io::Result<Result<String, String>> {
        let line = answers.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
        let (number, sentence) = line.split_once(' ').unwrap_or((&line, ""));
        Ok(if number == "200" { Ok(sentence.to_owned()) } else { Err(sentence.to_owned()) })
    };
    if let Err(sentence) = hear()? {
        return Ok(Err(sentence));
    }
    let mut last = Ok(String::new());
    for (word, value) in
        [("user", form.address.trim()), ("pass", &form.current), ("newpass", &form.new)]
    {
        questions.write_all(format!("{word} {value}\r\n").as_bytes())?;
        last = hear()?;
        if last.is_err() {
            break;
        }
    }
    Ok(last)
}

/// Returns the network that counts as one: of IPv6, what one household gets at least.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        Form {
            address: " thomas ".into(),
            current: "a b".into(),
            new: "ü%$ \"'".into(),
            again: "ü%$ \"'".into(),
        }
    }

    #[test]
    fn each_word_waits_for_its_answer_and_the_last_sentence_counts() {
        let spoken = |answers: &str| {
            let mut questions = Vec::new();
            let said = talk(answers.as_bytes(), &mut questions, &form());
            (said, String::from_utf8(questions).unwrap())
        };
        let (said, questions) = spoken("200 a\r\n200 b\r\n200 c\r\n200 It is changed.\r\n");
        assert_eq!(said.unwrap().unwrap(), "It is changed.");
        assert_eq!(questions, "user thomas\r\npass a b\r\nnewpass ü%$ \"'\r\n");
        let (said, questions) = spoken("200 a\n200 b\n500 It is wrong.\n");
        assert_eq!(said.unwrap().unwrap_err(), "It is wrong.");
        assert!(!questions.contains("newpass"));
        assert!(spoken("").0.is_err() && spoken("200 a\n").0.is_err());
    }

    #[test]
    fn a_field_that_cannot_be_sent_is_refused_before() {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        let status = |form: &Form| sent(&host, form, None);
        let different = Form { again: "other".into(), ..form() };
        let split = Form { current: "a\nnewpass x".into(), ..form() };
        for (form, words) in [(different, "two different"), (split, "line break")] {
            let (status, page) = status(&form);
            assert!(status.starts_with("422") && page.contains(words), "{page}");
        }
    }

    #[test]
    fn a_household_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::"));
        assert_ne!(of("2001:db8:1:2::"), of("2001:db8:1:3::"));
    }
}
