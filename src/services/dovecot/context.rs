//! The variables of Dovecot's templates: the accounts with their passwords and
//! quotas, and the protocols.

use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{Value, context};

use super::homes::HOMES;
use super::quota_owners::QuotaOwner;
use crate::mail::{Address, Domain, Size};
use crate::services::Spec;
use crate::services::context::{Inputs, List, Variables};
use crate::services::self_service::CountingPasswords;

/// The data from which the lists are made.
struct Lists {
    spec: Arc<Spec>,
    mailboxes: Arc<[(usize, Address)]>,
    own: Arc<CountingPasswords>,
    /// Empty where no account has a quota.
    owners: Vec<QuotaOwner>,
}

pub(super) fn variables(inputs: &Inputs) -> Variables {
    let spec = &inputs.spec;
    let (accounts, directory) = (&spec.credentials, &spec.directory);
    let has_quotas = accounts.iter().any(|account| account.quota.is_some());
    let owners = if has_quotas {
        let quota = |account: usize| accounts.get(account)?.quota;
        directory.quota_owners(&inputs.tables, spec.hostname.value.as_domain(), quota)
    } else {
        Vec::new()
    };
    let mailboxes = Arc::clone(&inputs.mailboxes);
    let own = Arc::clone(&inputs.own);
    let lists = Arc::new(Lists { spec: Arc::clone(spec), mailboxes, own, owners });
    let list = |length, element| Value::from_object(List::new(&lists, length, element));
    vec![
        ("accounts", list(lists.mailboxes.len(), Lists::account)),
        ("quotas", has_quotas.into()),
        ("recipients", list(lists.owners.len(), Lists::recipient)),
        ("spellings", spellings(&directory.domains).into()),
        ("services", Value::from(Serde(spec.services.dovecot))),
    ]
}

/// Returns each spelling of the domains, with its A-label form.
fn spellings(domains: &[Domain]) -> Vec<Value> {
    let spellings = domains.iter().flat_map(|domain| {
        let written = domain.spellings().into_iter();
        written.map(|written| context! { written => written, domain => domain.as_str() })
    });
    spellings.collect()
}

impl Lists {
    fn account(&self, index: usize) -> Option<Value> {
        let (account, mailbox) = self.mailboxes.get(index)?;
        let credentials = self.spec.credentials.get(*account)?;
        let password = self.own.of(*account).unwrap_or(&credentials.password);
        Some(context! {
            login => self.spec.directory.login(*account, mailbox),
            home => self.spec.home(mailbox),
            password => password.secret().expose(),
            quota => credentials.quota.map(Size::bytes),
        })
    }

    /// Returns an address about which Postfix asks Dovecot before it accepts mail.
    fn recipient(&self, index: usize) -> Option<Value> {
        let QuotaOwner { address, mailbox } = self.owners.get(index)?;
        let directory = &self.spec.directory;
        // A mailbox that is the account's address in one of several domains
        // belongs to that account.
        let limit = mailbox.as_ref().and_then(|mailbox| {
            let account = directory.declared(mailbox)?.account?;
            let home = self.spec.home(&directory.home(account, mailbox.domain())?);
            Some((home, self.spec.credentials.get(account)?.quota?.bytes()))
        });
        let (home, quota) = limit.unzip();
        let home = home.unwrap_or_else(|| HOMES.to_owned());
        Some(context! { address => address, home => home, quota => quota })
    }
}
