//! The options of `check`, `watch` and `dns`.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Mail;
use crate::check::Part;

/// What to look at.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Check {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// Look at these parts alone, such as `tls,dns`; may be repeated. The parts: configuration,
    /// ports, tls, login, mail, relay, spoofing, queue, disk, clock, log, dns, outward.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<Part>,
}

/// What to look at, and who is told.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Watch {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// Send what is off by mail to the `system_mail` of mail.yml, and print nothing.
    #[arg(long = "mail")]
    pub by_mail: bool,
}

/// Which records to print, and how.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Dns {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// Print a zone file instead of a table.
    #[arg(long)]
    pub zone: bool,
}
