//! The watch: at fixed times the server is compared with mail.yml and checked,
//! and a mail tells of what is wrong.

mod settings;

use minijinja::Value;

pub use settings::Interval;

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::yaml::KeySpec;

/// This service in the list of all.
pub struct Watch;

impl Configured for Watch {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Option<Interval>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        Some(settings::read(reader))
    }
}

impl Service for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        vec![("watch", Value::from(inputs.spec.services.watch.map(Interval::as_str)))]
    }
}
