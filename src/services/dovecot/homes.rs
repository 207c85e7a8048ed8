//! The folders of the accounts' mail.

use crate::mail::{Address, Mailboxes};
use crate::services::Spec;

/// The parent folder of all mailboxes.
pub(super) const HOMES: &str = "/var/vmail";

impl Spec {
    pub(super) fn home(&self, mailbox: &Address) -> String {
        match self.directory.mailboxes {
            Mailboxes::Shared => format!("{HOMES}/{}", mailbox.local()),
            Mailboxes::PerDomain => format!("{HOMES}/{}/{}", mailbox.domain(), mailbox.local()),
        }
    }

    /// Returns the path of an account's mail, with placeholders.
    pub(crate) fn any_home(&self) -> String {
        match self.directory.mailboxes {
            Mailboxes::Shared => format!("{HOMES}/NAME"),
            Mailboxes::PerDomain => format!("{HOMES}/DOMAIN/NAME"),
        }
    }

    /// Returns the folders of an account's mail.
    pub(crate) fn homes(&self, account: usize) -> Vec<String> {
        self.directory.mailboxes_of(account).iter().map(|mailbox| self.home(mailbox)).collect()
    }
}
