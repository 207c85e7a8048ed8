//! A copy of `mail.yml` that may be shown.
//!
//! A diagnostic shows the line it is about. So that no password or hash is ever
//! on it, diagnostics point into a copy of the text in which every byte of one
//! is a `*`. Lengths and line breaks stay, and with them every place.
//!
//! What may be a secret is decided generously: a person who misspells
//! `password` or forgets it has written a password all the same.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::yaml::{Entry, Kind, Node};

/// The keys of an account whose values are not secret.
const OPEN: [&str; 3] = ["aliases", "quota", "password_file"];

/// Returns a copy of a text that is YAML, without its secrets.
pub(super) fn tree(source: &Source, root: &Node) -> Arc<Source> {
    let mut mask = Mask::new(source);
    mask.hashes();
    if let Kind::Map(entries) = &root.kind {
        for entry in entries {
            match &entry.value.kind {
                _ if entry.key.text != "accounts" => mask.entry(entry),
                Kind::List(items) => items.iter().for_each(|item| mask.accounts(item)),
                _ => mask.accounts(&entry.value),
            }
        }
    }
    mask.finish()
}

/// Returns a copy of a text that is not YAML, without what may be its secrets:
/// everything below `accounts:` that is not known to be none, and whatever
/// follows a key with `pass` in it.
pub(super) fn lines(source: &Source) -> Arc<Source> {
    let mut mask = Mask::new(source);
    mask.hashes();
    let (mut start, mut below_accounts, mut open) = (0, false, true);
    for line in source.text.split_inclusive('\n') {
        let top = !line.starts_with([' ', '\t', '#', '\r', '\n', '-', '}', ']']);
        if top {
            below_accounts = line.trim_start_matches(['"', '\'']).starts_with("accounts");
            open = !below_accounts;
        }
        let key = line
            .split(':')
            .next()
            .unwrap_or_default()
            .trim_matches(KEY_SIGNS);
        let colon = line.find(':');
        if colon.is_some() {
            open = OPEN.contains(&key) || (!below_accounts && !secret_key(key));
        }
        let from = match colon {
            _ if open => line.to_ascii_lowercase().find("pass").and_then(|at| {
                line[at..]
                    .find(':')
                    .filter(|_| !OPEN.contains(&key))
                    .map(|colon| at + colon + 1)
            }),
            Some(colon) => Some(colon + 1),
            None => Some(0),
        };
        let from = match from {
            Some(from) => from + line[from..].len() - line[from..].trim_start().len(),
            None => line.len(),
        };
        mask.hide(start + from..start + line.len());
        start += line.len();
    }
    mask.finish()
}

const KEY_SIGNS: [char; 8] = [' ', '\t', '"', '\'', '{', ',', '-', '?'];

/// Returns whether what stands under this key is a secret, or was meant to be.
fn secret_key(key: &str) -> bool {
    let key = key.to_lowercase();
    let meant = ["pass", "pasw", "pwd", "secret", "hash", "crypt"]
        .iter()
        .any(|s| key.contains(s));
    (meant || crate::yaml::nearest(&key, ["password"]).is_some()) && key != "password_file"
}

/// A text in the course of being masked.
struct Mask<'s> {
    source: &'s Source,
    bytes: Vec<u8>,
}

impl<'s> Mask<'s> {
    fn new(source: &'s Source) -> Self {
        Self {
            source,
            bytes: source.text.clone().into_bytes(),
        }
    }

    fn hide(&mut self, span: Range<usize>) {
        let end = span.end.min(self.bytes.len());
        for byte in &mut self.bytes[span.start.min(end)..end] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }

    /// Hides the rest of every word that has a `{SCHEME}` or a `$6$` in it.
    fn hashes(&mut self) {
        let text = &self.source.text;
        let mut start = 0;
        for word in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            if let Some(at) = hash_in(word) {
                let end = word
                    .trim_end_matches(|c: char| c.is_ascii_whitespace() || "\"',}]".contains(c));
                self.hide(start + at..start + end.len().max(at));
            }
            start += word.len();
        }
    }

    fn accounts(&mut self, accounts: &Node) {
        if let Kind::Map(entries) = &accounts.kind {
            entries.iter().for_each(|entry| self.account(&entry.value));
        }
    }

    fn account(&mut self, account: &Node) {
        match &account.kind {
            Kind::Map(entries) => {
                for entry in entries {
                    if !OPEN.contains(&entry.key.text.as_str()) {
                        self.values(&entry.value);
                    }
                }
            }
            _ => self.values(account),
        }
    }

    fn entry(&mut self, entry: &Entry) {
        if secret_key(&entry.key.text) {
            return self.values(&entry.value);
        }
        match &entry.value.kind {
            Kind::Map(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Kind::List(items) => items.iter().for_each(|item| self.item(item)),
            Kind::Scalar(_) => {}
        }
    }

    fn item(&mut self, item: &Node) {
        match &item.kind {
            Kind::Map(entries) => entries.iter().for_each(|entry| self.entry(entry)),
            Kind::List(items) => items.iter().for_each(|item| self.item(item)),
            Kind::Scalar(_) => {}
        }
    }

    /// Hides a value, and what it is made of: through an alias that may stand
    /// elsewhere.
    fn values(&mut self, node: &Node) {
        self.hide(node.span.clone());
        match &node.kind {
            Kind::Scalar(_) => {}
            Kind::List(items) => items.iter().for_each(|item| self.values(item)),
            Kind::Map(entries) => entries.iter().for_each(|entry| self.values(&entry.value)),
        }
    }

    fn finish(self) -> Arc<Source> {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        Arc::new(Source {
            name: self.source.name.clone(),
            text,
        })
    }
}

/// Returns where in a word the secret part of a hash begins.
fn hash_in(word: &str) -> Option<usize> {
    let dollar = word.match_indices('$').map(|(at, _)| at).find(|at| {
        let name = word[at + 1..].split('$').next().unwrap_or_default();
        let closed = word[at + 1 + name.len()..].starts_with('$');
        closed && (1..=9).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
    });
    let scheme = word.find('{').and_then(|open| {
        let close = open + word[open..].find('}')?;
        let name = &word[open + 1..close];
        let scheme = name.len() >= 3
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (scheme
            && word[close + 1..]
                .trim_end_matches(['\n', '\r', ' ', ',', '}'])
                .len()
                > 1)
        .then_some(close + 1)
    });
    scheme.or(dollar)
}
