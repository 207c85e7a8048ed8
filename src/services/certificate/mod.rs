//! The certificate of every port: one that an authority issues to mailprov, one that
//! mail.yml names, such as certbot's, or a self-signed one.

mod authority;
mod checks;
mod records;
mod renewal;
mod settings;

use minijinja::context;

pub(crate) use renewal::Renewed;
pub use settings::{CertificateSource, Settings};

use super::checking::Check;
use super::context::{Inputs, Variables};
use super::{Configured, Record, RecordInputs, Service, SpecReader};
use crate::host::{self, Host};
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

    fn missing_records(&self, inputs: RecordInputs<'_>) -> Option<&'static str> {
        records::missing(inputs)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let certbot = inputs.facts.of_services.get(NAME).and_then(|facts| facts.get("certbot"));
        let names = certbot.and_then(|names| serde_json::from_value::<Vec<_>>(names.clone()).ok());
        let tls = &inputs.spec.services.certificate.beside(&names.unwrap_or_default());
        let tls = context! {
            certificate => tls.certificate.value.display().to_string(),
            key => tls.key.value.display().to_string(),
            self_signed => tls.is_self_signed(),
            keep_key => tls.dane,
            acme => tls.order().map(|(_, order)| {
                let addresses: Vec<_> = order.addresses.iter().map(ToString::to_string).collect();
                let dns = order.dns.clone().unwrap_or_default();
                context! {
                    directory => order.directory.as_str(),
                    email => order.email.as_deref().unwrap_or_default(),
                    profile => order.profile.as_deref().unwrap_or_default(),
                    addresses => addresses,
                    // Without a server it does not count.
                    dns => context! {
                        server => dns.server,
                        key => dns.key,
                        algorithm => dns.algorithm,
                        secret_file => dns.secret.display().to_string(),
                    },
                }
            }),
        };
        vec![("tls", tls)]
    }
}
