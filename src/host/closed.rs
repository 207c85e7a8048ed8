//! Sockets that unit tests close. A test beside this one that starts a program
//! holds copies of all descriptors from fork to exec: only closing its own copy
//! would not yet end the listening.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};

/// Ends the listening, whoever holds a copy, and returns where it was.
pub(crate) fn close(listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
    address
}

/// Returns whether something that ends with the last copy of a descriptor ends soon.
pub(crate) fn ends_soon(ended: impl Fn() -> bool) -> bool {
    (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        ended()
    })
}
