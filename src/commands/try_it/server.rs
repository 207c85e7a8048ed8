//! The box: a fresh Debian in which root can log in from this machine.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::super::CommandError;
use super::story::Story;
use crate::probe::{self, Tls};
use crate::sandbox::{
    self, Access, Cache, Error, Guest, Image, Init, KillSwitch, Lease, VethPair, Watch, mount_empty,
};

/// How long sshd may take to answer once the box is up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The path of a self-signed certificate of mailprov.
const CERTIFICATE: &str = "/etc/ssl/certs/mailprov.pem";

/// A running box; dropping it removes it.
pub(super) struct Server {
    guest: Guest,
    veth: VethPair,
    access: Access,
}

impl Server {
    pub(super) fn boot(
        cache: &Cache,
        image: &Image,
        kill_switch: KillSwitch,
        watch: Watch<'_>,
    ) -> sandbox::Result<Self> {
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
        let answers = sandbox::wait_at_most(PATIENCE, || {
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

    pub(super) fn address(&self) -> IpAddr {
        self.veth.guest.into()
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Returns a folder on this machine that is removed with the box.
    pub(super) fn folder(&self) -> &Path {
        self.guest.lease().folder()
    }

    /// Returns the TLS settings that verify the box.
    pub(super) fn tls(&self, story: &Story) -> Result<Tls, CommandError> {
        if !story.self_signed {
            return Ok(Tls::unverified(&story.hostname)?);
        }
        let mut pem = Vec::new();
        let read = self
            .guest
            .open(CERTIFICATE, OFlag::O_RDONLY)
            .and_then(|mut file| file.read_to_end(&mut pem));
        read.map_err(|error| super::failed_to("read", Path::new(CERTIFICATE), error))?;
        Ok(Tls::pinned(&pem, &story.hostname)?)
    }
}
