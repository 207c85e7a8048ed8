//! The box: a fresh Debian in which root can log in from this machine.

use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::{
    Access, Cache, Error, Guest, Image, Init, KillSwitch, Lease, Result, VethPair, Watch,
    mount_empty, wait_at_most,
};
use crate::probe;

/// How long sshd may take to answer once the box is up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running box; dropping it removes it.
pub(crate) struct DemoServer {
    guest: Guest,
    veth: VethPair,
    access: Access,
}

impl DemoServer {
    /// Boots a fresh one.
    pub(crate) fn boot(
        cache: &Cache,
        image: &Image,
        kill_switch: KillSwitch,
        watch: Watch<'_>,
    ) -> Result<Self> {
        let lease = Lease::new(cache, watch)?;
        mount_empty(image, &lease)?;
        lease.add_namespace()?;
        let veth = VethPair::connect(cache, lease.name(), watch)?;
        let mut guest = Guest::new(Init::Systemd, lease, kill_switch);
        guest.write_hosts()?;
        let access = Access::give(&guest, veth.guest)?;
        guest.boot(watch)?;
        let server = Self { guest, veth, access };
        let ssh = SocketAddr::new(server.address(), 22);
        let answers = wait_at_most(PATIENCE, || {
            let is_open = probe::is_open(ssh, Duration::from_secs(1));
            (is_open || watch().is_err()).then_some(())
        });
        watch()?;
        match answers {
            Some(()) => Ok(server),
            None => Err(Error::Boot {
                name: server.guest.lease().name().to_owned(),
                state: "sshd does not answer".into(),
                console: server.guest.console(),
            }),
        }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.veth.guest.into()
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Returns a folder on this machine that is removed with the box.
    pub(crate) fn folder(&self) -> &Path {
        self.guest.lease().folder()
    }

    /// Reads a file in it.
    pub(crate) fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.guest.open(path, OFlag::O_RDONLY)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
