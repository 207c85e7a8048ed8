//! The box: a fresh Debian that root can log in to from this machine.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::super::{CommandError, Exit};
use super::story::Story;
use crate::cli::Global;
use crate::probe::{self, Tls};
use crate::report::Report;
use crate::sandbox::{
    self, Access, Cable, Cache, Claim, Error, Guest, Image, Init, Plug, Watch, mount_empty,
};

/// How long sshd may take to answer in a box that is up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where mailprov puts a self-signed certificate.
const CERTIFICATE: &str = "/etc/ssl/certs/mailprov.pem";

/// A box that is up; it is gone when this is dropped.
pub(super) struct Server {
    guest: Guest,
    cable: Cable,
    access: Access,
}

impl Server {
    /// Boots a fresh one.
    pub(super) fn boot(
        cache: &Cache,
        image: &Image,
        plug: Plug,
        watch: Watch<'_>,
    ) -> sandbox::Result<Self> {
        let claim = Claim::new(cache, watch)?;
        mount_empty(image, &claim)?;
        claim.add_namespace()?;
        let cable = Cable::plug(cache, &claim, watch)?;
        let mut guest = Guest::new(Init::Systemd, claim, plug);
        guest.name_itself()?;
        let access = Access::give(&guest, cable.guest)?;
        guest.boot(watch)?;
        let server = Self { guest, cable, access };
        let ssh = SocketAddr::new(server.address(), 22);
        let answers = sandbox::wait_at_most(PATIENCE, || {
            let is_open = probe::is_open(ssh, Duration::from_secs(1));
            (is_open || watch().is_err()).then_some(())
        });
        watch()?;
        match answers {
            Some(()) => Ok(server),
            None => Err(Error::Boot {
                name: server.guest.claim().name().to_owned(),
                state: "sshd does not answer".into(),
                console: server.guest.console(),
            }),
        }
    }

    /// Its address.
    pub(super) fn address(&self) -> IpAddr {
        self.cable.guest.into()
    }

    /// How to log in to it.
    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Runs the real bootstrap.
    pub(super) fn become_mail_server(
        &self,
        global: &Global,
        story: &Story,
        report: &mut Report,
    ) -> Result<Exit, CommandError> {
        let mail = self.guest.claim().folder().join("mail.yml");
        story.write(&mail)?;
        super::bring::bring(global, self, &mail, report)
    }

    /// Whom to take for it.
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
