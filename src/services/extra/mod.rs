//! Settings that mail.yml has no key for, passed on to Postfix, Dovecot and
//! rspamd unchanged.

mod ports;
mod settings;

use minijinja::context;

pub use ports::Ports;
use settings::MasterEntry;
pub use settings::Settings;

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::mail::Spanned;
use crate::yaml::KeySpec;

/// The extra settings, in the list of services.
pub struct Extra;

impl Configured for Extra {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        Some(settings::read(reader))
    }
}

impl Service for Extra {
    fn name(&self) -> &'static str {
        "extra"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let Settings { postfix, postfix_master, dovecot, rspamd } = &inputs.spec.services.extra;
        let parameter = |(name, value): &(Spanned<String>, String)| {
            context! { name => name.value.as_str(), value => value.as_str() }
        };
        let service = |entry: &Spanned<MasterEntry>| {
            context! { service => entry.value.service.as_str(), line => entry.value.line.as_str() }
        };
        let lines = context! {
            postfix => postfix.iter().map(parameter).collect::<Vec<_>>(),
            postfix_master => postfix_master.iter().map(service).collect::<Vec<_>>(),
            dovecot => dovecot.as_ref().map(|text| text.value.as_str()),
            rspamd => rspamd.as_ref().map(|text| text.value.as_str()),
        };
        vec![("extra", lines)]
    }
}
