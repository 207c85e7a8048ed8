//! App passwords: further passwords of an account, one a device, that open mail and
//! nothing else. A script in Lua checks them in Dovecot, before Dovecot compares the
//! password with the account's own, and notes when each was used last.

mod used;

use minijinja::{Value, context};

pub(crate) use used::{Device, devices};

use super::{Configured, Inputs, Service, SpecReader, Variables};
use crate::host::{self, Host};
use crate::mail::NewAppPassword;
use crate::yaml::KeySpec;

/// A new app password, for the person who is to type it into the device.
#[derive(Debug)]
pub(crate) struct ShownOnce {
    pub(crate) account: String,
    pub(crate) device: String,
    /// The name to log in by.
    pub(crate) login: String,
    pub(crate) password: NewAppPassword,
}

/// App passwords, in the list of services.
pub struct AppPasswords;

/// Their key belongs to an account, so it is read with the accounts.
impl Configured for AppPasswords {
    const KEYS: &'static [KeySpec] = &[];
    type Settings = ();

    fn read(_: &mut SpecReader<'_>) -> Option<()> {
        Some(())
    }
}

impl Service for AppPasswords {
    fn name(&self) -> &'static str {
        "app_passwords"
    }

    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        used::facts(host)
    }

    /// `devices` has the names of the files that tell of the last use, without a secret.
    fn context(&self, inputs: &Inputs) -> Variables {
        let (mut passwords, mut devices) = (Vec::new(), Vec::new());
        for (account, mailbox) in &*inputs.mailboxes {
            let Some(credentials) = inputs.spec.credentials.get(*account) else { continue };
            let login = inputs.spec.directory.login(*account, mailbox);
            for it in &credentials.app_passwords {
                devices.push(Value::from(used::file_name(&login, &it.device)));
                passwords.push(context! {
                    login => &*login,
                    device => it.device.as_str(),
                    hash => it.hash.secret().expose(),
                });
            }
        }
        vec![("app_passwords", passwords.into()), ("devices", devices.into())]
    }
}
