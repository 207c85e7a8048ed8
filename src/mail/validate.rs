//! Validates the addresses as a whole: each has one holder, and each leads somewhere.

use std::collections::HashSet;
use std::ops::Range;

use super::directory::{Clash, Directory, Holder};
use super::spanned::Spanned;
use super::{Account, Domain, Forward, Mailboxes, Name, Target, loops};
use crate::yaml::{Decoder, Fields, suggest};

/// Enters all addresses, reads the catch-alls, and reports clashes, targets
/// without a recipient, and loops.
///
/// Without complete lists of domains and accounts these checks would report
/// false mistakes. Then it returns `None` and reports nothing.
pub(super) fn directory(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    domains: Option<Vec<Domain>>,
    mailboxes: Mailboxes,
    accounts: Option<Vec<Account>>,
    forwards: Vec<Forward>,
) -> Option<Directory> {
    let (directory, clashes) = Directory::new(domains?, mailboxes, accounts?, forwards);
    let mut recipients = Validation { decoder, directory };
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

/// The number of mistakes with suggestions. Searching all names for each of
/// many mistakes would take long.
const GUESSES: usize = 20;

/// A directory under construction.
pub(super) struct Validation<'d> {
    pub(super) decoder: &'d mut Decoder,
    pub(super) directory: Directory,
}

impl Validation<'_> {
    /// Reports names in domains that are not local.
    fn foreign_domains(&mut self) {
        let accounts = self.directory.accounts.iter();
        let place = |name: &'_ Spanned<Name>| (name.value.clone(), name.span.clone());
        let of_accounts = accounts.flat_map(|account| {
            let own = (Name::clone(&account.name.value), account.name.span.clone());
            std::iter::once(own).chain(account.aliases.iter().map(place))
        });
        let sources = self.directory.forwards.iter().map(|forward| place(&forward.source));
        let foreign: Vec<(Name, Range<usize>)> = of_accounts
            .chain(sources)
            .filter(|(name, _)| name.domain().is_some_and(|d| !self.directory.is_ours(d)))
            .collect();
        for (name, span) in foreign {
            if let Some(domain) = name.domain() {
                self.not_ours(&name.to_string(), domain, &span);
            }
        }
    }

    pub(super) fn not_ours(&mut self, what: &str, domain: &Domain, span: &Range<usize>) {
        let message = format!("`{what}` is not in one of our domains");
        let guess = self.decoder.mistakes() < GUESSES;
        let ours = self.directory.domains.iter().map(Domain::as_str).filter(|_| guess);
        let help = match suggest(domain.as_str(), ours) {
            Some(meant) => format!("did you mean `{meant}`? else add `{domain}` to `domains`"),
            None => format!("add `{domain}` to `domains`, or write one that is listed there"),
        };
        self.decoder.error(span, message, &help);
    }

    fn clash(&mut self, clash: &Clash) {
        let Clash { address, first, second } = clash;
        let line = self.decoder.line_of(&first.span);
        let (message, help) = match (first, second) {
            (Holder { account: Some(_), .. }, Holder { account: Some(_), .. }) => (
                format!("`{address}` is the address of two accounts"),
                format!("the other is on line {line}; upper and lower case are one: rename one"),
            ),
            (Holder { account: Some(one), .. }, Holder { alias: Some(other), .. })
                if one == other =>
            {
                (
                    format!("the alias `{address}` is the account's own address"),
                    "remove it: the account gets this mail anyway".to_owned(),
                )
            }
            (Holder { alias: Some(one), .. }, Holder { alias: Some(other), .. })
                if one == other =>
            {
                (
                    format!("the alias `{address}` is listed twice"),
                    format!("it is on line {line} already: remove one of the two"),
                )
            }
            (Holder { account: Some(_), forward: None, .. }, _) => (
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
        self.decoder.error(&second.span, message, &help);
    }

    /// Suggests the account that was probably meant.
    pub(super) fn meant(&self, target: &Target) -> String {
        if self.decoder.mistakes() >= GUESSES {
            return "write the name of one of the accounts".to_owned();
        }
        if let (Target::Full(address), Mailboxes::Shared) = (target, self.directory.mailboxes)
            && let Some(Holder { account: Some(account), .. }) = self.directory.declared(address)
        {
            let name = &self.directory.accounts[*account].name.value;
            return format!("write the account's name alone: `{name}`");
        }
        let names = self.directory.accounts.iter().take(10_000);
        let names: Vec<String> = names.map(|account| account.name.value.to_string()).collect();
        match suggest(&target.to_string(), names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None if names.len() <= 8 => format!("the accounts are: {}", names.join(", ")),
            None => "write the name of one of the accounts".to_owned(),
        }
    }

    /// Reports local targets that have no recipient.
    fn forwards(&mut self) {
        let mut dead = Vec::new();
        for forward in &self.directory.forwards {
            if forward.source.value.domain().is_some_and(|d| !self.directory.is_ours(d)) {
                continue;
            }
            for target in &forward.targets {
                let mut sources = forward.source.value.addresses(&self.directory.domains);
                let lost =
                    sources.find(|source| self.directory.resolve(&target.value, source).is_none());
                dead.extend(lost.map(|source| (target.clone(), source)));
            }
        }
        for (target, source) in dead {
            let message = match &target.value {
                Target::Bare(name) => {
                    format!("no account receives mail at `{name}@{}`", source.domain())
                }
                Target::Full(address) => format!("no account receives mail at `{address}`"),
            };
            let help = match self.meant(&target.value) {
                help if help.starts_with("did") => help,
                _ => "write an account, an alias, or a whole address elsewhere".to_owned(),
            };
            self.decoder.error(&target.span, message, &help);
        }
    }

    fn circles(&mut self) {
        let mut named = HashSet::new();
        for circle in loops::find(&self.directory) {
            let index = circle.iter().find_map(|address| self.directory.holder(address)?.forward);
            let Some(span) = index.map(|index| self.directory.forwards[index].source.span.clone())
            else {
                continue;
            };
            if !named.insert(span.start) {
                continue;
            }
            let way: Vec<String> = circle.iter().map(|address| format!("`{address}`")).collect();
            let message = format!("mail would go round in a circle: {}", way.join(" → "));
            let help = "remove one of these targets; to keep a copy here, name an account";
            self.decoder.error(&span, message, help);
        }
    }
}
