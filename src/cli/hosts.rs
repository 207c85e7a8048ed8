//! The command lines of `try` and `cloud-init`: hosts that are not there yet.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::Mail;
use crate::remote::Url;
use crate::sandbox;

/// What to try, and on which release.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Try {
    /// The file that says what the mail service is. Default: one that comes with mailprov.
    #[arg(value_name = "MAIL")]
    pub mail: Option<PathBuf>,
    /// The release of Debian: bookworm (12) or trixie (13).
    #[arg(long, value_name = "SUITE", default_value = "trixie", hide_possible_values = true)]
    pub suite: Suite,
    /// Let the box run on, to look around in it, until you press Enter or Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Install the Debian packages that are needed without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// What a new host is to be, and where it gets the program from.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct CloudInit {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// Where the new host fetches mailprov: https://…
    #[arg(long)]
    pub url: Url,
    /// The program that is to be found there, if it is not the one that runs.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}

/// A release of Debian, by its codename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Suite {
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
}

impl From<Suite> for sandbox::Suite {
    fn from(suite: Suite) -> Self {
        match suite {
            Suite::Bookworm => Self::Bookworm,
            Suite::Trixie => Self::Trixie,
        }
    }
}
