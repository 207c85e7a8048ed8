//! The box: a fresh Debian in which root can log in from this machine.

use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::fcntl::OFlag;

use super::{
    Access, Cache, Error, Guest, Image, Init, KillSwitch, Lease, Result, VethPair, Watch,
    mount_empty, wait_at_most,
};
use crate::host;
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

    /// Installs a package that lies in its apt's own cache and needs nothing that it lacks.
    /// apt-get would take ten times as long.
    pub(crate) fn install(&self, package: &str) -> Result<()> {
        let cache = Path::new("/var/cache/apt/archives");
        let failed = |error| Error::io("find a package in", cache, error);
        let inside = self.guest.lease().root().join("var/cache/apt/archives");
        for entry in fs::read_dir(inside).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name.strip_prefix(package).is_some_and(|rest| rest.starts_with('_')) {
                return self.run(&["dpkg", "--install", &cache.join(name).to_string_lossy()]);
            }
        }
        Err(failed(io::ErrorKind::NotFound.into()))
    }

    /// Writes a file in it, and the folders on the way. Everybody may read it.
    pub(crate) fn write(&self, path: &str, content: &str) -> Result<()> {
        let failed = |error| Error::io("write", Path::new(path), error);
        let place = self.guest.lease().root().join(path.trim_start_matches('/'));
        place.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        let mut file = self.guest.open(path, flags).map_err(failed)?;
        file.set_permissions(Permissions::from_mode(0o644)).map_err(failed)?;
        file.write_all(content.as_bytes()).map_err(failed)
    }

    /// Runs a program in it to its end, and fails if that does.
    pub(crate) fn run(&self, argv: &[&str]) -> Result<()> {
        let mut command = self.guest.command(argv)?;
        command.stdin(Stdio::null());
        let ended = command.output().map_err(|error| Error::start("nsenter", &error))?;
        if ended.status.success() {
            return Ok(());
        }
        Err(Error::Host(host::Error::Command {
            command: argv.join(" "),
            outcome: ended.status.to_string(),
            output: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }))
    }
}
