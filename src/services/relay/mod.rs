//! The smarthost: the server that relays all outgoing mail, if there is one.

mod settings;

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

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

#[derive(Serialize)]
struct Smarthost<'a> {
    host: &'a str,
    port: u16,
    tls: &'static str,
    username: Option<&'a str>,
    password: Option<&'a str>,
}

impl Service for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let relay = inputs.spec.services.relay.as_ref().map(|relay| Smarthost {
            host: &relay.host,
            port: relay.port,
            tls: relay.tls.as_str(),
            username: relay.login.as_ref().map(|login| login.username.as_str()),
            password: relay.login.as_ref().map(|login| login.password.expose().as_str()),
        });
        vec![("relay", Value::from(Serde(relay)))]
    }
}
