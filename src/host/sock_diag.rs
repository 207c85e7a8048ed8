//! The sockets that listen on TCP, asked for over netlink (sock_diag(7)): the
//! kernel then looks at those alone. Its lists below /proc go on to all
//! connections, of which it searches the whole table, for milliseconds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x301;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// The length of `struct inet_diag_req_v2`.
const REQUEST: usize = 56;

/// The kernel answers at once.
const PATIENCE: i64 = 5;

/// The address families, as both sides of the call know them.
const FAMILIES: [AddressFamily; 2] = [AddressFamily::Inet, AddressFamily::Inet6];

/// Returns the addresses and ports at which a process of this network namespace
/// listens on TCP.
///
/// # Errors
///
/// Fails where the kernel does not tell, as without its module `tcp_diag`.
pub(super) fn listeners() -> nix::Result<Vec<(IpAddr, u16)>> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))?;
    let mut found = Vec::new();
    for family in FAMILIES {
        send(socket.as_raw_fd(), &request(family), MsgFlags::empty())?;
        read_answers(&socket, &mut found)?;
    }
    Ok(found)
}

fn request(family: AddressFamily) -> Vec<u8> {
    const TCP: u8 = 6;
    const LISTEN: u32 = 1 << 10;
    let length = u32::try_from(HEADER + REQUEST).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(HEADER + REQUEST);
    message.extend(length.to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(FLAGS.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([u8::try_from(family as i32).unwrap_or_default(), TCP, 0, 0]);
    message.extend(LISTEN.to_ne_bytes());
    message.resize(HEADER + REQUEST, 0);
    message
}

fn read_answers(socket: &OwnedFd, found: &mut Vec<(IpAddr, u16)>) -> nix::Result<()> {
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_at_checked(HEADER) {
            let size = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let Some(message) = rest.get(HEADER..size) else { return Err(Errno::EBADMSG) };
            match (u16::from_ne_bytes([header[4], header[5]]), message) {
                (NLMSG_DONE, _) => return Ok(()),
                (NLMSG_ERROR, [a, b, c, d, ..]) => {
                    return Err(Errno::from_raw(-i32::from_ne_bytes([*a, *b, *c, *d])));
                }
                (BY_FAMILY, message) => found.extend(listener(message)),
                _ => {}
            }
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
        if length == 0 {
            return Err(Errno::EBADMSG);
        }
    }
}

/// Reads family, port and address of a `struct inet_diag_msg`.
fn listener(message: &[u8]) -> Option<(IpAddr, u16)> {
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
    Some((ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn those_that_listen_are_told_and_no_others() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!listeners().unwrap().contains(&(v4.ip(), v4.port())), "it was closed");
        let open = ["127.0.0.1:0", "[::1]:0"].map(|at| TcpListener::bind(at).unwrap());
        let found = listeners().unwrap();
        for listener in &open {
            let at = listener.local_addr().unwrap();
            assert!(found.contains(&(at.ip(), at.port())), "{at}: {found:?}");
        }
    }
}
