//! Lists the listening TCP sockets over netlink (sock_diag(7)), which makes the
//! kernel search only those. For its lists in /proc it searches the whole table
//! of connections, which takes milliseconds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::sys::socket::{AddressFamily, SockProtocol};

use super::netlink::Netlink;

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;

/// The length of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;

/// The address families, as both requests and answers have them.
const FAMILIES: [AddressFamily; 2] = [AddressFamily::Inet, AddressFamily::Inet6];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) ip: IpAddr,
    pub(super) port: u16,
    /// Identifies the socket in a process's list of open files.
    pub(super) inode: u64,
}

impl Listener {
    /// Returns whether it has a port at an address, or at all.
    pub(super) fn is_at(&self, ip: IpAddr, port: u16) -> bool {
        self.port == port && (self.ip == ip || self.ip.is_unspecified())
    }
}

/// Returns the TCP listeners of this network namespace.
///
/// # Errors
///
/// Fails if the kernel does not support the request, as without its module `tcp_diag`.
pub(super) fn listeners() -> nix::Result<Vec<Listener>> {
    let netlink = Netlink::open(SockProtocol::NetlinkSockDiag)?;
    let mut found = Vec::new();
    for family in FAMILIES {
        netlink.list(BY_FAMILY, &request(family), |kind, message| {
            found.extend((kind == BY_FAMILY).then(|| listener(message)).flatten());
        })?;
    }
    Ok(found)
}

fn request(family: AddressFamily) -> [u8; REQUEST] {
    const TCP: u8 = 6;
    const LISTEN: u32 = 1 << 10;
    let mut body = [0; REQUEST];
    body[0] = u8::try_from(family as i32).unwrap_or_default();
    body[1] = TCP;
    body[4..8].copy_from_slice(&LISTEN.to_ne_bytes());
    body
}

/// Parses family, port, address and inode of a `struct inet_diag_msg`.
fn listener(message: &[u8]) -> Option<Listener> {
    let family = i32::from(*message.first()?);
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let address = message.get(8..24)?;
    let ip = match family {
        it if it == AddressFamily::Inet as i32 => {
            Ipv4Addr::from(<[u8; 4]>::try_from(&address[..4]).ok()?).into()
        }
        it if it == AddressFamily::Inet6 as i32 => {
            Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_canonical()
        }
        _ => return None,
    };
    let inode = u32::from_ne_bytes(message.get(68..72)?.try_into().ok()?);
    Some(Listener { ip, port, inode: inode.into() })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::host::closed::close;

    #[test]
    fn those_that_listen_are_told_and_no_others() {
        let at = |listener: &TcpListener| listener.local_addr().unwrap();
        let known = |listeners: &[Listener]| -> Vec<_> {
            listeners.iter().map(|it| (it.ip, it.port)).collect()
        };
        let closed = close(TcpListener::bind("127.0.0.1:0").unwrap());
        assert!(!known(&listeners().unwrap()).contains(&(closed.ip(), closed.port())));
        let open = ["127.0.0.1:0", "[::1]:0"].map(|at| TcpListener::bind(at).unwrap());
        let found = listeners().unwrap();
        for listener in &open {
            let at = at(listener);
            let told = found.iter().find(|it| (it.ip, it.port) == (at.ip(), at.port())).unwrap();
            let shown = std::fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd()));
            assert_eq!(shown.unwrap().to_str().unwrap(), format!("socket:[{}]", told.inode));
        }
    }
}
