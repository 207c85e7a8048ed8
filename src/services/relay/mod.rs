//! The smarthost: the server that relays all outgoing mail, if there is one.

mod settings;

use minijinja::{Value, context};

pub use settings::Settings;

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::yaml::KeySpec;

/// The relay, in the list of services.
pub struct Relay;

impl Configured for Relay {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Option<Settings>;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        Some(settings::read(reader))
    }
}

impl Service for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let relay = inputs.spec.services.relay.as_ref().map(|relay| {
            context! {
                host => relay.host.as_str(),
                port => relay.port,
                tls => relay.tls,
                username => relay.login.as_ref().map(|login| login.username.as_str()),
                password => relay.login.as_ref().map(|login| login.password.expose().as_str()),
            }
        });
        vec![("relay", Value::from(relay))]
    }
}
