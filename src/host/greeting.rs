//! Asks a running service whether it answers.

use std::fmt;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Host;

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a service answers, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Greeting {
    /// Where it listens.
    pub at: Endpoint,
    /// What the first it says begins with. Empty where it waits for the
    /// caller, as under TLS: then being let in is the answer.
    pub begins: String,
}

/// A TCP port of this host, or a socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A TCP port, at 127.0.0.1.
    Port(u16),
    /// A unix socket.
    Socket(PathBuf),
}

impl Host {
    /// Returns who of these does not answer as expected, and why. All are called
    /// before the first is listened to, so that daemons start side by side.
    pub fn silent<'g>(&self, all: &[&'g Greeting]) -> Vec<(&'g Greeting, io::Error)> {
        let called: Vec<_> = all.iter().map(|greeting| (*greeting, greeting.call())).collect();
        let heard = called.into_iter().map(|(greeting, stream)| {
            (greeting, stream.and_then(|stream| listen(stream, &greeting.begins)))
        });
        heard.filter_map(|(greeting, heard)| Some((greeting, heard.err()?))).collect()
    }
}

impl Greeting {
    /// Connects.
    fn call(&self) -> io::Result<Box<dyn Read>> {
        Ok(match &self.at {
            Endpoint::Port(port) => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
                let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
            Endpoint::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Box::new(stream)
            }
        })
    }
}

/// Reads as much as is needed to tell how it begins.
fn listen(mut stream: impl Read, begins: &str) -> io::Result<()> {
    let mut said = vec![0; begins.len()];
    stream.read_exact(&mut said)?;
    if said == begins.as_bytes() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    Err(io::Error::other(format!("it says `{}`", said.escape_default())))
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Endpoint::Port(port) => write!(f, "port {port}"),
            Endpoint::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}
