//! Whose mailbox a mail can be sent to and read from, to see that it works.

use super::{Address, Directory, Sender};

/// An account whose mail stays here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// What it logs in with.
    pub login: String,
    /// Its own address.
    pub address: Address,
    /// An address that belongs to others, if there is one.
    pub of_another: Option<String>,
}

impl Directory {
    /// Returns the account that gets the system's mail, else the first, of those
    /// whose own address does not lead elsewhere; none where all do.
    pub fn inbox(&self) -> Option<Inbox> {
        let routes = self.routes();
        let stays = |address: &&Address| {
            let line =
                routes.aliases.iter().find(|alias| alias.pattern.address() == Some(*address));
            line.is_some_and(|alias| alias.targets == [(*address).clone()])
        };
        let first = self.system_mail.iter().filter(|it| routes.mailboxes.contains(it)).find(stays);
        let address = first.or_else(|| routes.mailboxes.iter().find(stays))?.clone();
        let is_own = |sender: &&Sender| sender.pattern.address() == Some(&address);
        let login = routes.senders.iter().find(is_own)?.logins.first()?.clone();
        let is_of_another = |sender: &&Sender| !sender.logins.contains(&login);
        let mut others = routes.senders.iter().filter(is_of_another);
        let of_another = others.find_map(|sender| sender.pattern.address()).map(Address::to_string);
        let login = login.to_string();
        Some(Inbox { login, address, of_another })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use crate::diagnostic::Source;
    use crate::mail::{Files, load};

    fn inbox(lines: &str) -> Option<(String, String, Option<String>)> {
        let hash = format!("{{SHA512-CRYPT}}$6$saltsalt${}", "a".repeat(86));
        let text = format!("hostname: mail.example.org\ndomains: [example.org]\n{lines}")
            .replace("HASH", &format!("{{password: \"{hash}\"}}"));
        let source = Arc::new(Source { name: "mail.yml".into(), text });
        let spec = load(&source, &Files::beside(Path::new("."))).unwrap();
        let inbox = spec.directory.inbox()?;
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
    fn mailboxes_of_a_domain_log_in_with_the_whole_address() {
        let (login, address, _) = inbox("accounts: {anna: HASH}\nmailboxes: per-domain\n").unwrap();
        assert_eq!(login, address);
    }
}
