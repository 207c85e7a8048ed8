//! A ManageSieve client (RFC 5804).

use std::io;
use std::net::TcpStream;

use base64ct::{Base64, Encoding};

use super::Tls;
use super::wire::Wire;

/// A session, from the greeting on. Each command returns the lines of the answer
/// before its last one, or an error with that one where it is not `OK`.
#[derive(Debug)]
pub struct ManageSieve {
    wire: Wire,
    greeting: Vec<String>,
}

impl ManageSieve {
    /// Reads the greeting.
    pub fn connect(stream: TcpStream) -> io::Result<Self> {
        let mut sieve = Self { wire: Wire::plain(stream)?, greeting: Vec::new() };
        sieve.greeting = sieve.answer()?;
        Ok(sieve)
    }

    /// Connects and goes over to TLS.
    pub fn connect_starttls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut sieve = Self::connect(stream)?;
        sieve.command("STARTTLS")?;
        sieve.wire.start_tls(tls)?;
        sieve.greeting = sieve.answer()?;
        Ok(sieve)
    }

    /// Returns what the server said that it can do.
    pub fn greeting(&self) -> &[String] {
        &self.greeting
    }

    /// Logs in.
    pub fn login(&mut self, user: &str, password: &str) -> io::Result<()> {
        let words = Base64::encode_string(format!("\0{user}\0{password}").as_bytes());
        self.command(&format!("AUTHENTICATE \"PLAIN\" \"{words}\"")).map(drop)
    }

    /// Stores a script and has it run.
    pub fn activate(&mut self, name: &str, script: &str) -> io::Result<()> {
        self.put(name, script)?;
        self.command(&format!("SETACTIVE \"{name}\"")).map(drop)
    }

    /// Stores a script.
    pub fn put(&mut self, name: &str, script: &str) -> io::Result<()> {
        let text = format!("{{{}+}}\r\n{script}", script.len());
        self.command(&format!("PUTSCRIPT \"{name}\" {text}")).map(drop)
    }

    /// Sends a line and reads the answer.
    pub fn command(&mut self, line: &str) -> io::Result<Vec<String>> {
        self.wire.write(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Vec<String>> {
        let mut lines = Vec::new();
        loop {
            let mut line = self.wire.read_line()?;
            if let Some((start, length)) = line.rsplit_once('{')
                && let Some(length) = length.strip_suffix('}').and_then(|it| it.parse().ok())
            {
                let text = self.wire.read_exact(length)?;
                line =
                    format!("{start}{}{}", String::from_utf8_lossy(&text), self.wire.read_line()?);
            }
            match line.split(' ').next() {
                Some("OK") => return Ok(lines),
                Some("NO" | "BYE") => return Err(io::Error::other(line)),
                _ => lines.push(line),
            }
        }
    }
}
