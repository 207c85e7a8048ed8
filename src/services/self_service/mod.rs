//! Passwords of their own: people change theirs, in the webmail or on a page, and the new
//! one counts until the administrator writes another hash into mail.yml.
//!
//! `own` has the files in which the passwords are kept, `users` Dovecot's accounts,
//! `proof` asks Dovecot whether a password is right, `tries` limits the guesses, `change`
//! is the change itself, `poppassd` the words by which a web page asks for it, and `page` such
//! a page. `rollback` keeps the passwords on the way back.

mod change;
mod checks;
mod journeys;
mod own;
mod page;
mod poppassd;
mod proof;
mod rollback;
mod settings;
mod tries;
mod users;

use std::sync::Arc;

use minijinja::{Value, context};

pub(crate) use own::CountingPasswords;
pub use own::OwnPasswords;
pub(crate) use page::answer as answer_browser;
pub(crate) use poppassd::answer;
pub(crate) use rollback::keep_own_passwords;

use super::checking::Check;
use super::context::List;
use super::{Configured, Inputs, Service, Spec, SpecReader, Variables};
use crate::explain::{ServerFiles, Way};
use crate::host::{self, Host};
use crate::mail::Address;
use crate::yaml::KeySpec;

/// Passwords of their own, in the list of services.
pub struct SelfService;

impl Configured for SelfService {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = bool;

    fn read(reader: &mut SpecReader<'_>) -> Option<bool> {
        settings::read(reader)
    }
}

impl Service for SelfService {
    fn name(&self) -> &'static str {
        "self_service"
    }

    /// A digest of all own passwords: with another one, Dovecot's accounts are written anew.
    fn facts(&self, host: &Host) -> host::Result<serde_json::Value> {
        let digest = OwnPasswords::read(host)?.digest();
        Ok(digest.map_or(serde_json::Value::Null, |digest| digest.to_string().into()))
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    fn journeys(&self, server: &ServerFiles) -> Vec<Way> {
        journeys::ways(server)
    }

    fn context(&self, inputs: &Inputs) -> Variables {
        let is_on = inputs.spec.services.self_service;
        let logins = is_on.then(|| {
            let source = Arc::new(Logins {
                spec: Arc::clone(&inputs.spec),
                mailboxes: Arc::clone(&inputs.mailboxes),
            });
            let logins = List::new(&source, source.mailboxes.len(), Logins::login);
            context! { logins => Value::from_object(logins) }
        });
        vec![
            ("self_service", logins.into()),
            ("superseded_passwords", inputs.own.superseded.clone().into()),
        ]
    }
}

/// The data from which the list of logins is made.
struct Logins {
    spec: Arc<Spec>,
    mailboxes: Arc<[(usize, Address)]>,
}

impl Logins {
    fn login(&self, index: usize) -> Option<Value> {
        let (account, mailbox) = self.mailboxes.get(index)?;
        let directory = &self.spec.directory;
        Some(context! {
            login => directory.login(*account, mailbox),
            account => directory.accounts.get(*account)?.name.value.to_string(),
            digest => own::digest_of(&self.spec.credentials.get(*account)?.password).to_string(),
        })
    }
}
