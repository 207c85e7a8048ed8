//! The options of `check`, `watch`, `dns`, `certificate`, `dkim` and `ban`.

use std::net::IpAddr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::{InFile, Mail, PasswordFrom, Sending};
use crate::check;
use crate::services::ban::Guesser;
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
    #[arg(
        long,
        long_help = only_these_checks(),
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

/// The commands of `certificate`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum CertificateCommand {
    /// Order the certificate now if it is due, or if there is none yet.
    ///
    /// For `tls: acme`. A timer does the same from hour to hour, so this is for those who have
    /// just mended what kept the authority from issuing it, such as a DNS record. The services
    /// load the new one by themselves. Exits with 1 if none was issued. Needs root.
    Renew(Renew),
}

/// The options of `certificate renew`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Renew {
    /// Which file.
    #[command(flatten)]
    pub file: InFile,
    /// Leave the authority alone for an hour after an order in vain, as the timer does.
    #[arg(long)]
    pub if_due: bool,
    /// Order one with another key, even if the present one is not due.
    ///
    /// For a key that others may have read. With `dane: true`, the new key waits until its record
    /// is published: run the command again then.
    #[arg(long, conflicts_with = "if_due")]
    #[serde(default)]
    pub new_key: bool,
}

/// The commands of `dkim`.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum DkimCommand {
    /// Make new keys, and sign by them once their records are published.
    ///
    /// Prints the records, waits until the resolver of this host finds them, and applies the
    /// change. The former keys sign until then. A command that was stopped is run again: it goes
    /// on with the keys that wait. Needs root.
    Rotate(Rotate),
}

/// The options of `dkim rotate`.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Rotate {
    /// The domains. Default: all.
    #[arg(value_name = "DOMAIN")]
    pub domains: Vec<String>,
    /// Which file.
    #[command(flatten)]
    pub file: InFile,
    /// Do not wait for the records.
    #[arg(long)]
    pub no_wait: bool,
    /// Make the changes without asking.
    #[arg(long, short = 'y')]
    pub yes: bool,
}

/// The commands about bans.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum BanCommand {
    /// List the addresses that are shut out, and until when.
    List,
    /// Let an address in again.
    Lift {
        /// The address, such as 192.0.2.7. Of an IPv6 address the whole /64 is meant.
        address: Guesser,
    },
    /// Tell fail2ban by the exit code whether bans spare an address.
    #[command(hide = true)]
    Spares {
        /// As the filter has it.
        address: Guesser,
    },
}

/// Returns the help for `--only`, which lists the checks.
fn only_these_checks() -> String {
    let names: Vec<_> = check::ALL.iter().map(|check| check.name()).collect();
    let names = names.join(", ");
    format!(
        "Run only these checks, such as `tls,dns`; may be repeated.\n\nThe checks are: {names}."
    )
}

/// Parses the name of a check, and lets shells complete it.
fn check() -> impl TypedValueParser<Value = &'static Made> {
    let names = check::ALL.iter().map(|check| check.name());
    PossibleValuesParser::new(names)
        .try_map(|name| check::named(&name).ok_or("there is no such check"))
}
