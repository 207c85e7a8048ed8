//! A POP3 client.

use std::io;
use std::net::TcpStream;

use super::Tls;
use super::wire::Wire;

/// A session, from the greeting on. Each command returns the server's words
/// after `+OK`, or an error with those after `-ERR`.
#[derive(Debug)]
pub struct Pop3 {
    wire: Wire,
}

impl Pop3 {
    /// Reads the greeting of a server that speaks in the clear first.
    pub fn connect(stream: TcpStream) -> io::Result<Self> {
        Self::greeted(Wire::plain(stream)?)
    }

    /// Reads the greeting of a server that speaks TLS at once.
    pub fn connect_tls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        Self::greeted(Wire::tls(stream, tls)?)
    }

    /// Connects and goes over to TLS.
    pub fn connect_stls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut pop3 = Self::connect(stream)?;
        pop3.stls(tls)?;
        Ok(pop3)
    }

    fn greeted(wire: Wire) -> io::Result<Self> {
        let mut pop3 = Self { wire };
        pop3.reply()?;
        Ok(pop3)
    }

    /// Returns the connection, to learn about its TLS.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Goes over to TLS.
    pub fn stls(&mut self, tls: &Tls) -> io::Result<()> {
        self.command("STLS")?;
        self.wire.start_tls(tls)
    }

    /// Returns what the server can do.
    pub fn capabilities(&mut self) -> io::Result<Vec<String>> {
        self.command("CAPA")?;
        self.lines()
    }

    /// Logs in.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<()> {
        self.command(&format!("USER {user}"))?;
        self.command(&format!("PASS {password}"))?;
        Ok(())
    }

    /// Returns the number and the size of each message.
    pub fn list(&mut self) -> io::Result<Vec<(u32, u64)>> {
        self.command("LIST")?;
        self.lines()?
            .iter()
            .map(|line| {
                let (number, size) = line.split_once(' ')?;
                Some((number.parse().ok()?, size.parse().ok()?))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| io::Error::other("not a list of messages"))
    }

    /// Fetches a whole message.
    pub fn retrieve(&mut self, number: u32) -> io::Result<Vec<u8>> {
        self.command(&format!("RETR {number}"))?;
        self.wire.read_until_dot()
    }

    /// Marks a message to be deleted at the end of the session.
    pub fn delete(&mut self, number: u32) -> io::Result<()> {
        self.command(&format!("DELE {number}")).map(drop)
    }

    /// Says goodbye, which deletes what is marked.
    pub fn quit(mut self) -> io::Result<()> {
        self.command("QUIT").map(drop)
    }

    /// Sends a line and reads the first line of the answer.
    pub fn command(&mut self, line: &str) -> io::Result<String> {
        self.wire.write(format!("{line}\r\n").as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<String> {
        let line = self.wire.read_line()?;
        match line.strip_prefix("+OK") {
            Some(words) => Ok(words.trim_start().to_owned()),
            None => Err(io::Error::other(line)),
        }
    }

    fn lines(&mut self) -> io::Result<Vec<String>> {
        let text = self.wire.read_until_dot()?;
        Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
    }
}
