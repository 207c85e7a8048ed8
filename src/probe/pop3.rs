//! A POP3 client (RFC 1939), with STLS (RFC 2595).

use super::line_stream::{LineStream, Session};
use super::{Error, Result, Tls};
use crate::secret::Secret;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct Pop3 {
    stream: LineStream,
}

impl Session for Pop3 {
    fn greeted(stream: LineStream) -> Result<Self> {
        let mut pop3 = Self { stream };
        pop3.reply("the connection")?;
        Ok(pop3)
    }

    fn start_tls(&mut self, tls: &Tls) -> Result<()> {
        self.command("STLS", "STLS")?;
        self.stream.start_tls(tls)
    }

    fn stream(&self) -> &LineStream {
        &self.stream
    }
}

impl Pop3 {
    /// Logs in. A wrong password is refused.
    pub fn login(&mut self, user: &str, password: &Secret<String>) -> Result<()> {
        self.command("USER", &format!("USER {user}"))?;
        self.command("the login", &format!("PASS {}", password.expose())).map(drop)
    }

    /// Sends a user name, after which the server expects the password. Refused
    /// if the server accepts no password now.
    pub fn user(&mut self, name: &str) -> Result<()> {
        self.command("USER", &format!("USER {name}")).map(drop)
    }

    /// Returns whether the server accepts AUTH (RFC 5034). Sends no password.
    pub(crate) fn begin_auth(&mut self) -> Result<bool> {
        self.stream.send("AUTH PLAIN")?;
        let words = self.stream.words()?;
        if words.starts_with("+OK") {
            return Ok(true);
        }
        let is_asked = words.starts_with('+');
        if is_asked {
            self.stream.send("*")?;
            let _ = self.stream.words()?;
        }
        Ok(is_asked)
    }

    /// Returns the number of messages.
    pub fn stat(&mut self) -> Result<u32> {
        let words = self.command("STAT", "STAT")?;
        let number = words.split(' ').next().and_then(|number| number.parse().ok());
        number.ok_or_else(|| Error::odd("POP3", words))
    }

    /// Fetches a whole message.
    ///
    /// # Errors
    ///
    /// Also fails if there is no such message.
    pub fn retrieve(&mut self, number: u32) -> Result<Vec<u8>> {
        self.command("RETR", &format!("RETR {number}"))?;
        self.stream.until_dot()
    }

    /// Marks a message for deletion at the end of the session.
    pub fn delete(&mut self, number: u32) -> Result<()> {
        self.command("DELE", &format!("DELE {number}")).map(drop)
    }

    /// Quits, which deletes the marked messages.
    pub fn quit(mut self) -> Result<()> {
        self.command("QUIT", "QUIT").map(drop)
    }

    /// Sends a line and returns the text of the reply.
    fn command(&mut self, asked: &str, line: &str) -> Result<String> {
        self.stream.send(line)?;
        self.reply(asked)
    }

    fn reply(&mut self, asked: &str) -> Result<String> {
        let words = self.stream.words()?;
        let is = |status: &str| words.split(' ').next() == Some(status);
        if is("+OK") {
            return Ok(words["+OK".len()..].trim_start().to_owned());
        }
        match is("-ERR") {
            true => Err(Error::refused(asked, words)),
            false => Err(Error::odd("POP3", words)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    fn pop3(answers: &[u8]) -> Pop3 {
        Pop3::connect(fake_server(&[b"+OK ready\r\n", answers])).unwrap()
    }

    #[test]
    fn a_message_is_fetched_whole() {
        let mut pop3 = pop3(b"+OK 2 640\r\n+OK\r\nSubject: x\r\n\r\n..\r\n+OK\r\n.\r\n+OK\r\n");
        assert_eq!(pop3.stat().unwrap(), 2);
        assert_eq!(pop3.retrieve(1).unwrap(), b"Subject: x\r\n\r\n.\r\n+OK\r\n");
        pop3.delete(1).unwrap();
        assert!(matches!(pop3.quit(), Err(Error::Closed)));
    }

    #[test]
    fn a_no_is_an_error_that_shows_no_password() {
        let error = pop3(b"+OK\r\n-ERR [AUTH] wrong\r\n")
            .login("me", &Secret::new("hunter2".to_owned()))
            .unwrap_err();
        assert_eq!(error.to_string(), "the login was refused: -ERR [AUTH] wrong");
        let smuggled = Secret::new("a\r\nDELE 1".to_owned());
        let error = pop3(b"+OK\r\n").login("me", &smuggled).unwrap_err();
        assert!(matches!(error, Error::Unsendable), "{error:?}");
    }

    #[test]
    fn odd_answers_are_errors() {
        for odd in
            [&b"OK\r\n"[..], b"+OKAY\r\n", b"\r\n", b"+OK\r\n", b"+OK many\r\n", b"+OK -1\r\n"]
        {
            let error = pop3(odd).stat().unwrap_err();
            assert!(matches!(error, Error::Odd { .. }), "{odd:?}: {error:?}");
        }
        assert!(matches!(pop3(b"+OK\r\nhalf").retrieve(1), Err(Error::Closed)));
        assert!(matches!(Pop3::connect(fake_server(&[b"220 hi\r\n"])), Err(Error::Odd { .. })));
    }
}
