//! A connection that speaks in lines, in the clear or over TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, ProtocolVersion, StreamOwned};

use super::Tls;

/// The client's end of a connection.
#[derive(Debug)]
pub struct Wire {
    stream: Option<BufReader<Stream>>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Speaks in the clear.
    pub fn plain(stream: TcpStream) -> Self {
        Self { stream: Some(BufReader::new(Stream::Plain(stream))) }
    }

    /// Speaks TLS from the first byte.
    pub fn tls(stream: TcpStream, tls: &Tls) -> io::Result<Self> {
        let mut wire = Self::plain(stream);
        wire.start_tls(tls)?;
        Ok(wire)
    }

    /// Goes over to TLS. What the server said in the clear after its consent
    /// is an error, as it could be anybody's.
    pub fn start_tls(&mut self, tls: &Tls) -> io::Result<()> {
        let stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        if !stream.buffer().is_empty() {
            return Err(io::Error::other("the server speaks on in the clear"));
        }
        let Stream::Plain(mut socket) = stream.into_inner() else {
            return Err(io::Error::other("this connection uses TLS already"));
        };
        let mut connection = ClientConnection::new(tls.config.clone(), tls.name.clone())
            .map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, socket)));
        self.stream = Some(BufReader::new(stream));
        Ok(())
    }

    /// Returns the TLS version in use; `None` in the clear.
    pub fn tls_version(&self) -> Option<ProtocolVersion> {
        self.session()?.protocol_version()
    }

    /// Returns the certificates that the server showed, its own first.
    pub fn peer_chain(&self) -> Vec<CertificateDer<'static>> {
        let chain = self.session().and_then(|session| session.peer_certificates());
        chain.unwrap_or_default().to_vec()
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.open()?.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Reads a line and returns it without its end.
    pub fn read_line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.open()?.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None if line.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            None => Err(io::Error::other(format!("a line without CRLF: {line:?}"))),
        }
    }

    /// Reads so many bytes.
    pub fn read_exact(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.open()?.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads lines up to one with only a dot, and undoes the doubling of dots.
    pub fn read_until_dot(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let mut line = Vec::new();
            self.open()?.read_until(b'\n', &mut line)?;
            match line.as_slice() {
                [] => return Err(io::ErrorKind::UnexpectedEof.into()),
                b".\r\n" => return Ok(text),
                line => text.extend(line.strip_prefix(b".").unwrap_or(line)),
            }
        }
    }

    fn session(&self) -> Option<&ClientConnection> {
        match self.stream.as_ref()?.get_ref() {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(&stream.conn),
        }
    }

    fn open(&mut self) -> io::Result<&mut BufReader<Stream>> {
        self.stream.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
