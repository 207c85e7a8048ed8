//! Probes whether a running service answers.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::SFlag;
use serde::{Deserialize, Serialize};

use super::dns;
use super::handshake::handshake;
use super::listening::{is_of, listeners, unix_sockets};
use super::{FileStamp, Host, Result};
use crate::local::kind;

const PATIENCE: Duration = Duration::from_secs(2);

/// The limits of line length and of lines before TLS begins.
const LONGEST: usize = 1000;
const MOST_LINES: usize = 100;

/// The endpoint of a service and its expected greeting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Greeting {
    /// The endpoint.
    pub at: Endpoint,
    /// The beginning of the greeting. If it is empty, the server waits for the
    /// client, and an accepted connection is enough.
    pub begins: String,
    /// The use of TLS. A service that should offer TLS and cannot counts as not answering.
    #[serde(default, skip_serializing_if = "Secured::is_not")]
    pub secured: Secured,
}

/// A TCP port of this host, a unix socket, or a resolver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A TCP port of this host.
    Port(u16),
    /// A unix socket.
    Socket(PathBuf),
    /// A resolver at an address of this host, which looks names up for others and
    /// proves what it finds (DNSSEC).
    Resolver(IpAddr),
}

/// How TLS secures a conversation.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Secured {
    /// No TLS.
    #[default]
    No,
    /// Implicit TLS, from the first byte.
    AtOnce,
    /// STARTTLS in this protocol.
    Asked(Protocol),
}

/// A protocol with STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// RFC 3207.
    Smtp,
    /// RFC 9051, 6.2.1.
    Imap,
    /// RFC 2595, 4.
    Pop3,
    /// RFC 5804, 2.2.
    Sieve,
}

impl Host {
    /// Returns the endpoints that do not answer as expected, each with the
    /// reason. Connects to all before it reads from the first, so that daemons
    /// start in parallel.
    pub(crate) fn failing_probes<'g>(
        &self,
        all: &[&'g Greeting],
    ) -> Vec<(&'g Greeting, io::Error)> {
        let called: Vec<_> =
            all.iter().map(|greeting| (*greeting, greeting.at.connect())).collect();
        let heard = called
            .into_iter()
            .map(|(greeting, line)| (greeting, line.and_then(|line| greeting.listen(line))));
        heard.filter_map(|(greeting, heard)| Some((greeting, heard.err()?))).collect()
    }

    /// Returns the endpoints at which no process listens. The kernel's lists
    /// show only the sockets of this network namespace, so an endpoint that is
    /// missing there counts only after a failed connection. They also show a
    /// socket whose path was replaced since its daemon began to listen, so one
    /// that was created after `heard`, in nanoseconds since 1970, is called as
    /// well.
    ///
    /// # Errors
    ///
    /// Fails if a socket cannot be examined.
    pub fn unheard(&self, all: &[Greeting], heard: i64) -> Result<Vec<Endpoint>> {
        let mut ports: BTreeSet<u16> = BTreeSet::new();
        let mut sockets: Vec<&Path> = Vec::new();
        let mut resolvers: BTreeSet<IpAddr> = BTreeSet::new();
        for greeting in all {
            match &greeting.at {
                Endpoint::Port(port) => drop(ports.insert(*port)),
                Endpoint::Socket(path) => sockets.push(path),
                Endpoint::Resolver(ip) => drop(resolvers.insert(*ip)),
            }
        }
        if !ports.is_empty() || !resolvers.is_empty() {
            for listener in listeners() {
                ports.remove(&listener.port);
                resolvers.retain(|ip| !listener.is_at(*ip, dns::PORT));
            }
        }
        let ports = ports.into_iter().map(Endpoint::Port);
        let resolvers = resolvers.into_iter().map(Endpoint::Resolver);
        let mut missing: Vec<_> = ports.chain(resolvers).collect();
        missing.retain(|endpoint| endpoint.connect().is_err());
        let list = match sockets.is_empty() {
            true => String::new(),
            false => unix_sockets(),
        };
        for path in sockets {
            let is_heard = self.look(path, true)?.is_some_and(|(_, found)| {
                let is_known = FileStamp::from(&found).changed <= heard
                    && list.lines().any(|line| is_of(line, path));
                kind(&found) == SFlag::S_IFSOCK && (is_known || UnixStream::connect(path).is_ok())
            });
            if !is_heard {
                missing.push(Endpoint::Socket(path.to_owned()));
            }
        }
        Ok(missing)
    }
}

pub(super) trait Line: Read + Write {}

impl<S: Read + Write> Line for S {}

impl Endpoint {
    /// Connects. A port is tried on the loopback addresses, else on those where a process listens.
    pub(super) fn connect(&self) -> io::Result<Box<dyn Line>> {
        let call = |ip: IpAddr, port| {
            let stream = TcpStream::connect_timeout(&SocketAddr::new(ip, port), PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            io::Result::Ok(stream)
        };
        Ok(match self {
            Self::Port(port) => {
                let call = |ip: IpAddr| call(ip, *port);
                let stream = call(Ipv4Addr::LOCALHOST.into()).or_else(|error| {
                    let on_port = listeners().into_iter().filter(|it| it.port == *port);
                    let others = on_port.map(|listener| listener.ip);
                    [Ipv6Addr::LOCALHOST.into()]
                        .into_iter()
                        .chain(others)
                        .map(call)
                        .find_map(io::Result::ok)
                        .ok_or(error)
                })?;
                Box::new(stream)
            }
            Self::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Self::Resolver(ip) => Box::new(call(*ip, dns::PORT)?),
        })
    }
}

impl Greeting {
    /// Reads until it is clear that the service works.
    fn listen(&self, mut line: Box<dyn Line>) -> io::Result<()> {
        match self.secured {
            Secured::No if matches!(self.at, Endpoint::Resolver(_)) => dns::ask(&mut line),
            Secured::No => begins_with(&mut line, &self.begins),
            Secured::AtOnce => begins_with(&mut handshake(line)?, &self.begins),
            Secured::Asked(protocol) => {
                protocol.ask(&mut line, &self.begins)?;
                handshake(line).map(drop)
            }
        }
    }
}

impl Secured {
    fn is_not(&self) -> bool {
        *self == Self::No
    }
}

impl Protocol {
    /// Returns the protocol with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "smtp" => Self::Smtp,
            "imap" => Self::Imap,
            "pop3" => Self::Pop3,
            "sieve" => Self::Sieve,
            _ => return None,
        })
    }

    /// Requests TLS, after a greeting that begins with `begins`.
    fn ask(self, line: &mut dyn Line, begins: &str) -> io::Result<()> {
        const GREETED: &str = "EHLO localhost\r\n";
        let (ask, yes): (&[(&str, &str)], &str) = match self {
            Self::Smtp => (&[(GREETED, "250"), ("STARTTLS\r\n", "220")], "220"),
            Self::Imap => (&[("a STARTTLS\r\n", "a OK")], "* "),
            Self::Pop3 => (&[("STLS\r\n", "+OK")], "+OK"),
            Self::Sieve => (&[("STARTTLS\r\n", "OK")], "OK"),
        };
        let begins = if begins.is_empty() { yes } else { begins };
        self.hear(line, begins)?;
        for (command, yes) in ask {
            line.write_all(command.as_bytes())?;
            self.hear(line, yes)?;
        }
        Ok(())
    }

    /// Reads an answer and checks the beginning of its last line.
    fn hear(self, line: &mut dyn Line, begins: &str) -> io::Result<()> {
        for _ in 0..MOST_LINES {
            let said = read_line(line)?;
            let goes_on = match self {
                Self::Smtp => said.as_bytes().get(3) == Some(&b'-'),
                Self::Imap => said.starts_with("* ") && !begins.starts_with("* "),
                Self::Pop3 => false,
                Self::Sieve => said.starts_with('"'),
            };
            if !goes_on {
                return if said.starts_with(begins) { Ok(()) } else { Err(odd(&said)) };
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }
}

/// Reads a line, and not a byte more, since TLS follows.
fn read_line(line: &mut dyn Line) -> io::Result<String> {
    let (mut said, mut byte) = (Vec::new(), [0]);
    while said.len() < LONGEST && byte != *b"\n" {
        line.read_exact(&mut byte)?;
        said.extend(byte);
    }
    Ok(String::from_utf8_lossy(&said).trim_end().to_owned())
}

/// Reads as much as the comparison with `begins` needs.
fn begins_with(stream: &mut dyn Read, begins: &str) -> io::Result<()> {
    let mut said = vec![0; begins.len()];
    stream.read_exact(&mut said)?;
    match said == begins.as_bytes() {
        true => Ok(()),
        false => Err(odd(&String::from_utf8_lossy(&said))),
    }
}

fn odd(said: &str) -> io::Error {
    io::Error::other(format!("it says `{}`", said.escape_default()))
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "port {port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Resolver(ip) => write!(f, "the resolver at {ip}"),
        }
    }
}
