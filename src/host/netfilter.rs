//! Reads the rules of the kernel's packet filter, nf_tables, over netlink, so
//! that nft(8) need not be installed. The numbers are those of
//! linux/netfilter/nf_tables.h.

use nix::sys::socket::SockProtocol;

use super::netlink::{Netlink, aligned};
use super::{Error, Host, Result};

/// The lists that nf_tables provides (`enum nf_tables_msg_types`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dump {
    Chains = 4,
    Rules = 7,
    Sets = 10,
    Elements = 13,
}

/// An object of the packet filter: its family (`NFPROTO_…`) and its attributes.
#[derive(Debug, Clone)]
pub(crate) struct NetfilterObject {
    pub family: u8,
    /// The attributes, for [`attributes`] to parse.
    pub payload: Vec<u8>,
}

/// `NFNL_SUBSYS_NFTABLES`, in the upper byte of a message's type.
const SUBSYSTEM: u16 = 10 << 8;

impl Host {
    /// Lists objects of the packet filter; for elements, `set` names their
    /// family, table and set. Needs root.
    ///
    /// # Errors
    ///
    /// Fails if the kernel has no nf_tables or refuses.
    pub(crate) fn netfilter(
        dump: Dump,
        set: Option<(u8, &str, &str)>,
    ) -> Result<Vec<NetfilterObject>> {
        let failed =
            |errno: nix::errno::Errno| Error::system("ask the kernel for its packet filter", errno);
        // `struct nfgenmsg`.
        let mut body = vec![set.map_or(0, |(family, ..)| family), 0, 0, 0];
        if let Some((_, table, set)) = set {
            text_attribute(&mut body, 1, table);
            text_attribute(&mut body, 2, set);
        }
        // The type of an answer is one less than that of the request (`NFT_MSG_NEW…`).
        let answer = SUBSYSTEM | (dump as u16 - 1);
        let mut found = Vec::new();
        let show = |kind, message: &[u8]| {
            if let [family, _, _, _, payload @ ..] = message
                && kind == answer
            {
                found.push(NetfilterObject { family: *family, payload: payload.to_vec() });
            }
        };
        let netlink = Netlink::open(SockProtocol::NetlinkNetFilter).map_err(failed)?;
        netlink.list(SUBSYSTEM | dump as u16, &body, show).map_err(failed)?;
        Ok(found)
    }
}

/// Parses netlink attributes: pairs of a number and bytes.
pub fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    /// The flags in the number (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
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
