//! The limits of the accounts, as the playbook writes them for the program that
//! Postfix asks: it can read neither mail.yml nor a password.

use crate::mail::Limit;

/// The file, as in the playbook.
pub(super) const FILE: &str = "/etc/postfix/send_limits";

/// The name of the line for accounts without one.
const ALL: &str = "*";

/// Returns the limit of an account; `None` if the file has none for it.
pub(super) fn of(text: &str, account: &str) -> Option<Limit> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let named = |wanted: &str| {
        let mut lines = lines.clone().filter_map(|line| line.split_once(' '));
        lines.find(|(name, _)| *name == wanted).and_then(|(_, limit)| Limit::parse(limit).ok())
    };
    named(account).or_else(|| named(ALL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_its_own_limit_or_that_of_all() {
        let text = "# anna 1/day\n\n* 500/day\nthomas none\nanna@example.org 7/hour\n";
        let of = |account: &str| of(text, account).map(|limit| limit.to_string());
        assert_eq!(of("thomas").as_deref(), Some("none"));
        assert_eq!(of("anna@example.org").as_deref(), Some("7/hour"));
        assert_eq!(of("anna").as_deref(), Some("500/day"));
        assert_eq!(super::of("", "anna"), None);
    }
}
