//! Settings that mail.yml has no key for, passed on to Postfix and Dovecot unchanged.

mod ports;
mod settings;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

pub use ports::Ports;
pub use settings::Settings;

use super::{Configured, Inputs, Service, SpecReader, Variables};
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

#[derive(Serialize)]
struct Lines<'a> {
    postfix: Vec<Parameter<'a>>,
    postfix_master: Vec<MasterLine<'a>>,
    dovecot: Option<&'a str>,
}

#[derive(Serialize)]
struct MasterLine<'a> {
    service: &'a str,
    line: &'a str,
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    value: &'a str,
}

impl Service for Extra {
    fn name(&self) -> &'static str {
        "extra"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let Settings { postfix, postfix_master, dovecot } = &inputs.spec.services.extra;
        let postfix = postfix.iter();
        let services = postfix_master.iter().map(|entry| &entry.value);
        let lines = Lines {
            postfix: postfix.map(|(name, value)| Parameter { name: &name.value, value }).collect(),
            postfix_master: services
                .map(|it| MasterLine { service: &it.service, line: &it.line })
                .collect(),
            dovecot: dovecot.as_ref().map(|text| text.value.as_str()),
        };
        vec![("extra", Value::from(Serde(lines)))]
    }
}
