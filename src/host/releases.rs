//! The releases of Debian and Ubuntu that mailprov knows.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A release and its versions of packages.
#[derive(Debug)]
pub struct Release {
    /// `VERSION_CODENAME`.
    pub codename: &'static str,
    /// The upstream version of each package in question, as the release first had it.
    packages: &'static [(&'static str, &'static str)],
}

/// Newest first.
const RELEASES: [Release; 5] = [
    Release {
        codename: "trixie",
        packages: &[("postfix", "3.10.0"), ("dovecot-core", "2.4.1"), ("php-fpm", "8.4")],
    },
    Release {
        codename: "bookworm",
        packages: &[("postfix", "3.7.0"), ("dovecot-core", "2.3.19"), ("php-fpm", "8.2")],
    },
    Release {
        codename: "bullseye",
        packages: &[("postfix", "3.5.0"), ("dovecot-core", "2.3.13"), ("php-fpm", "7.4")],
    },
    Release {
        codename: "noble",
        packages: &[("postfix", "3.8.6"), ("dovecot-core", "2.3.21"), ("php-fpm", "8.3")],
    },
    Release {
        codename: "jammy",
        packages: &[("postfix", "3.6.4"), ("dovecot-core", "2.3.16"), ("php-fpm", "8.1")],
    },
];

/// The oldest supported release of each distribution, by `VERSION_ID`.
pub(crate) const FIRST_SERVED: [(&str, (u32, u32)); 2] = [("debian", (12, 0)), ("ubuntu", (22, 4))];

impl Release {
    /// Returns all known releases.
    pub fn all() -> &'static [Self] {
        &RELEASES
    }

    /// Returns the release with this codename.
    pub fn named(codename: &str) -> Option<&'static Self> {
        RELEASES.iter().find(|release| release.codename == codename)
    }

    /// Returns the upstream version of a package.
    pub fn version(&self, package: &str) -> Option<&'static str> {
        self.packages.iter().find(|(name, _)| *name == package).map(|(_, version)| *version)
    }
}

/// A release of Debian that can run in a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl Suite {
    /// All releases, oldest first.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];
    /// Debian's own mirror, for a machine whose apt does not know Debian.
    pub(crate) const MIRROR: &str = "http://deb.debian.org/debian";
    pub(crate) const SECURITY_MIRROR: &str = "http://deb.debian.org/debian-security";
    /// The keys that sign both.
    pub(crate) const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

    /// Returns the release's codename.
    pub fn codename(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// Returns the number of the release, as in `VERSION_ID` of `/etc/os-release`.
    pub fn release(self) -> &'static str {
        match self {
            Self::Bookworm => "12",
            Self::Trixie => "13",
        }
    }
}
