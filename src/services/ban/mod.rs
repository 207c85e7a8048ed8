//! Bans: an address from which passwords are guessed finds the ports of people
//! closed for a while. fail2ban counts the failed logins in Dovecot's log, which has
//! those of Postfix, too, and nftables closes the ports.

mod checks;
mod exempt;
mod fail2ban;
mod guesser;

use minijinja::Value;

pub use guesser::Guesser;

pub(crate) use exempt::is_exempt;
pub(crate) use fail2ban::{Ban as Banned, bans, lift};

use super::checking::Check;
use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::yaml::{KeySpec, ValueType};

/// This service in the list of all.
pub struct Ban;

impl Configured for Ban {
    const KEYS: &'static [KeySpec] = &[KeySpec::new(
        "ban",
        ValueType::Boolean,
        "`true`: an address from which ten logins failed within ten minutes is shut out of all \
         ports of people, for an hour, the next time for two, at last for a week. `false`: it may \
         go on guessing.",
    )
    .or("`true`")];
    type Settings = bool;

    fn read(reader: &mut SpecReader<'_>) -> Option<bool> {
        match reader.fields.get("ban") {
            Some(entry) => reader.decoder.boolean(&entry.value),
            None => Some(true),
        }
    }
}

impl Service for Ban {
    fn name(&self) -> &'static str {
        "ban"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![("ban", Value::from(inputs.spec.services.ban))]
    }
}
