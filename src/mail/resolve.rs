//! Resolves where the mail for an address goes, one step at a time.

use std::collections::HashSet;

use super::directory::{Directory, Holder};
use super::{Address, LocalPart, Target};

/// The names that RFC 2142 and the system's own mail require in every domain.
pub const ROLES: [&str; 8] =
    ["root", "postmaster", "abuse", "hostmaster", "webmaster", "security", "noc", "mailer-daemon"];

impl Directory {
    /// Returns the address that a forward from `source` to `target` leads to,
    /// or `None` if the target is local and has no recipient.
    pub(super) fn resolve(&self, target: &Target, source: &Address) -> Option<Address> {
        match target {
            Target::Bare(name) => self.resolve_bare(name, source),
            Target::Full(address) if !self.is_ours(address.domain()) => Some(address.clone()),
            Target::Full(address) => {
                let address = address.to_lowercase();
                let known = self.declared(&address).is_some()
                    || is_role(&address)
                    || self.catch_all.iter().any(|all| all.domain == *address.domain());
                known.then_some(address)
            }
        }
    }

    fn resolve_bare(&self, name: &LocalPart, source: &Address) -> Option<Address> {
        let address = Address::new(name, source.domain());
        match self.holders.get(&address) {
            Some(held) if held.account.is_some() && address != *source => {
                self.home(held.account?, source.domain())
            }
            Some(_) => Some(address),
            None => is_role(&address).then_some(address),
        }
    }

    /// Returns the holder of an address, with or without a `+tag`.
    pub(crate) fn declared(&self, address: &Address) -> Option<&Holder> {
        self.holders
            .get(address)
            .or_else(|| address.without_tag().and_then(|base| self.holders.get(&base)))
    }

    /// Returns the next addresses of mail for an address. There are none for a
    /// mailbox, where delivery ends.
    pub(super) fn next(&self, address: &Address) -> Vec<Address> {
        let base = match self.holders.get(address) {
            Some(_) => address.clone(),
            None => address.without_tag().unwrap_or_else(|| address.clone()),
        };
        if !self.is_ours(base.domain()) {
            return Vec::new();
        }
        let mut next: Vec<Address> = match self.holders.get(&base) {
            Some(Holder { forward: Some(index), .. }) => self.targets(*index, &base),
            Some(Holder { account: Some(account), .. } | Holder { alias: Some(account), .. }) => {
                self.home(*account, base.domain()).into_iter().collect()
            }
            Some(_) => Vec::new(),
            None if is_role(&base) => self.system_mail.iter().cloned().collect(),
            None => {
                let caught = self.catch_all.iter().find(|all| all.domain == *base.domain());
                caught.map(|all| all.address.clone()).into_iter().collect()
            }
        };
        let mailbox = self.holders.get(&base).is_some_and(|held| held.account.is_some());
        next.retain(|next| !(mailbox && *next == base));
        next
    }

    /// Returns the targets of a forward for one of its sources, without duplicates.
    pub(super) fn targets(&self, forward: usize, source: &Address) -> Vec<Address> {
        let mut seen = HashSet::new();
        let targets = self.forwards[forward].targets.iter();
        targets
            .filter_map(|target| self.resolve(&target.value, source))
            .filter(|address| seen.insert(address.clone()))
            .collect()
    }
}

impl Directory {
    /// Returns the sources of the forwards to other hosts, as written, and
    /// `postmaster` if `system_mail` is forwarded to one.
    pub(crate) fn forwarded(&self) -> Vec<String> {
        let leaves = |address: &Address| !self.is_ours(address.domain());
        let is_away = |target: &Target| matches!(target, Target::Full(it) if leaves(it));
        let forwards = self.forwards.iter();
        let away = forwards.filter(|it| it.targets.iter().any(|target| is_away(&target.value)));
        let roles =
            self.system_mail.iter().filter(|it| leaves(it)).map(|_| "postmaster".to_owned());
        away.map(|forward| forward.source.value.to_string()).chain(roles).collect()
    }
}

/// Returns whether the local part is one of [`ROLES`].
pub(super) fn is_role(address: &Address) -> bool {
    ROLES.contains(&address.local())
}
