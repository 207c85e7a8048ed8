//! Tests whether mail can leave: many providers block outgoing port 25.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Host;

/// A server that is always up and accepts connections from anywhere: an MX of
/// the world's largest mail provider.
const SOMEBODY: (&str, u16) = ("gmail-smtp-in.l.google.com", 25);

/// The time limit. A firewall that drops packets never answers.
const PATIENCE: Duration = Duration::from_secs(4);

impl Host {
    /// Returns whether this machine can connect to port 25 of another one, or
    /// `None` if that is unknown, as without DNS.
    pub(crate) fn port_25_is_open_outward() -> Option<bool> {
        let mut addresses = SOMEBODY.to_socket_addrs().ok()?;
        Some(addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok()))
    }
}
