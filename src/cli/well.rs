//! The options of `check`, `watch` and `dns`.

use std::net::IpAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use super::{Mail, PasswordFrom, Sending};
use crate::check::Part;

/// What to look at.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Check {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
    /// Look at these parts alone, such as `tls,dns`; may be repeated. The parts: configuration,
    /// ports, tls, login, mail, relay, spoofing, queue, disk, clock, log, dns, outward.
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        value_parser = part(),
        hide_possible_values = true
    )]
    pub only: Vec<Part>,
    /// Look from this machine, as the world does, not from the host. Needs mail.yml here, and
    /// neither root nor a login there.
    #[arg(long)]
    pub from_here: bool,
    /// With --from-here, also log in with NAME and the password, which is asked for, and send a
    /// mail there and back.
    #[arg(long, value_name = "NAME", requires = "from_here")]
    pub login: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordFrom,
}

/// What to look at, and who is told.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Watch {
    /// The file that says what the mail service is.
    #[command(flatten)]
    pub mail: Mail,
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
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
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
    /// An address by which the world reaches the server; may be repeated. Default: on the server
    /// its own, if the world can reach them, else those that DNS has for its name.
    #[arg(long = "address", value_name = "ADDRESS")]
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Print a zone file instead of a table.
    #[arg(long)]
    pub zone: bool,
}

/// Reads a part by its name, and lets shells complete it.
fn part() -> impl TypedValueParser<Value = Part> {
    PossibleValuesParser::new(Part::ALL.map(Part::name)).try_map(|name| name.parse::<Part>())
}
