//! A copy of `mail.yml` that may be shown.
//!
//! A diagnostic shows the line it is about. So that it never shows a password
//! or a hash, diagnostics point into a copy of the text in which every byte of
//! a secret is a `*`. Lengths and line breaks stay, so all places stay the
//! same.
//!
//! The masking is generous: the value of a misspelt or missing `password` key is also masked.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::MAIL_YML;
use crate::diagnostic::Source;
use crate::yaml::{Document, Entry, Kind, Node, suggest};

/// The keys of an account or of the relay whose values are not secret.
const OPEN: [&str; 7] =
    ["aliases", "quota", "send_limit", "password_file", "host", "tls", "username"];

/// The key of an account whose values are secret, but not their keys.
const APP_PASSWORDS: &str = "app_passwords";

/// The replacement for a secret that an edit adds.
pub(crate) const NEW_SECRET: &str = "«new secret»";

/// Returns a copy of a YAML text, without its secrets.
pub(super) fn tree(source: &Source, root: &Node) -> Arc<Source> {
    let mut mask = Mask::new(source);
    mask.tree(root);
    mask.finish()
}

/// Returns two versions of a YAML text for display. Secrets are replaced, and
/// those that only the second contains are marked as new.
pub(crate) fn masked(old: &Document, new: &Document) -> (String, String) {
    let known = secrets(old);
    let text = |document: &Document, known: &HashSet<&str>| {
        let source = &document.source().text;
        let (mut shown, mut at) = (String::new(), 0);
        for secret in secrets(document) {
            shown += &source[at..secret.start];
            let is_known = known.contains(&source[secret.clone()]);
            shown += if is_known { "«secret»" } else { NEW_SECRET };
            at = secret.end;
        }
        shown + &source[at..]
    };
    let known: HashSet<&str> = known.into_iter().map(|it| &old.source().text[it]).collect();
    (text(old, &known), text(new, &known))
}

/// Masks two texts as [`masked`] does; the first may be empty. Returns `None`
/// if one of them is not YAML.
pub(crate) fn masked_texts(old: &str, new: &str) -> Option<(String, String)> {
    let document = |text: &str| {
        let source = Arc::new(Source { name: String::new(), text: text.to_owned() });
        Document::parse(&source).ok()
    };
    let new = document(new)?;
    if old.is_empty() {
        let (_, shown) = masked(&new, &new);
        return Some((String::new(), shown));
    }
    Some(masked(&document(old)?, &new))
}

/// Finds the secrets in a YAML text. A comment is masked only if it mentions one.
fn secrets(document: &Document) -> Vec<Range<usize>> {
    let source = document.source();
    let mut mask = Mask { source, bytes: source.text.clone().into_bytes() };
    mask.hashes();
    mask.comments(secret_key);
    mask.tree(document.root());
    let (mut found, mut at) = (Vec::new(), 0);
    for run in mask.bytes.chunk_by(|a, b| (*a == b'*') == (*b == b'*')) {
        let place = at..at + run.len();
        at = place.end;
        let differs = source.text.as_bytes()[place.clone()] != *run;
        if differs {
            found.push(place);
        }
    }
    found
}

impl Mask<'_> {
    fn tree(&mut self, root: &Node) {
        let mask = self;
        if let Kind::Map(entries) = &root.kind {
            let mut sections = Sections::default();
            for entry in entries {
                match &entry.value.kind {
                    Kind::Map(_) if entry.key.text == "relay" => mask.account(&entry.value),
                    _ if sections.is_open(&entry.key.text) => mask.open(&entry.value),
                    Kind::List(items) => items.iter().for_each(|item| mask.accounts(item)),
                    Kind::Map(_) => mask.accounts(&entry.value),
                    Kind::Scalar(_) if names().any(|name| name == entry.key.text) => {}
                    Kind::Scalar(_) if entry.value.is_null() => mask.hide(entry.key.span.clone()),
                    Kind::Scalar(_) => mask.hide(entry.value.span.clone()),
                }
            }
        }
    }
}

/// Returns a copy of a text that is not YAML, without everything that is not known to be harmless.
pub(super) fn lines(source: &Source) -> Arc<Source> {
    let mut mask = Mask::new(source);
    let (mut start, mut section, mut open) = (0, false, false);
    let mut sections = Sections::default();
    for line in source.text.split_inclusive('\n') {
        let colon = line.find(':');
        let key = line[..colon.unwrap_or(0)].trim_matches(KEY_SIGNS);
        if !line.starts_with([' ', '\t', '#', '\r', '\n', '-', '}', ']']) {
            section = sections.is_open(key);
            open = section;
        } else if colon.is_some() {
            open = OPEN.contains(&key) || (section && !secret_key(key));
        }
        let from = match (open, colon) {
            _ if line.starts_with("---") => None,
            (true, _) if section => inner_secret(line),
            (true, Some(colon)) => line[colon + 1..].find(':').map(|next| colon + 1 + next),
            (true, None) if line.trim_start().starts_with('-') => None,
            (false, Some(colon)) => Some(colon + 1),
            (_, None) => Some(0),
        };
        let from = from.map_or("", |from| &line[from..]).trim_start();
        mask.hide(start + line.len() - from.len()..start + line.len());
        start += line.len();
    }
    mask.finish()
}

/// Returns the keys of the file.
fn names() -> impl Iterator<Item = &'static str> {
    MAIL_YML.keys.iter().map(|known| known.name)
}

/// Decides which sections of the file hold no secrets.
#[derive(Default)]
struct Sections {
    /// The number of unknown names so far.
    unknown: usize,
}

impl Sections {
    /// The limit of unknown names. That many are not misspellings; the rest is not compared.
    const MOST: usize = 1000;

    /// Returns whether a section holds no secrets, even if its name is misspelt.
    fn is_open(&mut self, key: &str) -> bool {
        let is_secret = |name: &str| name == "accounts" || name == "relay";
        if names().any(|name| name == key) {
            return !is_secret(key);
        }
        self.unknown += 1;
        self.unknown <= Self::MOST && suggest(key, names()).is_some_and(|meant| !is_secret(meant))
    }
}

/// Finds the beginning of a secret on a line of a section that should have none.
fn inner_secret(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let key = lower.match_indices("pass").map(|(at, _)| at);
    key.filter(|at| !lower[*at..].starts_with("password_file"))
        .find_map(|at| line[at..].find(':').map(|colon| at + colon + 1))
}

const KEY_SIGNS: [char; 8] = [' ', '\t', '"', '\'', '{', ',', '-', '?'];

/// Returns whether a key holds a secret, or was probably meant to.
fn secret_key(key: &str) -> bool {
    let key = key.to_lowercase();
    let meant = ["pass", "pasw", "pwd", "secret", "hash", "crypt"].iter().any(|s| key.contains(s));
    (meant || suggest(&key, ["password"]).is_some()) && key != "password_file"
}

/// Returns whether a name is a key of an account or the relay, even if misspelt.
fn known(key: &str) -> bool {
    suggest(key, OPEN.into_iter().chain(["password"])).is_some()
}

struct Mask<'s> {
    source: &'s Source,
    bytes: Vec<u8>,
}

impl<'s> Mask<'s> {
    fn new(source: &'s Source) -> Self {
        let mut mask = Self { source, bytes: source.text.clone().into_bytes() };
        mask.hashes();
        mask.comments(|_| true);
        mask
    }

    fn hide(&mut self, span: Range<usize>) {
        let end = span.end.min(self.bytes.len());
        for byte in &mut self.bytes[span.start.min(end)..end] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }

    /// Masks the rest of every word that contains a `{SCHEME}` or a `$6$`.
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

    /// Masks comments: they can contain a disabled setting, or a password that begins with `#`.
    fn comments(&mut self, is_secret: impl Fn(&str) -> bool) {
        let mut start = 0;
        for line in self.source.text.split_inclusive('\n') {
            let mut signs = line.match_indices('#').map(|(at, _)| at);
            let comment = signs.find(|at| !line[..*at].ends_with(|c: char| c > ' '));
            if let Some(comment) = comment.filter(|at| is_secret(&line[at + 1..])) {
                self.hide(start + comment + 1..start + line.len());
            }
            start += line.len();
        }
    }

    fn accounts(&mut self, accounts: &Node) {
        if let Kind::Map(entries) = &accounts.kind {
            entries.iter().for_each(|entry| self.account(&entry.value));
        }
    }

    fn account(&mut self, account: &Node) {
        let Kind::Map(entries) = &account.kind else {
            return self.values(account);
        };
        for Entry { key, value } in entries {
            if value.is_null() && !known(&key.text) {
                self.hide(key.span.clone());
            } else if key.text == APP_PASSWORDS {
                self.devices(value);
            } else if !OPEN.contains(&key.text.as_str()) {
                self.values(value);
            }
        }
    }

    /// Masks the hashes of devices, but not the names. Where a value is no hash, the key may
    /// be the secret.
    fn devices(&mut self, devices: &Node) {
        let Kind::Map(entries) = &devices.kind else {
            return self.values(devices);
        };
        for Entry { key, value } in entries {
            let is_hash = value.as_scalar().is_some_and(|it| it.text.starts_with('{'));
            if !is_hash {
                self.hide(key.span.clone());
            }
            self.values(value);
        }
    }

    /// Masks secrets in places that should have none. A key without a value,
    /// beside the key of a secret, is one: `password:, hunter2` is two keys in
    /// YAML.
    fn open(&mut self, node: &Node) {
        match &node.kind {
            Kind::Scalar(_) => {}
            Kind::List(items) => items.iter().for_each(|item| self.open(item)),
            Kind::Map(entries) => {
                let beside = entries.iter().any(|entry| secret_key(&entry.key.text));
                for Entry { key, value } in entries {
                    if beside && value.is_null() && !known(&key.text) {
                        self.hide(key.span.clone());
                    } else if secret_key(&key.text) {
                        self.values(value);
                    } else {
                        self.open(value);
                    }
                }
            }
        }
    }

    /// Masks a value and its parts. With an alias they may be elsewhere in the text.
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
        Arc::new(Source { name: self.source.name.clone(), text })
    }
}

/// Returns the position in a word where the secret part of a hash begins.
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
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        (scheme && word[close + 1..].trim_end_matches(['\n', '\r', ' ', ',', '}']).len() > 1)
            .then_some(close + 1)
    });
    scheme.or(dollar)
}
