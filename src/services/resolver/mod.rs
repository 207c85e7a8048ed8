//! The host's own resolver, unbound: it looks names up by itself and proves what it
//! finds (DNSSEC). Postfix can then prove other servers by DANE, and the spam filter
//! ask blocklists, which turn away those who come through a public resolver.

mod checks;
mod resolv_conf;

use minijinja::Value;

use super::checking::{Check, Daemon};
use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::host::{self, Host};
use crate::yaml::{KeySpec, ValueType};

/// The resolver, in the list of services.
pub struct OwnResolver;

impl Configured for OwnResolver {
    const KEYS: &'static [KeySpec] = &[KeySpec::new(
        "resolver",
        ValueType::Boolean,
        "`true`: this host looks names up by itself, with unbound, and proves what it finds \
         (DNSSEC): `/etc/resolv.conf` leads there. Mail to servers that publish their \
         certificate in DNS (DANE) then goes only there, and blocklists answer the spam filter. \
         It takes about 12 MB of memory. `false`: `/etc/resolv.conf` stays as it is, or becomes \
         what it was.",
    )
    .or("`false`")];
    type Settings = bool;

    fn read(reader: &mut SpecReader<'_>) -> Option<bool> {
        match reader.fields.get("resolver") {
            Some(entry) => reader.decoder.boolean(&entry.value),
            None => Some(false),
        }
    }
}

impl Service for OwnResolver {
    fn name(&self) -> &'static str {
        "resolver"
    }

    /// Tells templates what /etc/resolv.conf was before, and which programs would
    /// overwrite it.
    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        resolv_conf::facts(host)
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn daemon(&self) -> Option<&'static Daemon> {
        Some(&checks::DAEMON)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let services = &inputs.spec.services;
        vec![
            ("resolver", Value::from(services.resolver)),
            // How a relay is proven, `relay:` says.
            ("dane", Value::from(services.resolver && services.relay.is_none())),
        ]
    }
}
