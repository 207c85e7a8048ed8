//! An SMTP client.

use std::fmt;
use std::io;
use std::net::TcpStream;

use base64ct::{Base64, Encoding};

use super::Tls;
use super::wire::Wire;

/// A session, from the greeting on.
#[derive(Debug)]
pub struct Smtp {
    wire: Wire,
    greeting: Reply,
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The code that begins each of its lines.
    pub code: u16,
    /// The text of its lines.
    pub lines: Vec<String>,
}

impl Reply {
    /// Returns the lines as one text.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Tells whether the server agrees or asks to go on.
    pub fn is_positive(&self) -> bool {
        self.code < 400
    }

    /// Asserts the code.
    #[track_caller]
    pub fn expect_code(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text())
    }
}

impl Smtp {
    /// Reads the greeting of a server that speaks in the clear first.
    pub fn connect(stream: TcpStream) -> io::Result<Self> {
        Self::greeted(Wire::plain(stream)?)
    }

    /// Reads the greeting of a server that speaks TLS at once.
    pub fn connect_tls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        Self::greeted(Wire::tls(stream, tls)?)
    }

    /// Connects, says `EHLO`, goes over to TLS and says `EHLO` again.
    pub fn connect_starttls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut smtp = Self::connect(stream)?;
        smtp.ehlo()?;
        let reply = smtp.starttls(tls)?;
        if reply.code != 220 {
            return Err(io::Error::other(reply.to_string()));
        }
        smtp.ehlo()?;
        Ok(smtp)
    }

    fn greeted(wire: Wire) -> io::Result<Self> {
        let mut smtp = Self { wire, greeting: Reply { code: 0, lines: Vec::new() } };
        smtp.greeting = smtp.reply()?;
        Ok(smtp)
    }

    /// Returns what the server said first.
    pub fn greeting(&self) -> &Reply {
        &self.greeting
    }

    /// Returns the connection, to learn about its TLS.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Says `EHLO` and returns the keywords, with their parameters.
    pub fn ehlo(&mut self) -> io::Result<Vec<String>> {
        let reply = self.command("EHLO client.test")?;
        Ok(reply.lines.into_iter().skip(1).collect())
    }

    /// Goes over to TLS, if the server agrees.
    pub fn starttls(&mut self, tls: &Tls) -> io::Result<Reply> {
        let reply = self.command("STARTTLS")?;
        if reply.code == 220 {
            self.wire.start_tls(tls)?;
        }
        Ok(reply)
    }

    /// Logs in by `AUTH PLAIN`.
    pub fn auth_plain(&mut self, user: &str, password: &str) -> io::Result<Reply> {
        let credentials = Base64::encode_string(format!("\0{user}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {credentials}"))
    }

    /// Logs in by `AUTH LOGIN`.
    pub fn auth_login(&mut self, user: &str, password: &str) -> io::Result<Reply> {
        for line in ["AUTH LOGIN", &Base64::encode_string(user.as_bytes())] {
            let reply = self.command(line)?;
            if reply.code != 334 {
                return Ok(reply);
            }
        }
        self.command(&Base64::encode_string(password.as_bytes()))
    }

    /// Names the sender; an empty one is the null sender.
    pub fn mail(&mut self, sender: &str) -> io::Result<Reply> {
        self.command(&format!("MAIL FROM:<{sender}>"))
    }

    /// Names a recipient.
    pub fn rcpt(&mut self, recipient: &str) -> io::Result<Reply> {
        self.command(&format!("RCPT TO:<{recipient}>"))
    }

    /// Sends a message, lines ended by CRLF, with dots doubled as needed.
    pub fn data(&mut self, message: &[u8]) -> io::Result<Reply> {
        let reply = self.command("DATA")?;
        if reply.code != 354 {
            return Ok(reply);
        }
        let mut stuffed = Vec::with_capacity(message.len() + 16);
        for line in message.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b".") {
                stuffed.push(b'.');
            }
            stuffed.extend(line);
        }
        if !stuffed.ends_with(b"\r\n") {
            stuffed.extend(b"\r\n");
        }
        stuffed.extend(b".\r\n");
        self.wire.write(&stuffed)?;
        self.reply()
    }

    /// Sends a whole mail; returns the first answer that is not positive, or
    /// the last one.
    pub fn send(&mut self, from: &str, to: &[&str], message: &[u8]) -> io::Result<Reply> {
        let reply = self.mail(from)?;
        if !reply.is_positive() {
            return Ok(reply);
        }
        for recipient in to {
            let reply = self.rcpt(recipient)?;
            if !reply.is_positive() {
                return Ok(reply);
            }
        }
        self.data(message)
    }

    /// Says goodbye.
    pub fn quit(mut self) -> io::Result<Reply> {
        self.command("QUIT")
    }

    /// Sends a line and returns the answer.
    pub fn command(&mut self, line: &str) -> io::Result<Reply> {
        self.raw(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    /// Sends bytes as they are, without waiting for an answer.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write(bytes)
    }

    /// Reads an answer.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let line = self.wire.read_line()?;
            let nonsense = || io::Error::other(format!("not an answer: {line}"));
            let code = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(nonsense)?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
    }
}
