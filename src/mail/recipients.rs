//! The addresses as a whole: each is held once, and each leads somewhere.

use std::collections::HashMap;
use std::ops::Range;

use super::at::{self, At};
use super::directory::{CatchAll, Clash, Directory, Holder};
use super::{Account, Address, Domain, Forward, Mailboxes, Name, Target, loops};
use crate::yaml::{Decoder, Entry, Fields, Kind, nearest, printable};

/// Enters everything that has an address, reads who gets the rest, and reports
/// what clashes, what leads nowhere and what goes round in a circle.
///
/// Without the whole lists of domains and accounts, any judgement would be
/// premature: then there is no directory, and no mistake but those reported.
pub(super) fn directory(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    domains: Option<Vec<Domain>>,
    mailboxes: Mailboxes,
    accounts: Option<Vec<Account>>,
    forwards: Vec<Forward>,
) -> Option<Directory> {
    let (directory, clashes) = Directory::new(domains?, mailboxes, accounts?, forwards);
    let mut recipients = Recipients { decoder, directory };
    recipients.foreign_domains();
    for clash in clashes {
        recipients.clash(&clash);
    }
    recipients.catch_all(fields);
    recipients.system_mail(fields);
    recipients.forwards();
    if recipients.directory.system_mail.is_some() {
        recipients.circles();
    }
    Some(recipients.directory)
}

/// The directory in the making.
struct Recipients<'d> {
    decoder: &'d mut Decoder,
    directory: Directory,
}

impl Recipients<'_> {
    /// Refuses names in a domain that is not ours.
    fn foreign_domains(&mut self) {
        let accounts = self.directory.accounts.iter();
        let of_accounts =
            accounts.flat_map(|account| std::iter::once(&account.name).chain(&account.aliases));
        let sources = self
            .directory
            .forwards
            .iter()
            .map(|forward| &forward.source);
        let foreign: Vec<At<Name>> = of_accounts
            .chain(sources)
            .filter(|name| {
                name.value
                    .domain()
                    .is_some_and(|d| !self.directory.is_ours(d))
            })
            .cloned()
            .collect();
        for name in foreign {
            if let Some(domain) = name.value.domain() {
                self.not_ours(&name.value.to_string(), domain, &name.span);
            }
        }
    }

    fn not_ours(&mut self, what: &str, domain: &Domain, span: &Range<usize>) {
        let message = format!("`{what}` is not in one of our domains");
        let ours = self.directory.domains.iter().map(Domain::as_str);
        let help = match nearest(domain.as_str(), ours) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("add `{domain}` to `domains`, or write one that is listed there"),
        };
        self.decoder.refuse(span, message, &help);
    }

    fn clash(&mut self, clash: &Clash) {
        let Clash {
            address,
            first,
            second,
        } = clash;
        let line = self.decoder.line_of(&first.span);
        let (message, help) = match (first, second) {
            (
                Holder {
                    account: Some(_), ..
                },
                Holder {
                    account: Some(_), ..
                },
            ) => (
                format!("`{address}` is the address of two accounts"),
                format!("the other is on line {line}; upper and lower case are one: rename one"),
            ),
            (
                Holder {
                    account: Some(_),
                    forward: None,
                    ..
                },
                _,
            ) => (
                format!("the alias `{address}` is an account's own address"),
                format!(
                    "the account is on line {line}: remove the alias; to deliver to both, list \
                     both under `forwards`"
                ),
            ),
            _ => (
                format!("`{address}` already leads elsewhere"),
                format!(
                    "see line {line}: keep one of the two; to deliver to both, list both under \
                     `forwards`"
                ),
            ),
        };
        self.decoder.refuse(&second.span, message, &help);
    }

    fn catch_all(&mut self, fields: &Fields<'_>) {
        let Some(entry) = fields.get("catch_all") else {
            return;
        };
        let domains = self.directory.domains.clone();
        if !matches!(entry.value.kind, Kind::Map(_)) {
            let Some(account) = self.catch_all_account(entry) else {
                return;
            };
            self.directory.catch_all = domains
                .into_iter()
                .filter_map(|domain| self.caught(&account, domain))
                .collect();
            return;
        }
        let mut chosen: HashMap<Domain, CatchAll> = HashMap::new();
        for entry in self.decoder.entries(&entry.value).unwrap_or_default() {
            let Some(domain) = at::key(self.decoder, &entry.key, Domain::parse) else {
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
                let message = format!("the domain `{}` occurs twice", printable(&entry.key.text));
                self.decoder
                    .refuse(&domain.span, message, "keep one of the two");
            }
        }
        self.directory.catch_all = domains
            .iter()
            .filter_map(|domain| chosen.remove(domain))
            .collect();
    }

    /// Reads the account that gets the rest, and the mailbox if it is named.
    fn catch_all_account(&mut self, entry: &Entry) -> Option<(usize, Target)> {
        let target = at::value(self.decoder, &entry.value, Target::parse)?;
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
        Some(CatchAll {
            domain,
            account: *account,
            address,
        })
    }

    fn no_account(&mut self, target: &At<Target>) {
        let message = format!("`{}` is no account", target.value);
        let help = self.meant(&target.value);
        self.decoder.refuse(&target.span, message, &help);
    }

    /// Says which account was probably meant.
    fn meant(&self, target: &Target) -> String {
        if let (Target::Full(address), Mailboxes::Shared) = (target, self.directory.mailboxes)
            && let Some(Holder {
                account: Some(account),
                ..
            }) = self.directory.declared(address)
        {
            let name = &self.directory.accounts[*account].name.value;
            return format!("write the account's name alone: `{name}`");
        }
        let names = self.directory.accounts.iter().take(10_000);
        let names: Vec<String> = names
            .map(|account| account.name.value.to_string())
            .collect();
        match nearest(&target.to_string(), names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None if names.len() <= 8 => format!("the accounts are: {}", names.join(", ")),
            None => "write the name of one of the accounts".to_owned(),
        }
    }

    fn system_mail(&mut self, fields: &Fields<'_>) {
        let Some(entry) = fields.get("system_mail") else {
            self.directory.system_mail = self.default_system_mail();
            return;
        };
        let Some(target) = at::value(self.decoder, &entry.value, Target::parse) else {
            return;
        };
        let address = match &target.value {
            Target::Bare(_) => self.directory.account(&target.value).and_then(|account| {
                self.directory
                    .home(account, self.directory.domains.first()?)
            }),
            Target::Full(address) if !self.directory.is_ours(address.domain()) => {
                Some(address.clone())
            }
            Target::Full(address) => {
                let address = address.to_lowercase();
                self.directory
                    .declared(&address)
                    .is_some()
                    .then_some(address)
            }
        };
        if address.is_none() {
            let message = format!("`{}` is no account and no address of ours", target.value);
            let help = self.meant(&target.value);
            self.decoder.refuse(&target.span, message, &help);
        }
        self.directory.system_mail = address;
    }

    /// The catch-all of the first domain, else the first account.
    fn default_system_mail(&self) -> Option<Address> {
        let domain = self.directory.domains.first()?;
        let caught = self
            .directory
            .catch_all
            .iter()
            .find(|all| all.domain == *domain);
        match caught {
            Some(all) => Some(all.address.clone()),
            None if self.directory.accounts.is_empty() => None,
            None => self.directory.home(0, domain),
        }
    }

    /// Refuses targets in our domains at which nobody receives mail.
    fn forwards(&mut self) {
        let mut dead = Vec::new();
        for forward in &self.directory.forwards {
            for target in &forward.targets {
                let mut sources = forward.source.value.addresses(&self.directory.domains);
                let lost =
                    sources.find(|source| self.directory.resolve(&target.value, source).is_none());
                dead.extend(lost.map(|source| (target.clone(), source)));
            }
        }
        for (target, source) in dead {
            let message = match &target.value {
                Target::Bare(name) => format!("nobody is `{name}@{}`", source.domain()),
                Target::Full(address) => format!("nobody is `{address}`"),
            };
            let help = match self.meant(&target.value) {
                help if help.starts_with("did") => help,
                _ => "write an account, an alias, or a whole address elsewhere".to_owned(),
            };
            self.decoder.refuse(&target.span, message, &help);
        }
    }

    fn circles(&mut self) {
        for circle in loops::find(&self.directory) {
            let index = circle
                .iter()
                .find_map(|address| self.directory.holder(address)?.forward);
            let Some(span) = index.map(|index| self.directory.forwards[index].source.span.clone())
            else {
                continue;
            };
            let way: Vec<String> = circle
                .iter()
                .map(|address| format!("`{address}`"))
                .collect();
            let message = format!("mail would go round in a circle: {}", way.join(" → "));
            let help = "take one of them out; name an account to keep a copy here";
            self.decoder.refuse(&span, message, help);
        }
    }
}
