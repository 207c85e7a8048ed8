//! A connection of lines, with limits on the time of an answer, the length of a
//! line, and the length of an answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::TcpStreamExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, StreamOwned};

use super::{Error, Result, Tls};
use crate::visible::visible;

/// The time limit of an answer. Dovecot delays the reply to repeated failed
/// logins for up to half as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time limit of a connection. A lost packet is sent again after one second
/// and after three; a server that still has not answered is behind a firewall.
const CONNECTION: Duration = Duration::from_secs(5);

/// The time limits of TLS and greeting. A healthy server is immediate, but some
/// delay the greeting for strangers by six seconds, and one whose resolver is silent
/// looks the client up for ten.
const GREETING: Duration = Duration::from_secs(15);

/// The limit of a line in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

/// The limit of an answer in bytes.
pub(super) const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// The client's end of a connection.
#[derive(Debug)]
pub struct LineStream {
    /// `None` during the switch to TLS, and after it failed.
    stream: Option<BufReader<Stream>>,
    patience: Duration,
    /// The bytes that are left of the current answer's limit.
    left: u64,
}

#[derive(Debug)]
enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

/// A socket with a deadline for all operations.
#[derive(Debug)]
struct Timed {
    socket: TcpStream,
    end: Instant,
}

/// A session in one of the protocols, beginning with the greeting.
pub trait Session: Sized {
    /// Reads the greeting.
    ///
    /// # Errors
    ///
    /// Fails if the connection or the greeting is bad, and if the greeting refuses service.
    fn greeted(stream: LineStream) -> Result<Self>;

    /// Switches to TLS with the protocol's command.
    ///
    /// # Errors
    ///
    /// Also fails if the server refuses, and if the handshake fails.
    fn start_tls(&mut self, tls: &Tls) -> Result<()>;

    /// Returns the connection, for its TLS state.
    fn stream(&self) -> &LineStream;

    /// Connects without TLS.
    fn connect(address: SocketAddr) -> Result<Self> {
        Self::greeted(LineStream::connect(address)?)
    }

    /// Connects without TLS from a given address of this machine to another one of its own.
    fn connect_from(source: IpAddr, address: SocketAddr) -> Result<Self> {
        let socket = connected_from(source, address);
        let socket = socket.map_err(|source| Error::Connect { address, source })?;
        Self::greeted(LineStream::over(socket, PATIENCE)?)
    }

    /// Connects with implicit TLS (RFC 8314).
    ///
    /// # Errors
    ///
    /// Also fails if the handshake fails.
    fn connect_tls(address: SocketAddr, tls: &Tls) -> Result<Self> {
        let mut stream = LineStream::connect(address)?;
        stream.start_tls(tls)?;
        Self::greeted(stream)
    }
}

/// Returns whether a TCP connection succeeds.
pub(crate) fn is_open(address: SocketAddr, patience: Duration) -> bool {
    TcpStream::connect_timeout(&address, patience).is_ok()
}

impl LineStream {
    /// Connects without TLS.
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        Self::connect_within(address, PATIENCE)
    }

    /// Connects with another time limit.
    pub(super) fn connect_within(address: SocketAddr, patience: Duration) -> Result<Self> {
        let connected = TcpStream::connect_timeout(&address, patience.min(CONNECTION));
        let connected = connected.map_err(|source| Error::Connect { address, source })?;
        let mut stream = Self::over(connected, patience)?;
        stream.open()?.get_mut().timed().end = Instant::now() + patience.min(GREETING);
        Ok(stream)
    }

    /// Speaks over a connection that is there. Nothing takes longer than `patience`.
    ///
    /// # Errors
    ///
    /// Fails as the system does.
    pub fn over(socket: TcpStream, patience: Duration) -> Result<Self> {
        socket.set_nodelay(true)?;
        let timed = Timed { socket, end: Instant::now() + patience };
        let stream = Some(BufReader::new(Stream::Plain(timed)));
        Ok(Self { stream, patience, left: LONGEST_ANSWER })
    }

    /// Switches to TLS. Data that the server sent after its agreement, but in
    /// the clear, is an error, because an attacker could have inserted it.
    pub fn start_tls(&mut self, tls: &Tls) -> Result<()> {
        let Some(stream) = self.stream.take() else { return Err(Error::Closed) };
        if !stream.buffer().is_empty() {
            return Err(Error::Injected);
        }
        let Stream::Plain(mut socket) = stream.into_inner() else {
            return Err(Error::Broken(io::Error::other("TLS is there already")));
        };
        socket.end = Instant::now() + self.patience.min(GREETING);
        let mut connection =
            ClientConnection::new(tls.config.clone(), tls.name.clone()).map_err(Error::Tls)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(connection, socket)));
        self.stream = Some(BufReader::new(stream));
        Ok(())
    }

    /// Returns the certificates that the server showed, its own first; none without TLS.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        match self.stream.as_ref().map(BufReader::get_ref) {
            Some(Stream::Tls(stream)) => {
                stream.conn.peer_certificates().unwrap_or_default().to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// Sends a line and restarts the time limit of the answer.
    pub(super) fn send(&mut self, line: &str) -> Result<()> {
        if line.chars().any(|c| c.is_control()) {
            return Err(Error::Unsendable);
        }
        self.send_bytes(format!("{line}\r\n").as_bytes())
    }

    /// Sends bytes and restarts the time limit of the answer.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.left = LONGEST_ANSWER;
        let end = Instant::now() + self.patience;
        let stream = self.open()?.get_mut();
        stream.timed().end = end;
        stream.write_all(bytes)?;
        Ok(stream.flush()?)
    }

    /// Restarts the time limit of the answer, with another one.
    pub(super) fn wait_for_answer(&mut self, patience: Duration) -> Result<()> {
        self.open()?.get_mut().timed().end = Instant::now() + patience;
        Ok(())
    }

    /// Reads a line and returns it without its end.
    pub fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        let most = LONGEST_LINE.min(self.left);
        let stream = self.stream.as_mut().ok_or(Error::Closed)?;
        stream.take(most).read_until(b'\n', &mut line)?;
        self.left -= line.len() as u64;
        match line.strip_suffix(b"\n") {
            Some(text) => Ok(text.strip_suffix(b"\r").unwrap_or(text).to_vec()),
            None if line.len() as u64 == most => Err(Error::TooLong),
            None => Err(Error::Closed),
        }
    }

    /// Reads a line and makes it [`visible`].
    pub(super) fn words(&mut self) -> Result<String> {
        Ok(visible(self.line()?))
    }

    /// Reads this many bytes.
    pub fn bytes(&mut self, length: u64) -> Result<Vec<u8>> {
        if length > self.left {
            return Err(Error::TooLong);
        }
        self.left -= length;
        let mut bytes = Vec::new();
        let read = self.open()?.take(length).read_to_end(&mut bytes)?;
        if read as u64 == length { Ok(bytes) } else { Err(Error::Closed) }
    }

    /// Reads until the server ends the connection.
    pub fn until_the_end(&mut self) -> Result<Vec<u8>> {
        let most = self.left;
        let mut bytes = Vec::new();
        let read = self.open()?.take(most).read_to_end(&mut bytes)? as u64;
        self.left -= read;
        if read == most { Err(Error::TooLong) } else { Ok(bytes) }
    }

    /// Reads lines up to a single dot, and removes the doubling of dots (RFC 1939, 3).
    pub fn until_dot(&mut self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let line = self.line()?;
            if line == b"." {
                return Ok(text);
            }
            text.extend(line.strip_prefix(b".").unwrap_or(&line));
            text.extend(b"\r\n");
        }
    }

    fn open(&mut self) -> Result<&mut BufReader<Stream>> {
        self.stream.as_mut().ok_or(Error::Closed)
    }
}

/// Connects from a given address.
fn connected_from(source: IpAddr, address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Also limits connect(2) (socket(7)).
    let patience = i64::try_from(CONNECTION.as_secs()).unwrap_or(i64::MAX);
    setsockopt(&socket, sockopt::SendTimeout, &TimeVal::new(patience, 0))?;
    let any_port = SocketAddr::new(source, 0);
    bind(socket.as_raw_fd(), &SockaddrStorage::from(any_port))?;
    match connect(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
        Err(Errno::EINPROGRESS) => Err(io::ErrorKind::TimedOut.into()),
        connected => Ok(connected.map(|()| TcpStream::from(socket))?),
    }
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        // Postfix sends its greeting only after the acknowledgement of its
        // handshake, which the kernel would delay by 40 ms to combine it with
        // data.
        self.socket.set_quickack(true)?;
        self.socket.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

impl Stream {
    fn timed(&mut self) -> &mut Timed {
        match self {
            Self::Plain(timed) => timed,
            Self::Tls(stream) => &mut stream.sock,
        }
    }

    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(timed) => timed,
            Self::Tls(stream) => stream,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.as_write().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.as_write().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake_server;

    fn stream(script: &[&[u8]]) -> LineStream {
        LineStream::connect_within(fake_server(script), Duration::from_millis(700)).unwrap()
    }

    #[test]
    fn lines_end_with_or_without_a_carriage_return_and_show_what_they_hold() {
        let mut stream = stream(&[b"one\r\ntwo\nthr\x1b[2J\xff\r\n"]);
        assert_eq!(stream.words().unwrap(), "one");
        assert_eq!(stream.words().unwrap(), "two");
        assert_eq!(stream.words().unwrap(), "thr\\u{1b}[2J\\xff");
        assert!(matches!(stream.words(), Err(Error::Closed)));
    }

    #[test]
    fn a_line_without_end_is_cut_off() {
        let endless = vec![b'x'; 200_000];
        assert!(matches!(stream(&[&endless]).line(), Err(Error::TooLong)));
        assert!(matches!(stream(&[b"half a li"]).line(), Err(Error::Closed)));
    }

    #[test]
    fn more_than_was_asked_for_is_cut_off() {
        let mut stream = stream(&[b"x"]);
        assert!(matches!(stream.bytes(LONGEST_ANSWER + 1), Err(Error::TooLong)));
        assert!(matches!(stream.bytes(2), Err(Error::Closed)));
        let many = b"line\r\n".repeat(3_000_000);
        let mut stream = LineStream::connect(fake_server(&[&many])).unwrap();
        assert!(matches!(stream.until_dot(), Err(Error::TooLong)));
    }

    #[test]
    fn a_silent_or_dripping_server_is_not_waited_for() {
        let drops: Vec<&[u8]> = vec![b"x"; 40];
        let start = Instant::now();
        assert!(matches!(stream(&drops).line(), Err(Error::TooSlow)));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    }

    #[test]
    fn dots_are_undoubled() {
        let mut stream = stream(&[b"a\r\n..b\r\n.c\r\n\r\n.\r\nafter\r\n"]);
        assert_eq!(stream.until_dot().unwrap(), b"a\r\n.b\r\nc\r\n\r\n");
        assert_eq!(stream.words().unwrap(), "after");
    }

    #[test]
    fn a_line_break_cannot_be_smuggled_in() {
        assert!(matches!(stream(&[b""]).send("a\r\nb"), Err(Error::Unsendable)));
    }

    #[test]
    fn a_server_without_tls_is_an_error() {
        let tls = Tls::unverified("mail.example.org").unwrap();
        let error = stream(&[b"220 hello\r\n"]).start_tls(&tls).unwrap_err();
        assert!(matches!(error, Error::Tls(_)), "{error:?}");
        let mut injected = stream(&[b"220 go ahead\r\nand more\r\n"]);
        injected.words().unwrap();
        assert!(matches!(injected.start_tls(&tls), Err(Error::Injected)));
        assert!(matches!(injected.words(), Err(Error::Closed)), "it is of no use any more");
    }
}
