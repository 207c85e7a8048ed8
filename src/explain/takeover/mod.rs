//! Compares the mail server on a host with the one that mail.yml describes, and
//! finds what will be lost. Each loss is a sentence with the line of mail.yml
//! that keeps the feature. It compares the texts of both configurations and
//! ignores the defaults of Debian's packages.

mod aliases;
mod dovecot;
mod exim;
mod master_cf;
mod places;
mod postfix;

use std::collections::BTreeSet;

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
}

/// Compares the old server with `files`, the rendered files of the new one.
pub(crate) fn losses(old: &Old<'_>, files: &[File]) -> Vec<Loss> {
    let new = New { files };
    let mut losses = Vec::new();
    if let Some(text) = &old.main_cf {
        losses.extend(postfix::losses(text, old, &new));
    }
    if let Some(text) = &old.master_cf {
        losses.extend(master_cf::losses(text, &new));
    }
    if let Some(text) = &old.aliases {
        losses.extend(aliases::losses(text, &new));
    }
    if let Some(text) = &old.exim {
        losses.extend(exim::losses(text, old, &new.domains()));
    }
    losses.extend(places::losses(old));
    if let Some(text) = &old.dovecot {
        losses.extend(dovecot::losses(text));
    }
    losses
}

impl New<'_> {
    /// Returns the text of a file.
    fn text(&self, path: &str) -> &str {
        self.files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
    }

    /// Returns the domains for which it accepts mail.
    fn domains(&self) -> Vec<&str> {
        let lines = || self.text("/etc/postfix/main.cf").lines();
        let value = lines().find_map(|line| line.strip_prefix("virtual_mailbox_domains = "));
        value.unwrap_or_default().split(", ").collect()
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

/// Joins the first few of many names.
fn some(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", all[..all.len().min(SHOWN)].join(", "))
}

#[cfg(test)]
mod tests;
