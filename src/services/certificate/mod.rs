//! The certificate of every port: one that an authority issues to mailprov, one that
//! mail.yml names, such as certbot's, or a self-signed one.

mod authority;
mod checks;
mod records;
mod renewal;
mod settings;

use std::borrow::Cow;

use minijinja::context;
use sha2::{Digest, Sha256};

pub(in crate::services) use authority::variables as order_variables;
pub(crate) use renewal::Renewed;
pub use settings::{CertificateSource, Settings};
pub(in crate::services) use settings::{ISSUED, is_self_signed};

use super::checking::Check;
use super::context::{Inputs, Variables};
use super::{Configured, Record, RecordInputs, Service, Spec, SpecReader};
use crate::host::{self, Facts, Host};
use crate::yaml::KeySpec;

/// The name of the service, and of its facts.
const NAME: &str = "certificate";

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
        NAME
    }

    /// Lists the names of the certificates that certbot keeps.
    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        let certbot = settings::names_at_certbot(host);
        let is_none = certbot.is_empty();
        Ok(if is_none { serde_json::Value::Null } else { serde_json::json!({"certbot": certbot}) })
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn records(&self, inputs: RecordInputs<'_>) -> Vec<Record> {
        records::records(inputs)
    }

    fn missing_records(&self, inputs: RecordInputs<'_>) -> Vec<String> {
        records::missing(inputs).into_iter().map(str::to_owned).collect()
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let tls = settings_on(&inputs.spec, &inputs.facts);
        let tls = context! {
            certificate => tls.certificate.value.display().to_string(),
            key => tls.key.value.display().to_string(),
            self_signed => tls.is_self_signed(),
            keep_key => tls.dane,
            minute => minute(&inputs.spec),
            acme => tls.order().map(|(_, order)| authority::variables(order)),
        };
        vec![("tls", tls)]
    }
}

/// Returns the minute of the hour at which the renewal is looked at. Authorities ask that not
/// all hosts come at the same. It outlasts another host name.
fn minute(spec: &Spec) -> u32 {
    let domain = spec.directory.domains.first().map(ToString::to_string);
    u32::from(Sha256::digest(domain.unwrap_or_default())[0]) % 60
}

/// Returns the settings of the certificate on a host, as far as its facts tell.
pub(in crate::services) fn settings_on<'s>(spec: &'s Spec, facts: &Facts) -> Cow<'s, Settings> {
    let certbot = facts.of_services.get(NAME).and_then(|facts| facts.get("certbot"));
    let names = certbot.and_then(|names| serde_json::from_value::<Vec<_>>(names.clone()).ok());
    spec.services.certificate.beside(&names.unwrap_or_default())
}
