//! The addresses of the local domains, the holder of each, and where its mail is delivered.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::spanned::Spanned;
use super::{AccountName, Address, Domain, Hostname, Name, Target};

/// Whether a bare account name is one mailbox for all domains or one in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mailboxes {
    /// `thomas` is one mailbox, with an address in every domain.
    #[default]
    Shared,
    /// `thomas` is a mailbox of its own in every domain.
    PerDomain,
}

/// The part of an account that receives mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name. It has a domain only with `mailboxes: per-domain`.
    pub name: Spanned<AccountName>,
    /// The other addresses of the account.
    pub aliases: Vec<Spanned<Name>>,
}

/// A forward: an address, or one in every domain, whose mail goes elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forward {
    /// The address that receives the mail.
    pub source: Spanned<Name>,
    /// The targets, in the order written.
    pub targets: Vec<Spanned<Target>>,
}

/// The account that receives mail for unknown addresses of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatchAll {
    pub domain: Domain,
    /// The account's index in [`Directory::accounts`].
    pub account: usize,
    /// The mailbox's address.
    pub address: Address,
}

/// All local addresses.
#[derive(Debug)]
pub struct Directory {
    /// The domains, in the order written.
    pub domains: Vec<Domain>,
    /// The value of `mailboxes:`.
    pub mailboxes: Mailboxes,
    /// The accounts, in the order written.
    pub accounts: Vec<Account>,
    /// The forwards, in the order written.
    pub forwards: Vec<Forward>,
    /// At most one for each domain, in the order of the domains.
    pub catch_all: Vec<CatchAll>,
    /// The address that receives mail for [`ROLES`](super::ROLES); `None` only
    /// while mail.yml is being read.
    pub system_mail: Option<Address>,
    ours: HashSet<Domain>,
    pub(super) holders: HashMap<Address, Holder>,
    canonical: Vec<Option<Address>>,
}

/// The declarations of an address. An account's own address can also be a forward.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The account that has this address as its own.
    pub(crate) account: Option<usize>,
    /// The account that has this address as an alias.
    pub(crate) alias: Option<usize>,
    /// The forward that has this address as its source.
    pub(crate) forward: Option<usize>,
    /// The place of the last declaration.
    pub(super) span: Range<usize>,
}

impl Holder {
    fn at(span: &Range<usize>) -> Self {
        Self { span: span.clone(), ..Self::default() }
    }
}

pub(super) struct Clash {
    pub(super) address: Address,
    pub(super) first: Holder,
    pub(super) second: Holder,
}

impl Directory {
    /// Enters all addresses, and returns the clashes.
    pub(super) fn new(
        domains: Vec<Domain>,
        mailboxes: Mailboxes,
        accounts: Vec<Account>,
        forwards: Vec<Forward>,
    ) -> (Self, Vec<Clash>) {
        let names = accounts.iter().map(|account| 1 + account.aliases.len()).sum::<usize>();
        let most = (names + forwards.len()) * domains.len();
        let mut directory = Self {
            ours: domains.iter().cloned().collect(),
            domains,
            mailboxes,
            accounts,
            forwards,
            catch_all: Vec::new(),
            system_mail: None,
            holders: HashMap::with_capacity(most),
            canonical: Vec::new(),
        };
        let clashes = directory.enter();
        directory.canonical =
            (0..directory.accounts.len()).map(|account| directory.choose(account)).collect();
        (directory, clashes)
    }

    /// Enters the accounts' own addresses, then the aliases, then the forwards.
    fn enter(&mut self) -> Vec<Clash> {
        let mut holders = std::mem::take(&mut self.holders);
        let all = &self.domains[..];
        let accounts = || self.accounts.iter().enumerate();
        let own = accounts().map(|(index, Account { name, .. })| {
            let holder = Holder { account: Some(index), ..Holder::at(&name.span) };
            (&*name.value, all, holder)
        });
        let aliases = accounts().flat_map(|(index, account)| {
            let domains = self.domains_of(account);
            account.aliases.iter().map(move |alias| {
                let holder = Holder { alias: Some(index), ..Holder::at(&alias.span) };
                (&alias.value, domains, holder)
            })
        });
        let forwards = self.forwards.iter().enumerate().map(|(index, Forward { source, .. })| {
            let holder = Holder { forward: Some(index), ..Holder::at(&source.span) };
            (&source.value, all, holder)
        });
        let mut clashes = Vec::new();
        for (name, domains, holder) in own.chain(aliases).chain(forwards) {
            let mut clash = None;
            for address in name.addresses(domains) {
                clash = clash.or(put(&mut holders, address, holder.clone()));
            }
            clashes.extend(clash);
        }
        self.holders = holders;
        clashes
    }

    /// Returns the domains of an account's aliases: an account in one domain has them in that one.
    pub(super) fn domains_of<'d>(&'d self, account: &'d Account) -> &'d [Domain] {
        account.name.value.domain().map_or(&self.domains, std::slice::from_ref)
    }

    /// Returns whether a domain is local.
    pub(crate) fn is_ours(&self, domain: &Domain) -> bool {
        self.ours.contains(domain)
    }

    /// Returns the holder of an address, if it is declared.
    pub(crate) fn holder(&self, address: &Address) -> Option<&Holder> {
        self.holders.get(address)
    }

    /// Returns an account's own addresses, in the order of the domains.
    pub fn addresses(&self, account: usize) -> impl Iterator<Item = Address> + '_ {
        self.accounts[account].name.value.addresses(&self.domains)
    }

    /// Returns all addresses of an account, its own before its aliases.
    pub(crate) fn all_addresses(&self, account: usize) -> Vec<Address> {
        let domains = self.domains_of(&self.accounts[account]);
        let aliases = self.accounts[account].aliases.iter();
        let aliases = aliases.flat_map(|alias| alias.value.addresses(domains));
        self.addresses(account).chain(aliases).collect()
    }

    /// Returns the index of the account with exactly this name.
    pub(super) fn account(&self, target: &Target) -> Option<usize> {
        let first = self.domains.first()?;
        let (address, bare) = match target {
            Target::Bare(name) => (Address::new(name, first), true),
            Target::Full(address) => (address.to_lowercase(), false),
        };
        let account = self.holders.get(&address)?.account?;
        let is_bare = self.accounts[account].name.value.domain().is_none();
        let named = if bare { is_bare } else { self.mailboxes == Mailboxes::PerDomain };
        named.then_some(account)
    }

    /// Returns the mailbox of an account for mail to this domain.
    pub fn home(&self, account: usize, domain: &Domain) -> Option<Address> {
        let name: &Name = &self.accounts[account].name.value;
        match (self.mailboxes, name) {
            (Mailboxes::Shared, _) => self.canonical[account].clone(),
            (Mailboxes::PerDomain, Name::Bare(local)) => Some(Address::new(local, domain)),
            (Mailboxes::PerDomain, Name::Full(local, own)) => Some(Address::new(local, own)),
        }
    }

    /// Returns the address that names a shared mailbox: the first one whose mail is not forwarded.
    fn choose(&self, account: usize) -> Option<Address> {
        let forward = |address: &Address| self.holders.get(address).and_then(|held| held.forward);
        let keeps = |address: &Address| {
            forward(address).is_some_and(|index| {
                let targets = &self.forwards[index].targets;
                targets.iter().any(|target| self.is_self(&target.value, address))
            })
        };
        self.addresses(account)
            .find(|address| forward(address).is_none())
            .or_else(|| self.addresses(account).find(keeps))
            .or_else(|| self.addresses(account).next())
    }

    /// Returns whether a target of this source is the source itself.
    fn is_self(&self, target: &Target, source: &Address) -> bool {
        match target {
            Target::Bare(name) => name.as_str() == source.local(),
            Target::Full(address) => address.to_lowercase() == *source,
        }
    }

    /// Returns whether the host's own name is one of the domains.
    pub(crate) fn is_domain(&self, hostname: &Hostname) -> bool {
        self.is_ours(hostname.as_domain())
    }
}

/// Enters an address, unless another holder has it. A forward may override an
/// account's own address, but not an alias.
fn put(holders: &mut HashMap<Address, Holder>, address: Address, new: Holder) -> Option<Clash> {
    let Some(held) = holders.get_mut(&address) else {
        holders.insert(address, new);
        return None;
    };
    if new.forward.is_some() && held.forward.is_none() && held.alias.is_none() {
        held.forward = new.forward;
        held.span = new.span;
        return None;
    }
    Some(Clash { address, first: held.clone(), second: new })
}
