//! The key files of a host. Their names are all the state there is:
//! `DOMAIN.SELECTOR.key` signs, unless there is a later one; `DOMAIN.SELECTOR.next`
//! waits for its record to be published. Selectors are dates, so that of two the
//! later one is the greater text. Ed25519 keys are in a folder of their own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::host::{self, Host};
use crate::resource::Algorithm;

/// The keys of one algorithm: each domain has one of RSA, and one of Ed25519 as well if
/// mail.yml asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    Rsa,
    /// Ed25519 (RFC 8463).
    Ed25519,
}

/// A key of a domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SigningKey {
    pub(crate) domain: String,
    pub(super) family: Family,
    pub(crate) selector: String,
    /// Whether it waits for its record, and does not sign yet.
    pub(super) waits: bool,
}

/// The keys of a host, of one family, sorted.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    family: Family,
    all: BTreeSet<SigningKey>,
}

impl Family {
    fn folder(self) -> &'static str {
        match self {
            Self::Rsa => "/etc/dkim",
            Self::Ed25519 => "/etc/dkim/ed25519",
        }
    }

    /// Returns the first letter of its selectors: no two keys have the same.
    fn letter(self) -> char {
        match self {
            Self::Rsa => 'm',
            Self::Ed25519 => 'e',
        }
    }

    /// Returns its name in records (RFC 6376, 3.6.1).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }

    /// Returns how its keys are made: in the form that the signers read.
    pub(super) fn algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rsa(2048),
            Self::Ed25519 => Algorithm::Ed25519Seed,
        }
    }
}

impl SigningKey {
    /// Parses the name of a file; `None` for files of another kind.
    fn parse(family: Family, name: &str) -> Option<Self> {
        let (stem, waits) = match name.strip_suffix(".key") {
            Some(stem) => (stem, false),
            None => (name.strip_suffix(".next")?, true),
        };
        let (domain, selector) = stem.rsplit_once('.')?;
        let is_plain = |text: &str, more: &str| {
            let is_known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
            !text.is_empty() && text.chars().all(|c| is_known(c) || more.contains(c))
        };
        (is_plain(domain, ".-_") && is_plain(selector, "")).then(|| Self {
            domain: domain.into(),
            family,
            selector: selector.into(),
            waits,
        })
    }

    /// Returns the path of the private key.
    pub(crate) fn path(&self) -> PathBuf {
        let Self { domain, family, selector, waits } = self;
        let suffix = if *waits { "next" } else { "key" };
        Path::new(family.folder()).join(format!("{domain}.{selector}.{suffix}"))
    }
}

impl Keys {
    /// Lists the keys of a host.
    pub(super) fn on(host: &Host, family: Family) -> host::Result<Self> {
        Ok(Self::named(family, host.list(Path::new(family.folder()))?))
    }

    /// Returns the keys of these files.
    pub(super) fn named<N: AsRef<str>>(family: Family, names: impl IntoIterator<Item = N>) -> Self {
        let names = names.into_iter();
        let all = names.filter_map(|name| SigningKey::parse(family, name.as_ref())).collect();
        Self { family, all }
    }

    /// Returns the key that signs for a domain.
    pub(super) fn signing_for(&self, domain: &str) -> Option<&SigningKey> {
        self.of(domain).rfind(|key| !key.waits)
    }

    /// Returns the key that waits to sign for a domain.
    pub(super) fn waiting_for(&self, domain: &str) -> Option<&SigningKey> {
        let signing = self.signing_for(domain).map(|key| &key.selector);
        self.of(domain).rfind(|key| key.waits && signing < Some(&key.selector))
    }

    /// Returns the keys that signed for a domain before, the last one first.
    pub(super) fn former_of(&self, domain: &str) -> impl Iterator<Item = &SigningKey> {
        self.of(domain).rev().filter(|key| !key.waits).skip(1)
    }

    /// Returns each domain with the selector of the key that signs.
    pub(super) fn signing(&self) -> impl Iterator<Item = (String, String)> {
        let last = |key: &&SigningKey| self.signing_for(&key.domain) == Some(key);
        self.all.iter().filter(last).map(|key| (key.domain.clone(), key.selector.clone()))
    }

    /// Returns a selector for a new key, which the domain never had: the month,
    /// or where that is taken the day, and after that the second.
    pub(super) fn new_selector(&self, domain: &str, now: Timestamp) -> String {
        let is_taken = |selector: &String| self.of(domain).any(|key| key.selector == *selector);
        let letter = self.family.letter();
        let date = |it: &str| format!("{letter}{}", now.strftime(it));
        let mut all = ["%Y%m", "%Y%m%d", "%Y%m%d%H%M%S"].map(date);
        all.sort();
        all.into_iter().find(|it| !is_taken(it)).unwrap_or_default()
    }

    fn of(&self, domain: &str) -> impl DoubleEndedIterator<Item = &SigningKey> {
        self.all.iter().filter(move |key| key.domain == domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Keys {
        Keys::named(Family::Rsa, names)
    }

    #[test]
    fn the_latest_key_signs_and_a_later_one_waits() {
        let keys = keys(&[
            "example.org.m202610.key",
            "example.org.m202611.key",
            "example.org.m20261129.next",
            "example.net.m202611.key",
            "example.net.m202601.next",
            "notes.txt",
            ".m202611.key",
            "example.org..key",
            "../x.m1.key",
        ]);
        let selector =
            |key: Option<&SigningKey>| key.map(|key| key.selector.clone()).unwrap_or_default();
        assert_eq!(selector(keys.signing_for("example.org")), "m202611");
        assert_eq!(selector(keys.waiting_for("example.org")), "m20261129");
        assert_eq!(selector(keys.former_of("example.org").next()), "m202610");
        assert_eq!(keys.waiting_for("example.net"), None);
        assert_eq!(keys.signing().count(), 2);
        let path = keys.waiting_for("example.org").unwrap().path();
        assert_eq!(path, Path::new("/etc/dkim/example.org.m20261129.next"));
    }

    #[test]
    fn a_selector_is_never_used_twice_and_the_later_is_the_greater() {
        let now: Timestamp = "2026-11-29T10:20:30Z".parse().unwrap();
        let mut names: Vec<String> = Vec::new();
        let mut selectors = Vec::new();
        for _ in 0..3 {
            let all: Vec<&str> = names.iter().map(String::as_str).collect();
            let selector = keys(&all).new_selector("example.org", now);
            names.push(format!("example.org.{selector}.key"));
            selectors.push(selector);
        }
        assert_eq!(selectors, ["m202611", "m20261129", "m20261129102030"]);
        assert!(selectors.is_sorted());
        assert!("m20261129102030" < "m202612");
        let second = Keys::named(Family::Ed25519, [""; 0]).new_selector("example.org", now);
        assert_eq!(second, "e202611");
    }
}
