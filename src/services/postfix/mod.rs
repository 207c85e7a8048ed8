//! Postfix: takes mail from other servers and from people, and sends it.

mod context;
mod settings;

pub use settings::Settings;

use super::{Inputs, Reader, Section, Service, Variables};
use crate::yaml::KeySpec;

/// This service in the list of all.
pub struct Postfix;

impl Section for Postfix {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut Reader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for Postfix {
    fn name(&self) -> &'static str {
        "postfix"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        context::variables(inputs)
    }
}
