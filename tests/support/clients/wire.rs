//! A connection that speaks in lines, in the clear or over TLS.

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use mailprov::probe::LineStream;
use rustls::pki_types::CertificateDer;

use super::Tls;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The client's end of a connection.
#[derive(Debug)]
pub struct Wire(LineStream);

impl Wire {
    /// Speaks in the clear.
    pub fn plain(stream: TcpStream) -> io::Result<Self> {
        LineStream::over(stream, PATIENCE).map(Self).map_err(io::Error::other)
    }

    /// Speaks TLS from the first byte.
    pub fn tls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut wire = Self::plain(stream)?;
        wire.start_tls(tls)?;
        Ok(wire)
    }

    /// Goes over to TLS.
    pub fn start_tls(&mut self, tls: &Tls) -> io::Result<()> {
        self.0.start_tls(&tls.0).map_err(io::Error::other)
    }

    /// Returns the certificates that the server showed, its own first.
    pub fn peer_chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.chain()
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send_bytes(bytes).map_err(io::Error::other)
    }

    /// Reads a line and returns it without its end.
    pub fn read_line(&mut self) -> io::Result<String> {
        let line = self.0.line().map_err(io::Error::other)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// Reads so many bytes.
    pub fn read_exact(&mut self, length: u64) -> io::Result<Vec<u8>> {
        self.0.bytes(length).map_err(io::Error::other)
    }

    /// Reads until the server ends the connection.
    pub fn read_to_the_end(&mut self) -> io::Result<Vec<u8>> {
        self.0.until_the_end().map_err(io::Error::other)
    }

    /// Reads lines up to one with only a dot, and undoes the doubling of dots.
    pub fn read_until_dot(&mut self) -> io::Result<Vec<u8>> {
        self.0.until_dot().map_err(io::Error::other)
    }
}
