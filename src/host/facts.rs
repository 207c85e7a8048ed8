//! What is true of the host and no step of a playbook changes: its release,
//! its architecture, the versions that decide which dialect a file is in.

use std::path::Path;

use serde::Serialize;

use super::{Host, Result};

/// What templates see as `facts`.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// `ID` of `/etc/os-release`, such as `debian`.
    pub distribution: String,
    /// `VERSION_ID`, such as `12`; empty on a release to come.
    pub release: String,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub codename: String,
    /// dpkg's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// What starts services.
    pub init: Init,
    /// The memory in MiB, to a power of two. It bounds how many processes serve
    /// callers.
    pub memory: u64,
    /// The size in MiB, to a power of two, of the file system that Postfix's queue
    /// is on. A part of it is kept from strangers.
    pub queue_disk: u64,
    /// Whether Postfix and Dovecot can listen by IPv6.
    pub ipv6: bool,
    /// Postfix as it is, or will be, installed.
    pub postfix: Program,
    /// Dovecot as it is, or will be, installed.
    pub dovecot: Program,
}

/// What starts services on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// systemd is process 1.
    Systemd,
    /// Something else is: a container, or an init that runs `/etc/init.d`.
    Sysvinit,
    /// Nothing runs: the host is a tree.
    None,
}

/// A program whose version decides how its files are written.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// The upstream version, such as `2.3.19.1`.
    pub version: String,
    /// The type of lookup table that it makes unless told otherwise
    /// (`default_database_type` in postconf(5)); empty where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_type: String,
}

/// The Debian releases that we know, with what they bring, for a host whose
/// package lists have not been fetched yet. Newest first; the first one also
/// stands for every release that we do not know.
const RELEASES: [Release; 3] = [
    Release { codename: "trixie", postfix: "3.10.0", dovecot: "2.4.1" },
    Release { codename: "bookworm", postfix: "3.7.0", dovecot: "2.3.19" },
    Release { codename: "bullseye", postfix: "3.5.0", dovecot: "2.3.13" },
];

/// What a Debian release brings.
#[derive(Debug)]
struct Release {
    codename: &'static str,
    postfix: &'static str,
    dovecot: &'static str,
}

/// The first Postfix that makes cdb tables by default, Berkeley DB being
/// retired (Postfix NON_BERKELEYDB_README).
const FIRST_POSTFIX_WITH_CDB: (u32, u32) = (3, 11);

impl Host {
    /// Gathers the facts. Changes nothing.
    pub fn facts(&self) -> Result<Facts> {
        let os = self.os_release()?;
        let field = |name: &str| {
            let value = os.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_default().trim_matches('"').to_owned()
        };
        let codename = field("VERSION_CODENAME");
        let release =
            RELEASES.iter().find(|known| known.codename == codename).unwrap_or(&RELEASES[0]);
        let versions =
            self.versions(&[("postfix", release.postfix), ("dovecot-core", release.dovecot)])?;
        let [postfix, dovecot] = &versions[..] else { unreachable!("two were asked for") };
        Ok(Facts {
            distribution: field("ID"),
            release: field("VERSION_ID"),
            codename,
            architecture: self.architecture()?.to_owned(),
            init: self.init()?,
            memory: self.memory()?,
            queue_disk: self.queue_disk()?,
            ipv6: self.speaks_ipv6()?,
            postfix: Program { version: postfix.clone(), table_type: table_type(postfix).into() },
            dovecot: Program { version: dovecot.clone(), table_type: String::new() },
        })
    }

    fn os_release(&self) -> Result<String> {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            if let Some(content) = self.read(Path::new(path))? {
                return Ok(String::from_utf8_lossy(content.bytes()).into_owned());
            }
        }
        Ok(String::new())
    }

    /// Returns the upstream version of each package: the installed one, else
    /// the one that apt would install, else the one given beside its name.
    fn versions(&self, packages: &[(&str, &str)]) -> Result<Vec<String>> {
        let mut versions = Vec::new();
        for (name, fallback) in packages {
            let version = match self.package(name)? {
                Some(package) => package.version,
                None => self.candidate(name)?.unwrap_or_else(|| (*fallback).to_owned()),
            };
            versions.push(upstream(&version).to_owned());
        }
        Ok(versions)
    }

    /// Returns the version that apt would install.
    fn candidate(&self, name: &str) -> Result<Option<String>> {
        let policy = match self.command(["apt-cache", "policy", name]).capture() {
            Ok(captured) => captured.stdout,
            // No apt at all: this is not a Debian, and the package step will say so.
            Err(_) => return Ok(None),
        };
        let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
        Ok(candidate.filter(|&version| version != "(none)").map(String::from))
    }

    /// Returns dpkg's name of the architecture.
    pub(super) fn architecture(&self) -> Result<&str> {
        if let Some(known) = self.architecture.get() {
            return Ok(known);
        }
        let found = self.find_architecture()?;
        Ok(self.architecture.get_or_init(|| found))
    }

    fn find_architecture(&self) -> Result<String> {
        let content = self.read(Path::new("/var/lib/dpkg/arch-native"))?;
        if let Some(content) = content {
            return Ok(String::from_utf8_lossy(content.bytes()).trim().to_owned());
        }
        Ok(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
        .to_owned())
    }
}

/// Returns the type of table that Debian's Postfix of this version makes unless
/// told otherwise. Postfix itself is not asked: it would read main.cf, which may
/// be what is broken.
fn table_type(version: &str) -> &'static str {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < FIRST_POSTFIX_WITH_CDB { "hash" } else { "cdb" }
}

/// Takes epoch and Debian revision off a version (deb-version(7)).
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _)| rest);
    version.split(['+', '~']).next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::{table_type, upstream};

    #[test]
    fn an_upstream_version_has_no_epoch_and_no_revision() {
        assert_eq!(upstream("1:2.3.19.1+dfsg1-2.1+deb12u1"), "2.3.19.1");
        assert_eq!(upstream("3.10.13-0+deb13u1"), "3.10.13");
    }

    #[test]
    fn tables_are_of_the_type_that_the_version_makes() {
        assert_eq!(table_type("3.7.11"), "hash");
        assert_eq!(table_type("3.10.13"), "hash");
        assert_eq!(table_type("3.11.7"), "cdb");
    }
}
