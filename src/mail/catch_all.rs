//! Reads `catch_all:` and `system_mail:`: the accounts that receive mail for
//! unknown addresses and for the system.

use std::collections::HashMap;

use super::directory::CatchAll;
use super::spanned::{self, Spanned};
use super::validate::Validation;
use super::{Address, Domain, Target};
use crate::yaml::{Entry, Fields, Kind};

impl Validation<'_> {
    pub(super) fn catch_all(&mut self, fields: &Fields<'_>) {
        let Some(entry) = fields.get("catch_all") else {
            return;
        };
        let domains = self.directory.domains.clone();
        if !matches!(entry.value.kind, Kind::Map(_)) {
            let Some(account) = self.catch_all_account(entry) else {
                return;
            };
            self.directory.catch_all =
                domains.into_iter().filter_map(|domain| self.caught(&account, domain)).collect();
            return;
        }
        let mut chosen: HashMap<Domain, CatchAll> = HashMap::new();
        for entry in self.decoder.entries(&entry.value).unwrap_or_default() {
            let Some(domain) = spanned::key(self.decoder, &entry.key, Domain::parse) else {
                continue;
            };
            if !self.directory.is_ours(&domain.value) {
                self.not_ours(&entry.key.text, &domain.value, &domain.span);
                continue;
            }
            let Some(account) = self.catch_all_account(entry) else {
                continue;
            };
            let Some(caught) = self.caught(&account, domain.value.clone()) else {
                continue;
            };
            if chosen.insert(domain.value, caught).is_some() {
                let message =
                    format!("the domain `{}` occurs twice", self.decoder.written(&entry.key.span));
                self.decoder.error(&domain.span, message, "keep one of the two");
            }
        }
        self.directory.catch_all =
            domains.iter().filter_map(|domain| chosen.remove(domain)).collect();
    }

    /// Reads the account of a catch-all, and its mailbox if one is named.
    fn catch_all_account(&mut self, entry: &Entry) -> Option<(usize, Target)> {
        let target = spanned::value(self.decoder, &entry.value, Target::parse)?;
        match self.directory.account(&target.value) {
            Some(account) => Some((account, target.value)),
            None => {
                self.no_account(&target);
                None
            }
        }
    }

    fn caught(&self, account: &(usize, Target), domain: Domain) -> Option<CatchAll> {
        let (account, target) = account;
        let address = match target {
            Target::Bare(_) => self.directory.home(*account, &domain)?,
            Target::Full(address) => address.to_lowercase(),
        };
        Some(CatchAll { domain, account: *account, address })
    }

    fn no_account(&mut self, target: &Spanned<Target>) {
        let message = format!("`{}` is no account", target.value);
        let help = self.meant(&target.value);
        self.decoder.error(&target.span, message, &help);
    }

    pub(super) fn system_mail(&mut self, fields: &Fields<'_>) {
        let Some(entry) = fields.get("system_mail") else {
            self.directory.system_mail = self.default_system_mail();
            return;
        };
        let Some(target) = spanned::value(self.decoder, &entry.value, Target::parse) else {
            return;
        };
        let address = match &target.value {
            Target::Bare(_) => self
                .directory
                .account(&target.value)
                .and_then(|account| self.directory.home(account, self.directory.domains.first()?)),
            Target::Full(address) if !self.directory.is_ours(address.domain()) => {
                Some(address.clone())
            }
            Target::Full(address) => {
                let address = address.to_lowercase();
                self.directory.declared(&address).is_some().then_some(address)
            }
        };
        if address.is_none() {
            let message = format!("`{}` is no account and no address of ours", target.value);
            let help = self.meant(&target.value);
            self.decoder.error(&target.span, message, &help);
        }
        self.directory.system_mail = address;
    }

    /// Returns the default of `system_mail`: the catch-all of the first domain,
    /// else the first account.
    fn default_system_mail(&self) -> Option<Address> {
        let domain = self.directory.domains.first()?;
        let caught = self.directory.catch_all.iter().find(|all| all.domain == *domain);
        match caught {
            Some(all) => Some(all.address.clone()),
            None if self.directory.accounts.is_empty() => None,
            None => self.directory.home(0, domain),
        }
    }
}
