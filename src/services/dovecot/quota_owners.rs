//! Decides which quota counts for a mail: for each address, the one mailbox to
//! ask whether it is full.

use std::collections::{HashMap, HashSet};

use crate::mail::{Address, Alias, Directory, Domain, Pattern, PostfixTables, Size};

/// The names in the host's own domain for which mail is accepted.
const LOCAL_ROLES: [&str; 6] =
    ["root", "postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon"];

/// An address that is not a mailbox's own, and the mailbox whose quota counts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuotaOwner {
    pub(super) address: String,
    /// The mailbox; `None` if one of the receiving mailboxes has no limit.
    pub(super) mailbox: Option<Address>,
}

/// The final recipients of an address.
#[derive(Default)]
struct Ends {
    mailboxes: HashSet<Address>,
    elsewhere: bool,
}

/// The alias map, with Postfix's lookup order.
struct Lines<'r> {
    directory: &'r Directory,
    addresses: HashMap<&'r Address, &'r [Address]>,
    domains: HashMap<&'r Domain, &'r [Address]>,
}

impl Directory {
    /// Returns the mailbox whose quota counts, for every address whose mail
    /// does not go only to the account with that name.
    ///
    /// If several mailboxes all have a limit, the largest counts: when it is full, all are.
    pub(super) fn quota_owners(
        &self,
        tables: &PostfixTables,
        own_domain: &Domain,
        quota: impl Fn(usize) -> Option<Size>,
    ) -> Vec<QuotaOwner> {
        let lines = Lines::new(self, &tables.aliases);
        let mailbox = |ends: &Ends| {
            let limit = |mailbox: &Address| quota(self.declared(mailbox)?.account?);
            let limits = ends.mailboxes.iter().map(|it| Some((limit(it)?, it.clone())));
            let limits: Option<Vec<_>> = limits.collect();
            let largest = limits?.into_iter().max();
            largest.filter(|_| !ends.elsewhere).map(|(_, mailbox)| mailbox)
        };
        let mut owners = Vec::new();
        for line in &tables.aliases {
            let ends = lines.follow(&line.targets, line.pattern.address());
            if line.pattern.address().is_some_and(|address| self.is_own(address, &ends)) {
                continue;
            }
            owners.push(QuotaOwner { address: line.pattern.to_string(), mailbox: mailbox(&ends) });
        }
        let Some(system_mail) = &self.system_mail else {
            return owners;
        };
        let ends = lines.follow(std::slice::from_ref(system_mail), None);
        let names = LOCAL_ROLES.iter().filter(|_| !self.is_ours(own_domain));
        let names = names.map(|name| format!("{name}@{own_domain}"));
        owners.extend(names.map(|address| QuotaOwner { address, mailbox: mailbox(&ends) }));
        owners
    }

    /// Returns whether the mail for an account's own address goes only to its mailbox.
    fn is_own(&self, address: &Address, ends: &Ends) -> bool {
        let account = self.holder(address).and_then(|held| held.account);
        let of = |mailbox: &Address| self.holder(mailbox).and_then(|held| held.account);
        account.is_some()
            && !ends.elsewhere
            && ends.mailboxes.len() == 1
            && ends.mailboxes.iter().all(|it| {
                of(it) == account && (it == address || self.home_is(account, address, it))
            })
    }

    fn home_is(&self, account: Option<usize>, address: &Address, mailbox: &Address) -> bool {
        account.and_then(|it| self.home(it, address.domain())).as_ref() == Some(mailbox)
    }
}

impl<'r> Lines<'r> {
    fn new(directory: &'r Directory, aliases: &'r [Alias]) -> Self {
        let mut lines = Self { directory, addresses: HashMap::new(), domains: HashMap::new() };
        for line in aliases {
            match &line.pattern {
                Pattern::Address(address) => lines.addresses.insert(address, &line.targets),
                Pattern::Domain(domain) => lines.domains.insert(domain, &line.targets),
            };
        }
        lines
    }

    /// Follows the targets of a line to the final recipients.
    fn follow(&self, targets: &[Address], start: Option<&Address>) -> Ends {
        let mut ends = Ends::default();
        let mut seen: HashSet<Address> = start.into_iter().cloned().collect();
        let mut todo: Vec<(Option<Address>, Address)> =
            targets.iter().map(|target| (start.cloned(), target.clone())).collect();
        while let Some((from, address)) = todo.pop() {
            if from.as_ref() == Some(&address) {
                ends.mailboxes.insert(address);
            } else if !self.directory.is_ours(address.domain()) {
                ends.elsewhere = true;
            } else if seen.insert(address.clone()) {
                let line = self.addresses.get(&address).copied();
                let line = line.or_else(|| self.addresses.get(&address.without_tag()?).copied());
                let line = line.or_else(|| self.domains.get(address.domain()).copied());
                let base = match self.addresses.get(&address) {
                    Some(_) => address.clone(),
                    None => address.without_tag().unwrap_or(address),
                };
                let next = line.unwrap_or_default().iter();
                todo.extend(next.map(|target| (Some(base.clone()), target.clone())));
            }
        }
        ends
    }
}
