//! Derives Postfix's tables from the directory: where the mail of each address
//! goes, which mailboxes exist, and which login may send as which address.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::directory::{Directory, Holder, Mailboxes};
use super::{Address, Domain, ROLES};

/// The key of a line in a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// One address.
    Address(Address),
    /// `@domain`: all addresses of a domain that have no line of their own.
    Domain(Domain),
}

/// A line of the virtual alias map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alias {
    pub pattern: Pattern,
    /// The targets. The line of a mailbox names the mailbox itself.
    pub targets: Vec<Address>,
}

/// A line of the map of sender logins (`smtpd_sender_login_maps`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    pub pattern: Pattern,
    pub logins: Vec<Arc<str>>,
}

/// The three tables, each in the order of `mail.yml`, without duplicates.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct PostfixTables {
    /// The virtual alias map. Every existing address has a line, so that a
    /// catch-all receives none of their mail.
    pub aliases: Vec<Alias>,
    /// The addresses whose mail is delivered on this host.
    pub mailboxes: Vec<Address>,
    /// A login may send as any address whose mail it receives. An account's own
    /// address belongs to that account alone.
    pub senders: Vec<Sender>,
}

impl Pattern {
    /// Returns the address, unless the pattern is a domain.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Domain(_) => None,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Domain(domain) => write!(f, "@{domain}"),
        }
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Directory {
    /// Returns the login name of an account for one of its mailboxes.
    pub fn login(&self, account: usize, mailbox: &Address) -> Arc<str> {
        match self.mailboxes {
            Mailboxes::Shared => self.accounts[account].name.value.local().shared(),
            Mailboxes::PerDomain => mailbox.to_string().into(),
        }
    }

    /// Returns the login names of an account, one for each mailbox.
    pub fn logins(&self, account: usize) -> Vec<Arc<str>> {
        let mailboxes = self.mailboxes_of(account);
        mailboxes.iter().map(|mailbox| self.login(account, mailbox)).collect()
    }

    /// Returns the mailboxes of an account: one, or one for each of its domains.
    pub(crate) fn mailboxes_of(&self, account: usize) -> Vec<Address> {
        match self.mailboxes {
            Mailboxes::Shared => {
                let home = self.domains.first().and_then(|domain| self.home(account, domain));
                home.into_iter().collect()
            }
            Mailboxes::PerDomain => self.addresses(account).collect(),
        }
    }

    pub(crate) fn postfix_tables(&self) -> PostfixTables {
        let mut builder = Builder {
            directory: self,
            routes: PostfixTables::default(),
            administrator: self.administrator(),
        };
        builder.accounts();
        builder.aliases();
        builder.forwards();
        builder.roles();
        builder.catch_alls();
        builder.routes
    }

    /// Returns the login that may send as an address whose mail leaves this
    /// host: the one that receives the system's mail, else the first.
    fn administrator(&self) -> Option<Arc<str>> {
        let by_mail = self.system_mail.as_ref().and_then(|address| self.reader(address));
        by_mail.or_else(|| {
            let mailbox = self.home(0, self.domains.first()?)?;
            Some(self.login(0, &mailbox))
        })
    }

    /// Returns the login that reads the mail of an account's address or alias.
    fn reader(&self, address: &Address) -> Option<Arc<str>> {
        let held = self.declared(address)?;
        let (account, own) = match held {
            Holder { account: Some(account), .. } => (*account, true),
            Holder { alias: Some(account), .. } => (*account, false),
            _ => return None,
        };
        let home = self.home(account, address.domain())?;
        let mailbox = match address.without_tag() {
            Some(base) if own => base,
            None if own => address.clone(),
            _ => home,
        };
        Some(self.login(account, &mailbox))
    }
}

struct Builder<'d> {
    directory: &'d Directory,
    routes: PostfixTables,
    administrator: Option<Arc<str>>,
}

impl Builder<'_> {
    fn alias(&mut self, address: Address, targets: Vec<Address>) {
        self.routes.aliases.push(Alias { pattern: Pattern::Address(address), targets });
    }

    fn sender(&mut self, address: Address, logins: Vec<Arc<str>>) {
        self.routes.senders.push(Sender { pattern: Pattern::Address(address), logins });
    }

    fn accounts(&mut self) {
        for account in 0..self.directory.accounts.len() {
            for address in self.directory.addresses(account) {
                let Some(home) = self.directory.home(account, address.domain()) else {
                    continue;
                };
                let held = self.directory.holder(&address);
                let forward = held.and_then(|held| held.forward);
                let kept = forward.is_some_and(|index| {
                    self.directory.targets(index, &address).contains(&address)
                });
                if kept || home == address {
                    self.routes.mailboxes.push(address.clone());
                }
                let login = self.directory.login(account, &address);
                self.sender(address.clone(), vec![login]);
                if forward.is_none() {
                    self.alias(address, vec![home]);
                }
            }
        }
    }

    fn aliases(&mut self) {
        for (index, account) in self.directory.accounts.iter().enumerate() {
            let domains = self.directory.domains_of(account);
            for alias in &account.aliases {
                for address in alias.value.addresses(domains) {
                    let Some(home) = self.directory.home(index, address.domain()) else {
                        continue;
                    };
                    self.sender(address.clone(), vec![self.directory.login(index, &home)]);
                    self.alias(address, vec![home]);
                }
            }
        }
    }

    fn forwards(&mut self) {
        for (index, forward) in self.directory.forwards.iter().enumerate() {
            for address in forward.source.value.addresses(&self.directory.domains) {
                let targets = self.directory.targets(index, &address);
                let own =
                    self.directory.holder(&address).is_some_and(|held| held.account.is_some());
                if !own {
                    let mut seen = HashSet::new();
                    let mut logins: Vec<Arc<str>> =
                        targets.iter().filter_map(|target| self.directory.reader(target)).collect();
                    logins.retain(|login| seen.insert(login.clone()));
                    if logins.is_empty() {
                        logins.extend(self.administrator.clone());
                    }
                    self.sender(address.clone(), logins);
                }
                self.alias(address, targets);
            }
        }
    }

    fn roles(&mut self) {
        let Some(system_mail) = self.directory.system_mail.clone() else {
            return;
        };
        for domain in &self.directory.domains {
            for address in ROLES.map(|name| Address::role(name, domain)) {
                if self.directory.holder(&address).is_none() {
                    self.sender(address.clone(), self.administrator.iter().cloned().collect());
                    self.alias(address, vec![system_mail.clone()]);
                }
            }
        }
    }

    fn catch_alls(&mut self) {
        for all in &self.directory.catch_all {
            let pattern = Pattern::Domain(all.domain.clone());
            let logins = vec![self.directory.login(all.account, &all.address)];
            self.routes.senders.push(Sender { pattern: pattern.clone(), logins });
            let targets = vec![all.address.clone()];
            self.routes.aliases.push(Alias { pattern, targets });
        }
    }
}
