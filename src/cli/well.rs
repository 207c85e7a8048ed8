//! The options of `check`, `watch` and `dns`.

use std::net::IpAddr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use super::{Mail, PasswordFrom, Sending};
use crate::check;
use crate::services::checking::Check as Made;

/// The options of `check`.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
pub struct Check {
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
    /// Run only these checks, such as `tls,dns`; may be repeated.
    ///
    /// The checks are: configuration, ports, tls, relay, spoofing, queue, outward, login, sieve,
    /// mail, disk, clock, log, dns.
    #[arg(
        long,
        value_name = "CHECK",
        value_delimiter = ',',
        value_parser = check(),
        hide_possible_values = true
    )]
    pub only: Vec<&'static Made>,
    /// Look from this machine, as the world does.
    ///
    /// Needs mail.yml here, and neither root nor a login on the server.
    #[arg(long)]
    pub from_here: bool,
    /// With --from-here, also log in as NAME and send a mail there and back.
    ///
    /// Asks for the password.
    #[arg(long, value_name = "NAME", requires = "from_here")]
    pub login: Option<String>,
    /// Where the password comes from.
    #[command(flatten)]
    pub password: PasswordFrom,
}

/// The options of `watch`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Watch {
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
    /// Mail what is off to the `system_mail` of mail.yml, and print nothing.
    #[arg(long = "mail")]
    pub by_mail: bool,
}

/// The options of `dns`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Dns {
    /// The mail.yml.
    #[command(flatten)]
    pub mail: Mail,
    /// What may be sent to other hosts.
    #[command(flatten)]
    pub sending: Sending,
    /// A public address of the server; may be repeated.
    ///
    /// Default: on the server its own, if the world can reach them; else those that DNS has for its
    /// name.
    #[arg(long = "address", value_name = "ADDRESS")]
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Print a zone file instead of a table.
    #[arg(long)]
    pub zone: bool,
}

/// Parses the name of a check, and lets shells complete it.
fn check() -> impl TypedValueParser<Value = &'static Made> {
    let names = check::ALL.iter().map(|check| check.name());
    PossibleValuesParser::new(names)
        .try_map(|name| check::named(&name).ok_or("there is no such check"))
}
