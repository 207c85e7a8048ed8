//! Whether mail can leave: many providers close port 25 outward.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Host;

/// A server that is always there and takes mail from everybody: an MX of the
/// world's largest mail provider.
const SOMEBODY: (&str, u16) = ("gmail-smtp-in.l.google.com", 25);

/// A packet that is dropped on the way gets no answer at all.
const PATIENCE: Duration = Duration::from_secs(4);

impl Host {
    /// Tells whether this machine can connect to port 25 of another one; none
    /// where that cannot be told, as without DNS.
    pub(crate) fn port_25_is_open_outward() -> Option<bool> {
        let mut addresses = SOMEBODY.to_socket_addrs().ok()?;
        Some(addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok()))
    }
}
