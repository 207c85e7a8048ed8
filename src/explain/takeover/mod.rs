//! What the mail server that stands on a host does and the one of mail.yml will
//! not do, each in a sentence with the line of mail.yml that keeps it. Told from
//! the texts of both configurations; what Debian's packages come with is silent.

mod aliases;
mod dovecot;
mod exim;
mod master_cf;
mod places;
mod postfix;

use std::collections::BTreeSet;

use super::File;

/// The configuration of the server that stands there, as far as it has one and
/// that may be read.
#[derive(Default)]
pub(crate) struct Old<'a> {
    /// The text of `/etc/postfix/main.cf`.
    pub main_cf: Option<String>,
    /// The text of `/etc/postfix/master.cf`.
    pub master_cf: Option<String>,
    /// The text of `/etc/aliases`.
    pub aliases: Option<String>,
    /// The text of `/etc/exim4/update-exim4.conf.conf`.
    pub exim: Option<String>,
    /// The output of `doveconf -n`.
    pub dovecot: Option<String>,
    /// The host's own name.
    pub host_name: String,
    /// The files in `/var/mail` that hold mail, each with its size in bytes.
    pub spool: Vec<(String, u64)>,
    /// Reads the source of a lookup table, where that is a file.
    pub table: Option<Tables<'a>>,
}

/// Returns the text of a file that a lookup table is made from.
pub(crate) type Tables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Something that the old server does and the new one will not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loss {
    /// What, in a sentence.
    pub what: String,
    /// How to keep it: a line of mail.yml, or what to do.
    pub keep: String,
}

/// The files of the new server.
struct New<'a> {
    files: &'a [File],
}

/// Compares. `files`: those of the new server, rendered.
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
    /// Returns the text of one of its files.
    fn text(&self, path: &str) -> &str {
        self.files.iter().find(|file| file.path == path).map_or("", |file| &file.text)
    }

    /// Returns the domains that it takes mail for.
    fn domains(&self) -> Vec<&str> {
        let lines = || self.text("/etc/postfix/main.cf").lines();
        let value = lines().find_map(|line| line.strip_prefix("virtual_mailbox_domains = "));
        value.unwrap_or_default().split(", ").collect()
    }

    /// Returns the addresses that it takes mail for; of a catch-all `@domain`.
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

/// Returns the first words of the lines of a table's source (man 5 postmap).
fn keys(text: &str) -> impl Iterator<Item = &str> {
    let is_entry = |line: &&str| !line.starts_with(['#', ' ', '\t']);
    text.lines().filter(is_entry).filter_map(|line| line.split_whitespace().next())
}

/// Writes settings of Postfix as `extra` of mail.yml takes them.
fn extra_postfix<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str)>) -> String {
    let settings = settings.into_iter().map(|(name, value)| format!("{name}: {}", quoted(value)));
    format!("extra: {{postfix: {{{}}}}}", settings.collect::<Vec<_>>().join(", "))
}

/// Writes a text as YAML takes it anywhere.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Lists some of many.
fn some(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", all[..all.len().min(SHOWN)].join(", "))
}

#[cfg(test)]
mod tests;
