//! The kernel's packet filter, nf_tables, asked for its rules over netlink: nft(8)
//! need not be there. Numbers are those of linux/netfilter/nf_tables.h.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::{Error, Host, Result};

/// What of nf_tables is asked for (`enum nf_tables_msg_types`).
#[derive(Debug, Clone, Copy)]
pub enum Dump {
    /// All chains.
    Chains = 4,
    /// All rules.
    Rules = 7,
    /// All sets.
    Sets = 10,
    /// The elements of a set.
    Elements = 13,
}

/// An object of the packet filter: its family (`NFPROTO_…`), and its attributes.
#[derive(Debug, Clone)]
pub struct NetfilterObject {
    /// The family.
    pub family: u8,
    /// The attributes, as [`attributes`] reads them.
    pub payload: Vec<u8>,
}

/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const SUBSYSTEM: u16 = 10 << 8;

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x301;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The length of `struct nlmsghdr`. What follows begins with a `struct nfgenmsg`
/// of four bytes.
const HEADER: usize = 16;

/// The kernel answers at once.
const PATIENCE: i64 = 5;

impl Host {
    /// Asks for objects of the packet filter; `set` names family, table and set
    /// where elements are wanted. Only root may.
    ///
    /// # Errors
    ///
    /// Fails where the kernel has no nf_tables, or does not let us.
    pub fn netfilter(dump: Dump, set: Option<(u8, &str, &str)>) -> Result<Vec<NetfilterObject>> {
        let failed = |errno: nix::errno::Errno| {
            Error::Other(format!("could not ask the kernel for its packet filter: {errno}"))
        };
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkNetFilter,
        )
        .map_err(failed)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))
            .map_err(failed)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(failed)?;
        let mut body = vec![set.map_or(0, |(family, ..)| family), 0, 0, 0];
        if let Some((_, table, set)) = set {
            text_attribute(&mut body, 1, table);
            text_attribute(&mut body, 2, set);
        }
        let mut message = Vec::new();
        let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
        message.extend(length.to_ne_bytes());
        message.extend((SUBSYSTEM | dump as u16).to_ne_bytes());
        message.extend(FLAGS.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(socket.as_raw_fd(), &message, MsgFlags::empty()).map_err(failed)?;
        answers(&socket, dump).map_err(failed)
    }
}

fn answers(socket: &OwnedFd, dump: Dump) -> nix::Result<Vec<NetfilterObject>> {
    let mut buffer = vec![0; 64 * 1024];
    let mut found = Vec::new();
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_at_checked(HEADER) {
            let size = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let kind = u16::from_ne_bytes([header[4], header[5]]);
            let Some(message) = rest.get(HEADER..size) else { return Ok(found) };
            match (kind, message) {
                (NLMSG_DONE, _) => return Ok(found),
                (NLMSG_ERROR, [a, b, c, d, ..]) => {
                    let code = i32::from_ne_bytes([*a, *b, *c, *d]);
                    return Err(nix::errno::Errno::from_raw(-code));
                }
                // An answer to what was asked is of the type before (`NFT_MSG_NEW…`).
                (_, [family, _, _, _, payload @ ..]) if kind == SUBSYSTEM | (dump as u16 - 1) => {
                    found.push(NetfilterObject { family: *family, payload: payload.to_vec() });
                }
                _ => {}
            }
            rest = rest.get(aligned(size)..).unwrap_or_default();
        }
        if length == 0 {
            return Ok(found);
        }
    }
}

/// Reads netlink's attributes: a number and bytes each.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    /// Marks in the number (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
    const MARKS: u16 = 0xc000;
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = bytes {
        let size = usize::from(u16::from_ne_bytes([*a, *b]));
        let Some(value) = bytes.get(4..size) else { break };
        found.push((u16::from_ne_bytes([*c, *d]) & !MARKS, value));
        bytes = bytes.get(aligned(size)..).unwrap_or_default();
    }
    found
}

fn text_attribute(message: &mut Vec<u8>, number: u16, text: &str) {
    let size = u16::try_from(4 + text.len() + 1).unwrap_or(u16::MAX);
    message.extend(size.to_ne_bytes());
    message.extend(number.to_ne_bytes());
    message.extend(text.as_bytes());
    message.push(0);
    message.resize(aligned(message.len()), 0);
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let mut message = Vec::new();
        text_attribute(&mut message, 1, "filter");
        text_attribute(&mut message, 0x8002, "x");
        assert_eq!(attributes(&message), [(1, &b"filter\0"[..]), (2, b"x\0")]);
        assert_eq!(attributes(&message[..9]), []);
        assert_eq!(attributes(&[0; 8]), []);
    }
}
