//! What `mailprov check` looks at, by the names that `--only` takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One part of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The host is as mail.yml says, and its services run with what is on disk.
    Configuration,
    /// Which ports answer.
    Ports,
    /// The certificate on each of them.
    Tls,
    /// Passwords that are right, and such as are not.
    Login,
    /// A mail there and back.
    Mail,
    /// Mail of strangers for strangers.
    Relay,
    /// Mail under somebody else's name.
    Spoofing,
    /// Mail that waits.
    Queue,
    /// Room on the disk.
    Disk,
    /// What time it is.
    Clock,
    /// What the daemons complain of.
    Log,
    /// What the world is told by DNS.
    Dns,
    /// The way out to other servers.
    Outward,
}

impl Part {
    /// All of them, in the order in which they are looked at.
    pub const ALL: [Self; 13] = [
        Self::Configuration,
        Self::Ports,
        Self::Tls,
        Self::Login,
        Self::Mail,
        Self::Relay,
        Self::Spoofing,
        Self::Queue,
        Self::Disk,
        Self::Clock,
        Self::Log,
        Self::Dns,
        Self::Outward,
    ];

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Ports => "ports",
            Self::Tls => "tls",
            Self::Login => "login",
            Self::Mail => "mail",
            Self::Relay => "relay",
            Self::Spoofing => "spoofing",
            Self::Queue => "queue",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Log => "log",
            Self::Dns => "dns",
            Self::Outward => "outward",
        }
    }

    /// Tells whether the server is called for it.
    pub fn uses_ports(self) -> bool {
        matches!(self, Self::Ports | Self::Tls | Self::Relay) || self.needs_account()
    }

    /// Tells whether somebody has to log in for it.
    pub fn needs_account(self) -> bool {
        matches!(self, Self::Login | Self::Mail | Self::Spoofing)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|part| part.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            format!("one of {}", names.join(", "))
        })
    }
}
