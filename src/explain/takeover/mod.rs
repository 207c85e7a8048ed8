//! Compares the mail server on a host with the one that mail.yml describes, and
//! finds what will be lost. Each loss is a sentence with the line of mail.yml
//! that keeps the feature. It compares the texts of both configurations and
//! ignores the defaults of Debian's packages.

mod aliases;
mod dovecot;
mod exim;
mod master_cf;
mod postfix;

use std::collections::{BTreeMap, BTreeSet};

use super::File;

/// The configuration of the existing server, as far as it exists and is readable.
#[derive(Default)]
pub(crate) struct Old<'a> {
    pub main_cf: Option<String>,
    pub master_cf: Option<String>,
    pub aliases: Option<String>,
    pub exim: Option<String>,
    pub dovecot: Option<String>,
    /// The host name.
    pub host_name: String,
    /// The mail files in `/var/mail`, each with its size in bytes.
    pub spool: Vec<(String, u64)>,
    /// Reads the source of a lookup table, if it is a file.
    pub table: Option<Tables<'a>>,
}

/// Returns the source text of a lookup table.
pub(crate) type Tables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A feature of the old server that the new one does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// The feature, as a sentence.
    pub what: String,
    /// The way to keep it: a line of mail.yml, or an action.
    pub keep: String,
}

/// The files of the new server.
struct New<'a> {
    files: &'a [File],
    /// The settings in its main.cf.
    main: BTreeMap<String, String>,
}

/// Compares the old server with `files`, the rendered files of the new one.
pub(crate) fn losses(old: &Old<'_>, files: &[File]) -> Vec<Loss> {
    let mut new = New { files, main: BTreeMap::new() };
    new.main = postfix::parse(new.text("/etc/postfix/main.cf"));
    let mut losses = Vec::new();
    losses.extend(old.main_cf.iter().flat_map(|text| postfix::losses(text, old, &new)));
    losses.extend(old.master_cf.iter().flat_map(|text| master_cf::losses(text, &new)));
    losses.extend(old.aliases.iter().flat_map(|text| aliases::losses(text, &new)));
    losses.extend(old.exim.iter().flat_map(|text| exim::losses(text, old, &new.domains())));
    let spool =
        old.spool.iter().map(|(name, size)| format!("{name} ({} KiB)", size.div_ceil(1024)));
    losses.extend(some(&spool.collect::<Vec<_>>()).map(|all| Loss::new(
        format!("There is mail in /var/mail: {all}; it stays there, and is not in the new mailboxes"),
        "after `apply`, for each account: doveadm import -u NAME mbox:/var/empty:INBOX=/var/mail/USER \"\" ALL",
    )));
    losses.extend(old.dovecot.iter().flat_map(|text| dovecot::losses(text, &new)));
    losses
}

impl New<'_> {
    /// Returns the text of a file.
    fn text(&self, path: &str) -> &str {
        self.files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
    }

    /// Returns the domains for which it accepts mail.
    fn domains(&self) -> Vec<&str> {
        self.main.get("virtual_mailbox_domains").map_or("", String::as_str).split(", ").collect()
    }

    /// Returns whether Dovecot serves a protocol.
    fn serves(&self, protocol: &str) -> bool {
        let lines = self.text("/etc/dovecot/dovecot.conf").lines();
        let mut settings = lines.filter_map(|line| line.split_once('='));
        settings.any(|(name, value)| name.trim() == "protocols" && postfix::fits(value, protocol))
    }

    /// Returns the addresses for which it accepts mail; `@domain` for a catch-all.
    fn addresses(&self) -> BTreeSet<&str> {
        let tables = ["/etc/postfix/mailboxes", "/etc/postfix/virtual"];
        tables.into_iter().flat_map(|path| keys(self.text(path))).collect()
    }
}

impl Loss {
    fn new(what: impl Into<String>, keep: impl Into<String>) -> Self {
        Self { what: what.into(), keep: keep.into() }
    }
}

/// The way to keep mail that lies in the folders of system users.
const IMPORT: &str =
    "after `apply`, for each account: doveadm import -u NAME maildir:FOLDER \"\" ALL";

/// The way to keep domains.
fn new_domains(all: &str) -> String {
    format!("add to `domains:` {all}, and their people to `accounts:`")
}

/// The way to keep networks that may relay.
fn relaying(networks: &[String]) -> String {
    let all = format!("127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128 {}", networks.join(" "));
    extra_postfix([("mynetworks", all.as_str())])
}

/// Splits a text into the words between separators.
fn words(text: &str, separators: &[char]) -> Vec<String> {
    let words = text.split(separators).map(str::trim);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Returns the first word of each line in the source of a lookup table (man 5 postmap).
fn keys(text: &str) -> impl Iterator<Item = &str> {
    let is_entry = |line: &&str| !line.starts_with(['#', ' ', '\t']);
    text.lines().filter(is_entry).filter_map(|line| line.split_whitespace().next())
}

/// Formats settings of Postfix for `extra` in mail.yml.
fn extra_postfix<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str)>) -> String {
    let settings = settings.into_iter().map(|(name, value)| format!("{name}: {}", quoted(value)));
    format!("extra: {{postfix: {{{}}}}}", settings.collect::<Vec<_>>().join(", "))
}

/// Quotes a text for YAML.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Joins the first few of many names, if there are any.
fn some(all: &[String]) -> Option<String> {
    const SHOWN: usize = 5;
    let shown = all[..all.len().min(SHOWN)].join(", ");
    match all.len() {
        0 => None,
        1..=SHOWN => Some(shown),
        count => Some(format!("{shown} and {} more", count - SHOWN)),
    }
}

#[cfg(test)]
mod tests;
