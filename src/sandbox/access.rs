//! Root's SSH login to a guest: a key that is removed with the guest, and the
//! guest's own host keys.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::{Error, Guest, Result, machine};

/// The kinds of a host's public keys in OpenSSH.
const KINDS: [&str; 3] = ["ed25519", "ecdsa", "rsa"];

/// The keys for a login to a guest.
#[derive(Debug)]
pub struct Access {
    /// The private key that the guest accepts.
    pub identity: PathBuf,
    /// The guest's host keys, for ssh's option `UserKnownHostsFile`.
    pub known_hosts: PathBuf,
}

impl Access {
    /// Makes a key and authorizes it in a guest that is switched off and will
    /// have this address.
    pub fn give(guest: &Guest, address: Ipv4Addr) -> Result<Self> {
        let folder = guest.lease().folder();
        let access = Self { identity: folder.join("key"), known_hosts: folder.join("known_hosts") };
        let identity = access.identity.to_string_lossy();
        machine::run(&[
            "ssh-keygen",
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            "try",
            "-f",
            &identity,
        ])?;
        let public = folder.join("key.pub");
        let key = fs::read(&public).map_err(|error| Error::io("read", &public, error))?;
        write(guest, "/root/.ssh", "/root/.ssh/authorized_keys", &key)?;
        let mut known = String::new();
        for kind in KINDS {
            let path = format!("/etc/ssh/ssh_host_{kind}_key.pub");
            let Ok(mut file) = guest.open(&path, OFlag::O_RDONLY) else { continue };
            let mut key = String::new();
            let read = file.read_to_string(&mut key);
            read.map_err(|error| Error::io("read", Path::new(&path), error))?;
            known.push_str(&format!("{address} {key}"));
        }
        let path = &access.known_hosts;
        fs::write(path, known).map_err(|error| Error::io("write", path, error))?;
        Ok(access)
    }

    /// Returns the options by which ssh verifies the guest and connects
    /// directly, whatever the user's own configuration says.
    pub fn options(&self) -> Vec<String> {
        vec![
            format!("UserKnownHostsFile={}", self.known_hosts.display()),
            "GlobalKnownHostsFile=/dev/null".into(),
            "StrictHostKeyChecking=yes".into(),
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
            "ProxyCommand=none".into(),
        ]
    }
}

/// Writes a file that only root can read, in a folder that only root can enter.
fn write(guest: &Guest, folder: &str, path: &str, content: &[u8]) -> Result<()> {
    let failed = |error| Error::io("write", Path::new(path), error);
    let place = guest.lease().root().join(folder.trim_start_matches('/'));
    fs::create_dir_all(&place).map_err(failed)?;
    fs::set_permissions(&place, Permissions::from_mode(0o700)).map_err(failed)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
    let mut file = guest.open(path, flags).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(content).map_err(failed)
}
