//! Domain names: fully qualified, lower case, as DNS spells them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use serde::{Serialize, Serializer};

use super::local_part::name_of;
use super::spanned::Invalid;
use crate::yaml::printable;

const LETTERS: &str =
    "a name is made of letters, digits and hyphens, and no part begins or ends with a hyphen";

/// A mail domain, such as `example.org`.
///
/// A Unicode name is stored as its A-label (`xn--…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Arc<str>);

impl Domain {
    /// Parses a fully qualified name.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a valid DNS name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let shown = printable(text);
        let no = |why: &str, help: &str| Err(Invalid::new(format!("`{shown}` {why}"), help));
        if text.is_empty() {
            return Err(Invalid::new("there is no name", "write one, such as `mail.example.org`"));
        }
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        if bare.parse::<IpAddr>().is_ok() {
            return no("is an IP address", "write a name, such as `mail.example.org`");
        }
        if let Some(name) = text.strip_suffix('.') {
            return no("ends with a dot", &format!("write `{}`", printable(name)));
        }
        if text.contains('@') {
            return no("is an address, not a domain", "write only what follows the `@`");
        }
        let whole = format!("{text}.example.org");
        if !text.contains('.') && Self::parse(&whole).is_ok() {
            let help = format!("write it with its domain, such as `{shown}.example.org`");
            return no("is not fully qualified", &help);
        }
        if text.split('.').any(str::is_empty) {
            return no("has an empty part between its dots", "write one dot between two parts");
        }
        let odd = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '-' && c != '.';
        if let Some(sign) = text.chars().find(|c| odd(*c)) {
            return no(&format!("contains {}", name_of(sign)), LETTERS);
        }
        if text.split('.').any(|label| label.len() > 63 && label.is_ascii()) {
            return no(
                "has a part longer than 63 characters",
                "shorten it: DNS has no room for more",
            );
        }
        if text.len() > 253 && text.is_ascii() {
            return no("is longer than 253 characters", "shorten it: DNS has no room for more");
        }
        let ascii = Uts46::new()
            .to_ascii(
                text.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                DnsLength::Verify,
            )
            .map(std::borrow::Cow::into_owned);
        let Ok(ascii) = ascii else {
            return no("is not a domain name", LETTERS);
        };
        let top = ascii.rsplit('.').next().unwrap_or_default();
        if top.bytes().all(|b| b.is_ascii_digit()) {
            return no("ends with a number", "a top-level domain such as `org` is never a number");
        }
        Ok(Self(ascii.into()))
    }

    /// Returns the name in DNS's spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the spellings that people use for an internationalized name: in
    /// lower case, capitalized, and in upper case outside ASCII. The case of
    /// ASCII letters does not matter here.
    pub(crate) fn spellings(&self) -> Vec<String> {
        if !self.0.contains("xn--") {
            return Vec::new();
        }
        let (small, _) = idna::domain_to_unicode(&self.0);
        let capital =
            |c: char| if c.is_ascii() { c.to_string() } else { c.to_uppercase().collect() };
        let mut letters = small.chars();
        let first: String = letters.next().map(capital).unwrap_or_default();
        let spellings =
            [small.clone(), first + letters.as_str(), small.chars().map(capital).collect()];
        let mut seen = Vec::new();
        for spelling in spellings {
            if !seen.contains(&spelling) {
                seen.push(spelling);
            }
        }
        seen
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Domain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A host name. The rules are those of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostname(Domain);

impl Hostname {
    /// Parses a fully qualified name.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a valid DNS name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Domain::parse(text).map(Self)
    }

    /// Returns the name as a domain, for comparison with the domains.
    pub(crate) fn as_domain(&self) -> &Domain {
        &self.0
    }

    /// Returns the name in DNS's spelling.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_domain_is_kept_as_dns_spells_it() {
        for (written, kept) in [
            ("Example.ORG", "example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("a--b.1-2.example", "a--b.1-2.example"),
        ] {
            assert_eq!(Domain::parse(written).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn a_domain_outside_ascii_is_typed_in_more_than_one_way() {
        let of = |text: &str| Domain::parse(text).unwrap().spellings();
        assert_eq!(of("münchen.example"), ["münchen.example", "mÜnchen.example"]);
        assert_eq!(of("übü.example"), ["übü.example", "Übü.example", "ÜbÜ.example"]);
        assert_eq!(of("example.org"), [""; 0]);
    }

    #[test]
    fn a_name_that_dns_cannot_hold_is_refused() {
        let long = format!("{}.org", "a".repeat(64));
        let longer = vec!["ab"; 100].join(".");
        for text in [
            "",
            ".",
            "example",
            "example.org.",
            ".example.org",
            "a..org",
            "-a.org",
            "a-.org",
            "a_b.org",
            "a b.org",
            "192.0.2.1",
            "[2001:db8::1]",
            "2001:db8::1",
            "example.123",
            "a@b.org",
            "a/b.org",
            "a:b.org",
            "xn--a.org",
            &long,
            &longer,
        ] {
            assert!(Domain::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_domain_read_again_is_the_same(text in "\\PC{0,20}\\.\\PC{1,8}") {
            if let Ok(domain) = Domain::parse(&text) {
                prop_assert!(domain.as_str().bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')));
                prop_assert_eq!(Domain::parse(domain.as_str()), Ok(domain));
            }
        }
    }
}
