//! The options of `pull`, `try` and `cloud-init`, which work on other hosts, some of
//! which do not exist yet.

use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Mail;
use crate::host::Suite;
use crate::remote::{Destination, Url};

/// The options of `pull`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Pull {
    /// The host: a host for ssh, USER@HOST or USER@HOST:PORT.
    #[arg(value_name = "HOST")]
    pub host: Destination,
    /// The file to write.
    #[arg(value_name = "MAIL", default_value = "mail.yml")]
    pub mail: PathBuf,
    /// Replace the file without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// The options of `try`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Try {
    /// The mail.yml. Default: one that comes with mailprov.
    #[arg(value_name = "MAIL")]
    pub mail: Option<PathBuf>,
    /// The release of Debian: bookworm (12) or trixie (13).
    #[arg(long, value_name = "SUITE", default_value = "trixie", hide_possible_values = true)]
    pub suite: Suite,
    /// Keep the box running until you press Enter or Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Install missing Debian packages without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// The options of `cloud-init`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct CloudInit {
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// The address from which the new host fetches mailprov: https://…
    #[arg(long)]
    pub url: Url,
    /// The program at that address, if it is not the running one.
    #[arg(long, value_name = "FILE")]
    pub binary: Option<PathBuf>,
}
