//! Sockets that unit tests close. Another test that starts a program at the same time has
//! copies of all descriptors from fork to exec, so a closed socket may still be open there.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};

/// Stops listening, for all copies of the descriptor, and returns the address.
pub(crate) fn close(listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
    address
}

/// Waits up to 5 seconds for the last copy of a descriptor to go, and returns whether it did.
pub(crate) fn ends_soon(ended: impl Fn() -> bool) -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        ended()
    })
}
