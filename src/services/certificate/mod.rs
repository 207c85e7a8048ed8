//! The certificate of every port: certbot's, one that mail.yml names, or a
//! self-signed one that mailprov makes.

mod checks;
mod settings;

use minijinja::context;

pub use settings::Settings;

use super::checking::Check;
use super::context::{Inputs, Variables};
use super::{Configured, Service, SpecReader};
use crate::yaml::KeySpec;

/// The certificate, in the list of services.
pub struct Certificate;

impl Configured for Certificate {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Settings;

    fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
        settings::read(reader)
    }
}

impl Service for Certificate {
    fn name(&self) -> &'static str {
        "certificate"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let Settings { certificate, key, self_signed } = &inputs.spec.services.certificate;
        let tls = context! {
            certificate => certificate.value.display().to_string(),
            key => key.value.display().to_string(),
            self_signed => self_signed,
        };
        vec![("tls", tls)]
    }
}
