//! The watch: compares the server with mail.yml and checks it at fixed times,
//! and mails the problems.

mod settings;

use minijinja::Value;

pub use settings::Interval;

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::yaml::KeySpec;

/// The watch, in the list of services.
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
