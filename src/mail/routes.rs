//! From names to Postfix's tables: where each address's mail goes, which
//! mailboxes there are, and who may send as whom.

use std::collections::HashSet;
use std::fmt::Display;

use super::directory::{Directory, Holder, Mailboxes};
use super::{Address, Domain, ROLES};

/// A line of the virtual alias map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// The address, or `@domain` for the catch-all.
    pub address: String,
    /// Where its mail goes; a mailbox's own line names itself.
    pub targets: Vec<Address>,
}

/// A line of the map that says who may send as an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address, or `@domain` for all that no other line names.
    pub address: String,
    /// The login names.
    pub logins: Vec<String>,
}

/// The three tables, each in the order of `mail.yml`, no address twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// The whole virtual alias map. Every address that exists has a line, so
    /// that a catch-all takes none of them.
    pub aliases: Vec<Alias>,
    /// The addresses at which mail stays here.
    pub mailboxes: Vec<Address>,
    /// You may send as any address whose mail reaches you. An account's own
    /// address belongs to it alone.
    pub senders: Vec<Sender>,
}

impl Directory {
    /// Returns the name that an account logs in with, for one of its mailboxes.
    pub fn login(&self, account: usize, mailbox: &Address) -> String {
        match self.mailboxes {
            Mailboxes::Shared => self.accounts[account].name.value.local().to_string(),
            Mailboxes::PerDomain => mailbox.to_string(),
        }
    }

    /// Returns the mailboxes of an account: one, or one for each of its domains.
    pub fn mailboxes_of(&self, account: usize) -> Vec<Address> {
        match self.mailboxes {
            Mailboxes::Shared => self
                .domains
                .first()
                .and_then(|domain| self.home(account, domain))
                .into_iter()
                .collect(),
            Mailboxes::PerDomain => self.addresses(account).collect(),
        }
    }

    /// Derives the tables.
    pub fn routes(&self) -> Routes {
        let mut builder = Builder {
            directory: self,
            routes: Routes { aliases: Vec::new(), mailboxes: Vec::new(), senders: Vec::new() },
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
    /// host: the one that gets the system's mail, else the first.
    fn administrator(&self) -> Option<String> {
        let by_mail = self.system_mail.as_ref().and_then(|address| self.reader(address));
        by_mail.or_else(|| {
            let mailbox = self.home(0, self.domains.first()?)?;
            Some(self.login(0, &mailbox))
        })
    }

    /// Returns the login that reads the mail of an account's address or alias.
    fn reader(&self, address: &Address) -> Option<String> {
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

/// The tables in the making.
struct Builder<'d> {
    directory: &'d Directory,
    routes: Routes,
    administrator: Option<String>,
}

impl Builder<'_> {
    fn alias(&mut self, address: &impl Display, targets: Vec<Address>) {
        self.routes.aliases.push(Alias { address: address.to_string(), targets });
    }

    fn sender(&mut self, address: &impl Display, logins: Vec<String>) {
        self.routes.senders.push(Sender { address: address.to_string(), logins });
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
                self.sender(&address, vec![self.directory.login(account, &address)]);
                if forward.is_none() {
                    self.alias(&address, vec![home]);
                }
            }
        }
    }

    fn aliases(&mut self) {
        for (index, account) in self.directory.accounts.iter().enumerate() {
            let own = account.name.value.domain();
            let domains = own.map_or(&self.directory.domains[..], std::slice::from_ref);
            for alias in &account.aliases {
                for address in alias.value.addresses(domains) {
                    let Some(home) = self.directory.home(index, address.domain()) else {
                        continue;
                    };
                    self.sender(&address, vec![self.directory.login(index, &home)]);
                    self.alias(&address, vec![home]);
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
                    let mut logins: Vec<String> =
                        targets.iter().filter_map(|target| self.directory.reader(target)).collect();
                    logins.retain(|login| seen.insert(login.clone()));
                    if logins.is_empty() {
                        logins.extend(self.administrator.clone());
                    }
                    self.sender(&address, logins);
                }
                self.alias(&address, targets);
            }
        }
    }

    fn roles(&mut self) {
        let Some(system_mail) = self.directory.system_mail.clone() else {
            return;
        };
        for domain in &self.directory.domains {
            for address in roles(domain) {
                if self.directory.holder(&address).is_none() {
                    self.sender(&address, self.administrator.iter().cloned().collect());
                    self.alias(&address, vec![system_mail.clone()]);
                }
            }
        }
    }

    fn catch_alls(&mut self) {
        for all in &self.directory.catch_all {
            let address = format!("@{}", all.domain);
            let login = self.directory.login(all.account, &all.address);
            self.sender(&address, vec![login]);
            self.alias(&address, vec![all.address.clone()]);
        }
    }
}

fn roles(domain: &Domain) -> impl Iterator<Item = Address> {
    ROLES.into_iter().map(|name| Address::role(name, domain))
}
