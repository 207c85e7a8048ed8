//! An SMTP client (RFC 5321), with STARTTLS (RFC 3207) and AUTH (RFC 4954).

use super::line_stream::{LineStream, Session};
use super::{Error, OURSELVES, Result, Tls};
use crate::secret::Secret;
use crate::visible::visible;
use std::fmt;
use std::time::Duration;

/// The time limit of the reply to a mail. A spam filter whose resolver is silent takes up
/// to half of it.
const JUDGEMENT: Duration = Duration::from_secs(60);

/// The limit of lines in a reply.
const MOST_LINES: usize = 1000;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct Smtp {
    stream: LineStream,
}

/// A reply of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The code, 200 to 599, at the beginning of each line.
    pub code: u16,
    /// The texts of the lines.
    pub lines: Vec<String>,
}

impl Reply {
    /// Returns whether the reply is positive, or intermediate.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Returns whether the reply is a permanent refusal.
    pub(crate) fn is_final_refusal(&self) -> bool {
        self.code >= 500
    }

    /// Returns an error if the reply to `asked` is a refusal.
    pub(crate) fn require_success(self, asked: &str) -> Result<Self> {
        if self.is_positive() {
            return Ok(self);
        }
        Err(Error::refused(asked, self.to_string()))
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" "))
    }
}

impl Session for Smtp {
    fn greeted(stream: LineStream) -> Result<Self> {
        let mut smtp = Self { stream };
        smtp.reply()?.require_success("the connection")?;
        Ok(smtp)
    }

    /// After STARTTLS the capabilities must be queried again (RFC 3207, 4.2).
    fn start_tls(&mut self, tls: &Tls) -> Result<()> {
        self.ehlo(OURSELVES)?;
        self.command("STARTTLS")?.require_success("STARTTLS")?;
        self.stream.start_tls(tls)
    }

    fn stream(&self) -> &LineStream {
        &self.stream
    }
}

impl Smtp {
    /// Sends EHLO, and returns the extensions, such as `SIZE 1000`.
    ///
    /// # Errors
    ///
    /// Also fails if the server refuses the name.
    pub fn ehlo(&mut self, name: &str) -> Result<Vec<String>> {
        let mut lines = self.command(&format!("EHLO {name}"))?.require_success("EHLO")?.lines;
        // The first line is the name of the server.
        lines.remove(0);
        Ok(lines)
    }

    /// Logs in with AUTH PLAIN. The reply to a wrong password is not an error.
    pub fn auth_plain(&mut self, user: &str, password: &Secret<String>) -> Result<Reply> {
        self.command(&format!("AUTH PLAIN {}", super::sasl_plain(user, password).expose()))
    }

    /// Returns whether the server accepts AUTH PLAIN. Sends no password.
    pub(crate) fn begin_auth_plain(&mut self) -> Result<bool> {
        let is_asked = self.command("AUTH PLAIN")?.code == 334;
        if is_asked {
            let _ = self.command("*")?;
        }
        Ok(is_asked)
    }

    /// Sends MAIL FROM.
    pub fn mail(&mut self, from: &str) -> Result<Reply> {
        self.command(&format!("MAIL FROM:<{from}>"))
    }

    /// Sends RCPT TO.
    pub fn rcpt(&mut self, to: &str) -> Result<Reply> {
        self.command(&format!("RCPT TO:<{to}>"))
    }

    /// Sends a mail with any kind of line ends, and returns the final reply.
    pub fn data(&mut self, message: &str) -> Result<Reply> {
        let ready = self.command("DATA")?;
        if ready.code != 354 {
            return Ok(ready);
        }
        let mut text = String::new();
        for line in message.lines() {
            if line.starts_with('.') {
                text.push('.');
            }
            text.push_str(line);
            text.push_str("\r\n");
        }
        text.push_str(".\r\n");
        self.stream.send_bytes(text.as_bytes())?;
        self.stream.wait_for_answer(JUDGEMENT)?;
        self.reply()
    }

    /// Quits.
    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT").map(drop)
    }

    fn command(&mut self, line: &str) -> Result<Reply> {
        self.stream.send(line)?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply> {
        let mut reply: Option<Reply> = None;
        loop {
            let line = self.stream.line()?;
            let odd = || Error::odd("SMTP", visible(&line));
            let (code, more, words) = parse(&line).ok_or_else(odd)?;
            let reply = reply.get_or_insert(Reply { code, lines: Vec::new() });
            if reply.code != code {
                return Err(odd());
            }
            reply.lines.push(words);
            if !more {
                return Ok(reply.clone());
            }
            if reply.lines.len() == MOST_LINES {
                return Err(Error::TooLong);
            }
        }
    }
}

/// Parses `CODE TEXT`, or `CODE-TEXT` on a line that is not the last.
fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    let (more, words) = match rest {
        [] => (false, &[][..]),
        [b' ', words @ ..] => (false, words),
        [b'-', words @ ..] => (true, words),
        _ => return None,
    };
    (200..600).contains(&code).then(|| (code, more, visible(words)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    fn ehlo(script: &[u8]) -> Result<Vec<String>> {
        Smtp::connect(fake_server(&[b"220 mail.example.org ESMTP\r\n", script]))?.ehlo("me")
    }

    #[test]
    fn an_answer_has_one_line_or_many() {
        assert_eq!(ehlo(b"250 mail\r\n").unwrap(), [""; 0]);
        assert_eq!(
            ehlo(b"250-mail\r\n250-SIZE 5\r\n250 STARTTLS\r\n").unwrap(),
            ["SIZE 5", "STARTTLS"]
        );
        assert_eq!(ehlo(b"250\r\n").unwrap(), [""; 0]);
    }

    #[test]
    fn a_no_is_an_error_where_there_is_no_going_on() {
        let error = ehlo(b"502 5.5.1 no \x1b[31m thanks\r\n").unwrap_err().to_string();
        assert_eq!(error, "EHLO was refused: 502 5.5.1 no \\u{1b}[31m thanks");
        let busy = Smtp::connect(fake_server(&[b"421 busy\r\n"])).unwrap_err();
        assert!(matches!(busy, Error::Refused { .. }), "{busy:?}");
    }

    #[test]
    fn odd_answers_are_errors() {
        for odd in [
            &b"25\r\n"[..],
            b"\r\n",
            b"99 x\r\n",
            b"999 x\r\n",
            b"+25 x\r\n",
            b"250_x\r\n",
            b"250-x\r\n251 y\r\n",
            b"\xff\xfe\xfd x\r\n",
            b"\xc3\xa9\xc3\xa9 x\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
        ] {
            let error = ehlo(odd).unwrap_err();
            assert!(matches!(error, Error::Odd { .. }), "{odd:?}: {error:?}");
        }
        assert!(matches!(ehlo(b"250-half\r\n"), Err(Error::Closed)));
        assert!(matches!(ehlo(&b"250-again\r\n".repeat(2000)), Err(Error::TooLong)));
    }

    #[test]
    fn an_address_cannot_carry_a_command() {
        let mut smtp = Smtp::connect(fake_server(&[b"220 hello\r\n"])).unwrap();
        assert!(matches!(smtp.rcpt("a>\r\nDATA"), Err(Error::Unsendable)));
    }
}
