//! The accounts as Dovecot has them, and the names that they have in mail.yml.

use std::collections::BTreeMap;
use std::path::Path;

use super::own::OwnPasswords;
use crate::digest::Digest;
use crate::host::{self, Host};
use crate::mail::PasswordHash;

/// Dovecot's accounts, a line each: `login:hash:…`.
pub(super) const USERS: &str = "/etc/dovecot/users";

/// A line for each login: `login:account:digest`, the digest being of the hash in the
/// mail.yml that was applied.
pub(super) const ACCOUNTS: &str = "/etc/dovecot/accounts";

/// The account behind a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) account: String,
    pub(super) of_mail_yml: String,
}

/// The accounts behind all logins.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<String, Known>);

impl Accounts {
    pub(super) fn read(host: &Host) -> host::Result<Self> {
        let content = host.read(Path::new(ACCOUNTS))?;
        Ok(content.map_or_else(Self::default, |content| Self::parse(&content.text())))
    }

    fn parse(text: &str) -> Self {
        let known = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let mut fields = line.split(':');
            let (login, account) = (fields.next()?, fields.next()?.to_owned());
            let of_mail_yml = fields.next()?.to_owned();
            Some((login.to_owned(), Known { account, of_mail_yml }))
        });
        Self(known.collect())
    }

    pub(super) fn of(&self, login: &str) -> Option<&Known> {
        self.0.get(login)
    }

    pub(super) fn logins(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Known {
    pub(super) fn has(&self, digest: &Digest) -> bool {
        digest.to_string() == self.of_mail_yml
    }
}

/// Returns the hash of a login.
pub(super) fn hash_of<'t>(users: &'t str, login: &str) -> Option<&'t str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == login).then(|| fields.next())?
    })
}

/// Returns the text with the hashes that `new` has for logins, the rest as it is.
pub(super) fn with_hashes<'h>(
    users: &str,
    new: impl Fn(&str, &str) -> Option<&'h PasswordHash>,
) -> String {
    let mut text = String::with_capacity(users.len());
    for line in users.split_inclusive('\n') {
        let replaced = replaced(line, &new);
        text.push_str(replaced.as_deref().unwrap_or(line));
    }
    text
}

fn replaced<'h>(
    line: &str,
    new: &impl Fn(&str, &str) -> Option<&'h PasswordHash>,
) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let (login, rest) = line.split_once(':')?;
    let (hash, rest) = rest.split_once(':')?;
    let hash = new(login, hash)?;
    Some(format!("{login}:{}:{rest}", hash.secret().expose()))
}

/// Returns a former state of Dovecot's accounts with the passwords that people chose.
pub(super) fn with_own(users: &str, own: &OwnPasswords, accounts: &Accounts) -> String {
    with_hashes(users, |login, _| {
        let account = accounts.of(login).map_or(login, |known| &known.account);
        own.named(account).map(|own| &own.hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# login:hash\n\nthomas:{A}x:5000:5000::/h::\nanna:{A}x:5000:5000::/a::q\n";

    fn hash() -> PasswordHash {
        PasswordHash::parse(&format!("{{SHA512-CRYPT}}$6$saltsalt${}", "b".repeat(86))).unwrap()
    }

    #[test]
    fn only_the_hash_of_the_named_lines_changes() {
        let new = hash();
        let text = with_hashes(TEXT, |login, old| {
            assert_eq!(old, "{A}x");
            (login == "thomas").then_some(&new)
        });
        assert_eq!(text, TEXT.replacen("{A}x", new.secret().expose(), 1));
        assert_eq!(hash_of(&text, "thomas"), Some(new.secret().expose().as_str()));
        assert_eq!(hash_of(&text, "anna"), Some("{A}x"));
        assert_eq!(hash_of(&text, "# login"), Some("hash"));
        assert_eq!(hash_of(&text, "thoma"), None);
        assert_eq!(with_hashes("nonsense", |_, _| Some(&new)), "nonsense");
    }

    #[test]
    fn a_login_leads_to_its_account() {
        let accounts = Accounts::parse("# x\n\nthomas@example.org:thomas:abc\nbroken:x\n");
        let known = accounts.of("thomas@example.org").unwrap();
        assert_eq!((known.account.as_str(), known.of_mail_yml.as_str()), ("thomas", "abc"));
        assert!(accounts.of("broken").is_none() && accounts.of("thomas").is_none());
    }
}
