//! Mail addresses, local and remote.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::local_part::dot_string;
use super::spanned::Invalid;
use super::{Domain, LocalPart};
use crate::yaml::printable;

/// A mail address: local part and domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: Arc<str>,
    domain: Domain,
}

impl Address {
    /// Joins a name and a domain.
    pub fn new(local: &LocalPart, domain: &Domain) -> Self {
        Self { local: local.shared(), domain: domain.clone() }
    }

    /// Joins one of the names in [`ROLES`](super::ROLES) and a domain.
    pub(super) fn role(local: &'static str, domain: &Domain) -> Self {
        Self { local: local.into(), domain: domain.clone() }
    }

    /// Parses an address of any domain. The result is safe as an address in
    /// every Postfix table, and in `/etc/aliases` (`local(8)`).
    ///
    /// # Errors
    ///
    /// Returns why the text is not an address that mail can be sent to.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(Invalid::new(
                format!("`{}` is not an address", printable(text)),
                "write it as `name@example.org`",
            ));
        };
        let domain = Domain::parse(domain)?;
        if local.is_empty() {
            return Err(Invalid::new(
                format!("`{}` has nothing before the `@`", printable(text)),
                "write it as `name@example.org`",
            ));
        }
        dot_string(local, text)?;
        Ok(Self { local: local.into(), domain })
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the address in lower case. Local addresses already are.
    pub(super) fn to_lowercase(&self) -> Self {
        Self { local: self.local.to_ascii_lowercase().into(), domain: self.domain.clone() }
    }

    pub(crate) fn without_tag(&self) -> Option<Self> {
        let (base, _) = self.local.split_once('+')?;
        Some(Self { local: base.into(), domain: self.domain.clone() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybodys_address_keeps_its_case_and_tag() {
        let address = Address::parse("O'Brien+x@Example.ORG").unwrap();
        assert_eq!(address.to_string(), "O'Brien+x@example.org");
        assert_eq!(address.without_tag().unwrap().local(), "O'Brien");
    }

    #[test]
    fn an_address_may_have_the_signs_that_rfc_5322_knows() {
        for text in ["o'brien@a.org", "a&b@a.org", "dept/x=1@a.org", "a|b~c`d@a.org", "_a@a.org"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_address_that_mail_software_would_misread_is_refused() {
        for text in [
            "bob",
            "@a.org",
            "a b@a.org",
            "a,b@a.org",
            "a!b@a.org",
            "a%b@a.org",
            "a@b@a.org",
            "|sh@a.org",
            ":include:@a.org",
            "\"a\"@a.org",
            "a\\b@a.org",
            ".a@a.org",
            "ü@a.org",
            "/var/tmp/x@a.org",
            "~x@a.org",
            "#a@a.org",
            "-a@a.org",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
