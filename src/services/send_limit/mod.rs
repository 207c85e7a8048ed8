//! The send limit: an account writes to so many recipients and no more, so that a
//! stolen password does not make the host a source of spam.
//!
//! Postfix asks mailprov about each mail that a person sends, by its policy protocol
//! (SMTPD_POLICY_README): `policy` answers. `bucket` has the arithmetic, `ledger`
//! the file with what each account has sent, `limits` the file with what it may, and
//! `notice` the mail about an account that sends no more.

mod bucket;
mod checks;
mod ledger;
mod limits;
mod notice;
mod policy;
mod settings;

use minijinja::context;

pub(crate) use policy::answer;

use super::checking::Check;
use super::{Configured, Inputs, Service, Spec, SpecReader, Variables};
use crate::mail::Limit;
use crate::yaml::KeySpec;

/// The send limit, in the list of services.
pub struct SendLimit;

impl Configured for SendLimit {
    const KEYS: &'static [KeySpec] = settings::KEYS;
    type Settings = Limit;

    fn read(reader: &mut SpecReader<'_>) -> Option<Self::Settings> {
        settings::read(reader)
    }
}

impl Service for SendLimit {
    fn name(&self) -> &'static str {
        "send_limit"
    }

    fn checks(&self) -> &'static [&'static Check] {
        checks::CHECKS
    }

    /// `send_limit` is none where no account has a limit.
    fn context(&self, inputs: &Inputs) -> Variables {
        let spec = &inputs.spec;
        let limit = is_on(spec).then(|| {
            let mailboxes = inputs.mailboxes.iter();
            let own = mailboxes.filter_map(|(account, mailbox)| {
                let limit = spec.credentials.get(*account)?.send_limit?;
                let login = spec.directory.login(*account, mailbox);
                Some(context! { login => login, limit => limit.to_string() })
            });
            context! {
                of_all => spec.services.send_limit.to_string(),
                of_accounts => own.collect::<Vec<_>>(),
            }
        });
        vec![("send_limit", limit.into())]
    }
}

/// Returns whether any account has a limit.
fn is_on(spec: &Spec) -> bool {
    let mut all = spec.credentials.iter().map(|account| account.send_limit);
    all.any(|own| own.unwrap_or(spec.services.send_limit) != Limit::Unlimited)
}
