//! Requests to the kernel over netlink (netlink(7)): each returns a list in several messages.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket,
    sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// `NLM_F_REQUEST | NLM_F_DUMP`.
const FLAGS: u16 = 0x301;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;

/// The time limit in seconds. The kernel answers immediately.
const PATIENCE: i64 = 5;

#[derive(Debug)]
pub(super) struct Netlink(OwnedFd);

impl Netlink {
    pub(super) fn open(protocol: SockProtocol) -> nix::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Requests a list, and visits type and body of each message of the answer.
    pub(super) fn list(
        &self,
        kind: u16,
        body: &[u8],
        mut show: impl FnMut(u16, &[u8]),
    ) -> nix::Result<()> {
        let length = u32::try_from(HEADER + body.len()).map_err(|_| Errno::EMSGSIZE)?;
        let mut question = Vec::with_capacity(HEADER + body.len());
        question.extend(length.to_ne_bytes());
        question.extend(kind.to_ne_bytes());
        question.extend(FLAGS.to_ne_bytes());
        question.extend([0; 8]);
        question.extend(body);
        send(self.0.as_raw_fd(), &question, MsgFlags::empty())?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let mut rest = &buffer[..length];
            while let Some((header, _)) = rest.split_at_checked(HEADER) {
                let size =
                    u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
                let Some(message) = rest.get(HEADER..size) else { return Err(Errno::EBADMSG) };
                match (u16::from_ne_bytes([header[4], header[5]]), message) {
                    (NLMSG_DONE, _) => return Ok(()),
                    (NLMSG_ERROR, [a, b, c, d, ..]) => {
                        return Err(Errno::from_raw(-i32::from_ne_bytes([*a, *b, *c, *d])));
                    }
                    (kind, message) => show(kind, message),
                }
                rest = rest.get(aligned(size)..).unwrap_or_default();
            }
            if length == 0 {
                return Err(Errno::EBADMSG);
            }
        }
    }
}

/// Rounds up to a multiple of four bytes, where messages and attributes begin.
pub(super) fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}
