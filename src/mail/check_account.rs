//! The account that `check` sends a mail to and reads it back from.

use std::collections::HashSet;

use super::postfix_tables::{PostfixTables, Sender};
use super::{Address, Directory};

/// An account whose mail is delivered on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckAccount {
    pub login: String,
    pub address: Address,
    /// An address of another account, if there is one.
    pub of_another: Option<String>,
}

impl Directory {
    /// Returns the account that receives the system's mail, else the first
    /// account, of those whose mail is not forwarded. Returns `None` if all
    /// are.
    pub(crate) fn inbox(&self) -> Option<CheckAccount> {
        let routes = self.postfix_tables();
        let stays = |address: &&Address| stays(&routes, address);
        let first = self.system_mail.iter().filter(|it| routes.mailboxes.contains(it)).find(stays);
        let address = first.or_else(|| routes.mailboxes.iter().find(stays))?;
        inbox(&routes, address)
    }

    /// Returns the account with this login name, unless its mail is forwarded.
    pub(crate) fn inbox_of(&self, login: &str) -> Option<CheckAccount> {
        let routes = self.postfix_tables();
        let login = login.to_lowercase();
        let is_its = |sender: &&Sender| {
            let first = sender.logins.first().map(|first| &**first);
            first == Some(login.as_str()) || sender.pattern.to_string() == login
        };
        let senders = routes.senders.iter().filter(is_its);
        let addresses: HashSet<&Address> = senders.filter_map(|it| it.pattern.address()).collect();
        let is_its = |address: &&Address| addresses.contains(address);
        let mut mailboxes = routes.mailboxes.iter().filter(is_its);
        inbox(&routes, mailboxes.find(|address| stays(&routes, address))?)
    }
}

/// Returns whether mail for an account's own address is delivered to that account and to no other.
fn stays(routes: &PostfixTables, address: &Address) -> bool {
    let line = routes.aliases.iter().find(|alias| alias.pattern.address() == Some(address));
    line.is_some_and(|alias| alias.targets == [address.clone()])
}

fn inbox(routes: &PostfixTables, address: &Address) -> Option<CheckAccount> {
    let is_own = |sender: &&Sender| sender.pattern.address() == Some(address);
    let login = routes.senders.iter().find(is_own)?.logins.first()?;
    let is_of_another = |sender: &&Sender| !sender.logins.contains(login);
    let mut others = routes.senders.iter().filter(is_of_another);
    let of_another = others.find_map(|sender| sender.pattern.address()).map(Address::to_string);
    Some(CheckAccount { login: login.to_string(), address: address.clone(), of_another })
}

#[cfg(test)]
mod tests {
    use crate::services::{Spec, load_text};

    fn spec(lines: &str) -> Spec {
        load_text(&format!("hostname: mail.example.org\ndomains: [example.org]\n{lines}"))
    }

    fn inbox(lines: &str) -> Option<(String, String, Option<String>)> {
        let inbox = spec(lines).directory.inbox()?;
        Some((inbox.login, inbox.address.to_string(), inbox.of_another))
    }

    #[test]
    fn it_is_that_of_the_system_mail_unless_its_mail_goes_away() {
        let two = "accounts:\n  anna: HASH\n  tom: HASH\n";
        let of = |login: &str, other: &str| {
            Some((
                login.into(),
                format!("{login}@example.org"),
                Some(format!("{other}@example.org")),
            ))
        };
        assert_eq!(inbox(two), of("anna", "tom"));
        assert_eq!(inbox(&format!("{two}system_mail: tom\n")), of("tom", "anna"));
        let away = format!("{two}forwards: {{anna@example.org: a@far.example}}\n");
        assert_eq!(inbox(&away), of("tom", "anna"));
        let copied = format!("{two}forwards: {{anna@example.org: [a@far.example, anna]}}\n");
        assert_eq!(inbox(&copied), of("tom", "anna"));
    }

    #[test]
    fn there_may_be_none_and_nobody_else() {
        let one = "accounts:\n  anna: HASH\n";
        assert_eq!(inbox(one).unwrap().2, None);
        let away = format!("{one}forwards: {{anna@example.org: a@far.example}}\n");
        assert_eq!(inbox(&away), None);
    }

    #[test]
    fn a_login_leads_to_its_own_inbox() {
        let of = |lines: &str, login: &str| {
            let found = spec(lines).directory.inbox_of(login)?;
            Some((found.address.to_string(), found.of_another?))
        };
        let two = "accounts:\n  anna: HASH\n  tom: HASH\n";
        let own = |name: &str, other: &str| {
            Some((format!("{name}@example.org"), format!("{other}@example.org")))
        };
        assert_eq!(of(two, "tom"), own("tom", "anna"));
        assert_eq!(of(two, "Anna@example.org"), own("anna", "tom"));
        assert_eq!(of(two, "bob"), None);
        assert_eq!(of(two, "postmaster@example.org"), None);
        let away = format!("{two}forwards: {{anna@example.org: a@far.example}}\n");
        assert_eq!(of(&away, "anna"), None);
        let apart = format!("{two}mailboxes: per-domain\n");
        assert_eq!(of(&apart, "tom@example.org"), own("tom", "anna"));
    }

    #[test]
    fn mailboxes_of_a_domain_log_in_with_the_whole_address() {
        let (login, address, _) = inbox("accounts: {anna: HASH}\nmailboxes: per-domain\n").unwrap();
        assert_eq!(login, address);
        let apart = spec("accounts: {anna: HASH}\nmailboxes: per-domain\n").directory;
        assert_eq!(apart.logins(0), ["anna@example.org".into()]);
        assert_eq!(spec("accounts: {anna: HASH}\n").directory.logins(0), ["anna".into()]);
    }
}
