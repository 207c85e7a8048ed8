//! The services of a mail server, each in a folder of its own: its keys in
//! mail.yml, the variables of its templates, its checks and DNS records.
//!
//! A service is added to the list in two lines; the playbook that sets it up is
//! a folder of the same name in `playbooks/postmaster`.
//!
//! * [`Spec`] is a whole mail.yml: the names, addresses and accounts that all
//!   services share ([`mail`]), and the [`Settings`] of each service.
//! * [`Context`](crate::mail::Context) is the spec as templates see it.

mod context;
mod mask;
#[cfg(test)]
mod properties;
mod records;
mod referenced_files;
mod sandbox_copy;
mod spec;

pub mod app_passwords;
pub mod ban;
pub mod certificate;
pub mod checking;
pub mod dkim;
pub mod dovecot;
pub mod extra;
pub mod postfix;
pub mod relay;
pub mod resolver;
pub mod self_service;
pub mod send_limit;
pub mod sieve;
pub mod spam;
pub mod srs;
pub mod watch;
pub mod web;
pub mod webmail;

pub use context::Inputs;
pub(crate) use context::Variables;
pub(crate) use mask::{NEW_SECRET, masked, masked_texts};
pub(crate) use records::MissingAddress;
pub(crate) use records::missing_records;
pub use records::{Record, RecordInputs, records};
pub(crate) use referenced_files::{ReferencedFile, ReferencedKind, referenced_files};
pub(crate) use sandbox_copy::SandboxCopy;
#[cfg(test)]
pub(crate) use spec::load_text;
pub(crate) use spec::{ListedAccount, not_text};
pub use spec::{Spec, load, schema};

use crate::explain::{ServerFiles, Way};
use checking::{Check, Daemon, Port};

use crate::host::{self, Facts, Host, VersionedPackage};
use crate::mail::{self, Files, Hostname, Spanned};
use crate::yaml::{self, Decoder, Fields, KeySpec};

/// The interface of a service. Everything but the name is optional.
pub trait Service: Sync {
    /// Returns the name, which is also that of its folders.
    fn name(&self) -> &'static str;

    /// Returns the packages whose version decides the syntax of its files.
    fn packages(&self) -> &'static [VersionedPackage] {
        &[]
    }

    /// Returns its facts about the host, which templates see as `facts.NAME`; null
    /// if it has none.
    fn facts(&self, _host: &Host) -> host::Result<serde_json::Value> {
        Ok(serde_json::Value::Null)
    }

    /// Returns its checks, in order.
    fn checks(&self) -> &'static [&'static Check] {
        &[]
    }

    /// Returns its daemon, if it has one with ports.
    fn daemon(&self) -> Option<&'static Daemon> {
        None
    }

    /// Returns the ports that it may serve, with its own daemon or with another's.
    fn ports(&self) -> &'static [Port] {
        &[]
    }

    /// Returns the variables of its templates, each a member of `mail`.
    fn context(&self, _inputs: &Inputs) -> Variables {
        Variables::new()
    }

    /// Returns the DNS records that it needs.
    fn records(&self, _inputs: RecordInputs<'_>) -> Vec<Record> {
        Vec::new()
    }

    /// Returns why it has fewer records than it needs, a sentence for each reason.
    fn missing_records(&self, _inputs: RecordInputs<'_>) -> Vec<String> {
        Vec::new()
    }

    /// Returns the paths of mail through it, derived from its files.
    fn journeys(&self, _server: &ServerFiles) -> Vec<Way> {
        Vec::new()
    }
}

/// The part of mail.yml that belongs to a service.
pub trait Configured {
    /// The keys: for the decoder, the schema, the reference and `explain`.
    const KEYS: &'static [KeySpec];
    /// The values of the keys.
    type Settings;

    /// Reads the values, or reports why they are invalid.
    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings>;
}

/// A mail.yml that is being read.
pub struct SpecReader<'r> {
    pub(crate) decoder: &'r mut Decoder,
    pub(crate) fields: &'r Fields<'r>,
    pub(crate) files: &'r Files<'r>,
    pub(crate) hostname: Option<&'r Spanned<Hostname>>,
}

macro_rules! services {
    ($($name:ident: $service:ident,)*) => {
        /// The settings of all services.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is told of in its own module")]
        pub struct Settings {
            $(pub $name: <$name::$service as Configured>::Settings,)*
        }

        impl Settings {
            /// Reads the sections of all services, so that all mistakes are reported.
            fn read(reader: &mut SpecReader<'_>) -> Option<Self> {
                $(let $name = <$name::$service as Configured>::read(reader);)*
                Some(Self { $($name: $name?,)* })
            }
        }

        /// All services, in the order of setup and reports.
        pub const ALL: &[&dyn Service] = &[$(&$name::$service,)*];

        const KEYS: &[&[KeySpec]] = &[mail::KEYS, $(<$name::$service as Configured>::KEYS,)*];
    };
}

services! {
    certificate: Certificate,
    postfix: Postfix,
    dovecot: Dovecot,
    app_passwords: AppPasswords,
    relay: Relay,
    resolver: OwnResolver,
    sieve: Sieve,
    spam: Spam,
    dkim: Dkim,
    srs: Srs,
    ban: Ban,
    send_limit: SendLimit,
    self_service: SelfService,
    web: Web,
    webmail: Webmail,
    watch: Watch,
    extra: Extra,
}

/// The top level of mail.yml.
pub static MAIL_YML: yaml::Section = yaml::Section {
    keys: &yaml::concat::<{ yaml::count(KEYS) }>(KEYS),
    required: mail::REQUIRED,
    one_of: &[],
    together: &[],
};

/// Returns all keys of mail.yml, each with its path: `accounts.quota`. The
/// paths leave out the names of accounts.
pub fn keys() -> Vec<(String, &'static KeySpec)> {
    fn walk(
        way: &str,
        section: &'static yaml::Section,
        found: &mut Vec<(String, &'static KeySpec)>,
    ) {
        for key in section.keys {
            let way = format!("{way}{}", key.name);
            found.push((way.clone(), key));
            if let Some(inner) = key.value_type.section() {
                walk(&format!("{way}."), inner, found);
            }
        }
    }
    let mut found = Vec::new();
    walk("", &MAIL_YML, &mut found);
    found
}

/// Returns the ports that the services may serve.
pub(crate) fn ports() -> impl Iterator<Item = &'static Port> {
    ALL.iter().flat_map(|service| service.ports())
}

impl Settings {
    /// Returns the protocols that Dovecot serves, in its own names.
    fn protocols(&self) -> Vec<&'static str> {
        let open = ports().filter(|port| (port.is_on)(self));
        let mut protocols: Vec<_> = open.filter_map(|port| port.protocol.of_dovecot()).collect();
        protocols.dedup();
        protocols
    }

    /// Returns the ports that `extra:` opens and closes.
    pub(crate) fn changed_ports(&self) -> extra::Ports {
        self.extra.ports(&self.protocols())
    }

    /// Returns the ports that should answer, without those that `extra:` opens.
    fn open_ports(&self) -> Vec<u16> {
        let closed = self.changed_ports().closed;
        let open = ports().filter(|port| (port.is_on)(self) && !closed.contains(&port.number));
        open.map(|port| port.number).collect()
    }
}

/// Gathers the facts about a host that the templates use. Changes nothing.
pub fn facts(host: &Host) -> host::Result<Facts> {
    let packages = ALL.iter().flat_map(|service| service.packages()).copied();
    let of_services = ALL.iter().map(|it| Ok((it.name(), it.facts(host)?)));
    let known = |fact: &host::Result<_>| !matches!(fact, Ok((_, serde_json::Value::Null)));
    host.facts(packages, of_services.filter(known).collect::<host::Result<_>>()?)
}

/// Returns the paths of mail through the server.
pub fn journeys(server: &ServerFiles) -> Vec<Way> {
    ALL.iter().flat_map(|service| service.journeys(server)).collect()
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::host::Release;

    #[test]
    fn each_release_has_a_version_of_each_package_that_a_service_asks_for() {
        for package in ALL.iter().flat_map(|service| service.packages()) {
            for release in Release::all() {
                let known = release.version(package.package).is_some();
                assert!(known, "{} of {}", package.package, release.codename);
            }
        }
    }
}
