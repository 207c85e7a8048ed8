//! A network of a test's own, with its boxes and the test itself.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect, socket};

use mailprov::sandbox::{self, Lease};

use super::image;
use super::output::Output;

/// How long a connection may take to be made, and a peer to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A bridge in a network namespace. Being one per test, it can have the same
/// addresses each time and no way out.
#[derive(Debug)]
pub struct Network {
    lease: Lease,
    last: AtomicU8,
}

/// The addresses of one member of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
}

impl Addresses {
    fn of(member: u8) -> Self {
        Self {
            v4: Ipv4Addr::new(10, 77, 0, member),
            v6: Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, member.into()),
        }
    }
}

impl Network {
    /// The addresses that the test itself speaks from.
    pub fn client() -> Addresses {
        Addresses::of(1)
    }

    /// Makes a network with only the test in it.
    pub fn new() -> Self {
        let network = Self { lease: image::lease(), last: AtomicU8::new(1) };
        let name = network.lease.name();
        network.lease.add_namespace().unwrap();
        ip(name, "link add bridge type bridge");
        bring_up(name, "bridge", Self::client());
        network
    }

    /// Gives a namespace that exists an interface in this network, and addresses.
    pub fn join(&self, namespace: &str) -> Addresses {
        let member = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let addresses = Addresses::of(member);
        let ours = self.lease.name();
        ip(ours, &format!("link add port{member} type veth peer name eth0 netns {namespace}"));
        ip(ours, &format!("link set port{member} master bridge up"));
        bring_up(namespace, "eth0", addresses);
        addresses
    }

    /// Returns the name of the network namespace.
    pub fn namespace(&self) -> &str {
        self.lease.name()
    }

    /// Runs a program of this machine in the network, such as `openssl s_client`.
    pub fn run(&self, argv: &[&str]) -> Output {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", self.namespace()]).args(argv).stdin(Stdio::null());
        Output::new(argv, command.output().unwrap())
    }

    /// Runs `work` in the network, where sockets it opens stay.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(Path::new("/run/netns").join(self.namespace())).unwrap();
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                setns(&namespace, CloneFlags::CLONE_NEWNET).unwrap();
                work()
            });
            worker.join().unwrap()
        })
    }

    /// Gives the test itself another address, which members reach if they have a route.
    pub fn speak_from(&self, address: impl Into<IpAddr>) {
        let address = address.into();
        let length = if address.is_ipv6() { "64 nodad" } else { "24" };
        ip(self.lease.name(), &format!("address add dev bridge {address}/{length}"));
    }

    /// Connects to a member of the network from one of the test's own addresses.
    pub fn connect_from(
        &self,
        from: impl Into<IpAddr>,
        address: impl Into<IpAddr>,
        port: u16,
    ) -> io::Result<TcpStream> {
        let from = SockaddrStorage::from(SocketAddr::new(from.into(), 0));
        let address = SocketAddr::new(address.into(), port);
        let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
        let stream = self.enter(|| {
            let socket = socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
            bind(socket.as_raw_fd(), &from)?;
            connect(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
            io::Result::Ok(TcpStream::from(socket))
        })?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(stream)
    }

    /// Connects to a member of the network.
    pub fn connect(&self, address: impl Into<IpAddr>, port: u16) -> io::Result<TcpStream> {
        let address = SocketAddr::new(address.into(), port);
        let stream = self.enter(|| TcpStream::connect_timeout(&address, TIMEOUT))?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Gives an interface its addresses and switches it on, loopback too.
fn bring_up(namespace: &str, interface: &str, addresses: Addresses) {
    ip(namespace, "link set lo up");
    ip(namespace, &format!("address add {}/24 dev {interface}", addresses.v4));
    ip(namespace, &format!("address add {}/64 dev {interface} nodad", addresses.v6));
    ip(namespace, &format!("link set {interface} up"));
}

fn ip(namespace: &str, arguments: &str) {
    sandbox::ip(namespace, arguments).unwrap_or_else(|e| panic!("{e}"));
}
