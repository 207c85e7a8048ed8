//! Facts about the host that no step of a playbook changes: its release, its
//! architecture, and the versions that decide the syntax of files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{Error, Host, Release, Result};

/// The variable `facts` of templates.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// `ID` in `/etc/os-release`, such as `debian`.
    pub distribution: String,
    /// `VERSION_ID`, such as `12`; empty on a testing release.
    pub release: String,
    /// `VERSION_CODENAME`, such as `bookworm`.
    pub codename: String,
    /// dpkg's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// The init system.
    pub init: Init,
    /// The memory in MiB, rounded to a power of two. It limits the number of server processes.
    pub memory: u64,
    /// Whether the machine has too little memory for a large daemon beside
    /// Postfix and Dovecot: less than 700 MB.
    pub small: bool,
    /// The size in MiB, rounded to a power of two, of the file system with
    /// Postfix's queue. A part of it is reserved for local mail.
    pub queue_disk: u64,
    /// Whether Postfix and Dovecot can listen by IPv6.
    pub ipv6: bool,
    /// The programs whose version decides the syntax of their files, by their name in templates.
    #[serde(flatten)]
    pub programs: BTreeMap<&'static str, Program>,
    /// The facts that services gather, by the names of these.
    #[serde(flatten)]
    pub of_services: BTreeMap<&'static str, serde_json::Value>,
}

/// A package whose version decides the syntax of files.
#[derive(Debug, Clone, Copy)]
pub struct VersionedPackage {
    /// The name in templates: `facts.NAME`.
    pub name: &'static str,
    /// The name of the package.
    pub package: &'static str,
    /// Returns the default type of lookup tables for an upstream version.
    pub table_type: Option<fn(&str) -> &'static str>,
}

/// The init system of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Init {
    /// systemd is process 1.
    Systemd,
    /// Another init that runs `/etc/init.d`, or a container without one.
    Sysvinit,
    /// None: the host is a tree.
    None,
}

impl Facts {
    /// Returns the default type of Postfix's lookup tables.
    pub(crate) fn table_type(&self) -> &str {
        let mut types = self.programs.values().map(|program| program.table_type.as_str());
        types.find(|table_type| !table_type.is_empty()).unwrap_or("hash")
    }
}

/// A program whose version decides the syntax of its files.
#[derive(Debug, Clone, Serialize)]
pub struct Program {
    /// The upstream version, such as `2.3.19.1`.
    pub version: String,
    /// The default type of its lookup tables (`default_database_type` in
    /// postconf(5)); empty if it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub table_type: String,
}

impl Host {
    /// Gathers the facts, including the versions of these packages, and adds those
    /// of services. Changes nothing.
    pub fn facts(
        &self,
        packages: impl Iterator<Item = VersionedPackage>,
        of_services: BTreeMap<&'static str, serde_json::Value>,
    ) -> Result<Facts> {
        let os = self.os_release()?;
        let field = |name: &str| field(&os, name);
        let codename = field("VERSION_CODENAME");
        let programs = packages.map(|it| {
            let version = self.upstream_version(it.package, &codename)?;
            let table_type = it.table_type.map_or("", |of| of(&version)).to_owned();
            Ok((it.name, Program { version, table_type }))
        });
        let programs = programs.collect::<Result<_>>()?;
        Ok(Facts {
            distribution: field("ID"),
            release: field("VERSION_ID"),
            codename,
            architecture: self.architecture()?.to_owned(),
            init: self.init()?,
            memory: self.memory()?,
            small: self.is_small()?,
            queue_disk: self.queue_disk()?,
            ipv6: self.speaks_ipv6()?,
            programs,
            of_services,
        })
    }

    /// Returns the codename of the release, `VERSION_CODENAME` in `/etc/os-release`.
    pub(crate) fn codename(&self) -> Result<String> {
        Ok(field(&self.os_release()?, "VERSION_CODENAME"))
    }

    fn os_release(&self) -> Result<String> {
        for path in ["/etc/os-release", "/usr/lib/os-release"] {
            if let Some(content) = self.read(Path::new(path))? {
                return Ok(content.text().into_owned());
            }
        }
        Ok(String::new())
    }

    /// Returns the upstream version of a package: the installed one, else apt's
    /// candidate, else the release's.
    pub(crate) fn upstream_version(&self, package: &str, codename: &str) -> Result<String> {
        if let Some(installed) = self.package(package)? {
            return Ok(upstream(&installed.version).to_owned());
        }
        match self.command(["apt-cache", "policy", package]).capture() {
            Ok(policy) => expected(package, &policy.stdout, codename),
            // Without apt this is not a Debian, and the package step reports that.
            Err(_) => Ok(newest(package)),
        }
    }

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
            return Ok(content.text().trim().to_owned());
        }
        Ok(match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        }
        .to_owned())
    }
}

/// Returns a value of `/etc/os-release`; empty if it has none.
fn field(os: &str, name: &str) -> String {
    let value = os.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// Returns the upstream version of a package that is not installed: the
/// candidate in the output of `apt-cache policy`, or the version that the
/// release first had if the package lists were never fetched.
fn expected(package: &str, policy: &str, codename: &str) -> Result<String> {
    let candidate = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    let candidate = candidate.filter(|&version| version != "(none)").map(upstream);
    let released = || Release::named(codename)?.version(package);
    match candidate.or_else(released) {
        Some(version) => Ok(version.to_owned()),
        None if codename.is_empty() => Ok(newest(package)),
        None => Err(Error::Other(format!(
            "it cannot be known which version of {package} this host would get: its package \
             lists do not have it, and the release `{codename}` is not one that mailprov knows; \
             run: apt-get update"
        ))),
    }
}

/// Returns the version of a package in the newest known release.
fn newest(package: &str) -> String {
    let version = Release::all().iter().find_map(|release| release.version(package));
    version.unwrap_or_default().to_owned()
}

/// Removes epoch and Debian revision from a version (deb-version(7)).
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _)| rest);
    version.split(['+', '~']).next().unwrap_or(version)
}

#[cfg(test)]
mod tests {
    use super::{expected, upstream};

    #[test]
    fn an_upstream_version_has_no_epoch_and_no_revision() {
        assert_eq!(upstream("1:2.3.19.1+dfsg1-2.1+deb12u1"), "2.3.19.1");
        assert_eq!(upstream("3.10.13-0+deb13u1"), "3.10.13");
    }

    #[test]
    fn apt_is_believed_before_the_release_and_an_unknown_release_is_not_guessed() {
        let none = "postfix:\n  Installed: (none)\n  Candidate: (none)\n";
        let some = "postfix:\n  Installed: (none)\n  Candidate: 3.11.2-1+b1\n";
        let version = |policy, codename| expected("postfix", policy, codename).ok();
        assert_eq!(version(some, "bookworm").as_deref(), Some("3.11.2"));
        assert_eq!(version(some, "forky").as_deref(), Some("3.11.2"));
        assert_eq!(version(none, "bookworm").as_deref(), Some("3.7.0"));
        assert_eq!(version("", "noble").as_deref(), Some("3.8.6"));
        assert_eq!(version(none, "").as_deref(), Some("3.10.0"));
        let error = expected("postfix", none, "forky").unwrap_err().to_string();
        assert!(error.contains("`forky`") && error.ends_with("apt-get update"), "{error}");
    }
}
