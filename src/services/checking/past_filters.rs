//! A temporary Sieve script, by which the test mails of a check arrive in the
//! INBOX whatever the filter of the account does with mail.
//!
//! Dovecot's configuration always names the script, which normally does not
//! exist, as the first of those that run before the filter of an account. It knows
//! the mails by the random word in their subject, so no other sender gets past a
//! filter: the word is new in each check, and the script is for root and Dovecot.

use std::path::Path;

use super::temporary_folder;
use crate::host::{self, Content, Host, Ownership};

/// As in `dovecot.conf.part`.
const FOLDER: &str = "/run/mailprov-check-filter";

/// The group of the processes that deliver mail.
const READERS: &str = "vmail";

/// The script, which is removed on drop.
#[derive(Debug)]
pub(crate) struct PastFilters<'h> {
    host: &'h Host,
}

impl<'h> PastFilters<'h> {
    /// Lets mails with a word in their subject past all filters.
    pub(crate) fn with(host: &'h Host, word: &str) -> host::Result<Self> {
        let folder = Path::new(FOLDER);
        let past = Self { host };
        temporary_folder::put(host, folder, |folder| {
            // Dovecot puts the compiled script beside it, and cannot replace the script.
            host.put_directory(folder, &Ownership::new("root", READERS, 0o1770))?;
            let ownership = Ownership::new("root", READERS, 0o640);
            let content = Content::new(script(word).as_bytes());
            host.put_file(&folder.join("before.sieve"), &content, &ownership)
        })?;
        Ok(past)
    }
}

impl Drop for PastFilters<'_> {
    fn drop(&mut self) {
        // The word that remains is of no use, and the next check removes it.
        let _ = temporary_folder::remove(self.host, Path::new(FOLDER));
    }
}

fn script(word: &str) -> String {
    format!(
        "require \"fileinto\";\n\
         if header :contains \"Subject\" \"({word})\" {{ fileinto \"INBOX\"; stop; }}\n"
    )
}
