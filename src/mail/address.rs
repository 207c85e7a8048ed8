//! Mail addresses, and the names that stand for one or several of them.

use std::fmt;
use std::sync::Arc;

use super::at::Invalid;
use super::{Domain, LocalPart};
use crate::yaml::printable;

/// An address: local part and domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    local: Arc<str>,
    domain: Domain,
}

impl Address {
    /// Joins a name and a domain.
    pub fn new(local: &LocalPart, domain: &Domain) -> Self {
        Self {
            local: local.shared(),
            domain: domain.clone(),
        }
    }

    /// Joins one of the names that every domain has and a domain.
    pub(super) fn role(local: &'static str, domain: &Domain) -> Self {
        Self {
            local: local.into(),
            domain: domain.clone(),
        }
    }

    /// Reads an address that may be anybody's. The local part is what RFC 5321
    /// calls a dot-string, without the signs that mail software routes by.
    ///
    /// # Errors
    ///
    /// Returns why mail could not be sent there.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(Invalid::new(
                format!("`{}` is not an address", printable(text)),
                "write it as `name@example.org`",
            ));
        };
        let domain = Domain::parse(domain)?;
        let no =
            |why: &str, help: &str| Err(Invalid::new(format!("`{}` {why}", printable(text)), help));
        let sign = |c: char| c.is_ascii_alphanumeric() || "#$&'*+-./=?^_{}~".contains(c);
        if local.is_empty() {
            return no(
                "has nothing before the `@`",
                "write it as `name@example.org`",
            );
        }
        if local.len() > 64 {
            return no(
                "has more than 64 characters before the `@`",
                "no mail server takes that",
            );
        }
        if !local.chars().all(sign) {
            return no(
                "has a character that no address can have",
                "before the `@` stand letters, digits and `.`, `_`, `-`, `+`",
            );
        }
        if local.starts_with(['.', '-']) || local.ends_with('.') || local.contains("..") {
            return no(
                "has a `.` or `-` at a wrong place",
                "check the part before the `@`",
            );
        }
        Ok(Self {
            local: local.into(),
            domain,
        })
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// Returns the domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Returns the address in lower case. Ours are, anybody else's need not be.
    pub(super) fn to_lowercase(&self) -> Self {
        Self {
            local: self.local.to_ascii_lowercase().into(),
            domain: self.domain.clone(),
        }
    }

    /// Returns the address without its `+tag`, if it has one.
    pub(super) fn without_tag(&self) -> Option<Self> {
        let (base, _) = self.local.split_once('+')?;
        Some(Self {
            local: base.into(),
            domain: self.domain.clone(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

/// The name of something that receives mail here: in every domain, or in one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// `info`: this local part in every domain.
    Bare(LocalPart),
    /// `sales@example.net`: this address alone.
    Full(LocalPart, Domain),
}

impl Name {
    /// Reads a name that is to be ours.
    ///
    /// # Errors
    ///
    /// Returns why the local part or the domain is none.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text.rsplit_once('@') {
            Some((local, domain)) => {
                Ok(Self::Full(LocalPart::parse(local)?, Domain::parse(domain)?))
            }
            None => LocalPart::parse(text).map(Self::Bare),
        }
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &LocalPart {
        match self {
            Self::Bare(local) | Self::Full(local, _) => local,
        }
    }

    /// Returns the domain of a name that has only one.
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Bare(_) => None,
            Self::Full(_, domain) => Some(domain),
        }
    }

    /// Returns the addresses the name stands for, given those of our domains.
    pub fn addresses<'a>(&'a self, domains: &'a [Domain]) -> impl Iterator<Item = Address> + 'a {
        let domains = self.domain().map_or(domains, std::slice::from_ref);
        domains
            .iter()
            .map(|domain| Address::new(self.local(), domain))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(local) => local.fmt(f),
            Self::Full(local, domain) => write!(f, "{local}@{domain}"),
        }
    }
}

/// Where mail goes on to: a name of ours, or anybody's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `thomas`: the account, alias or forward of that name.
    Bare(LocalPart),
    /// `bob@elsewhere.example`.
    Full(Address),
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    ///
    /// Returns why the text is neither a name nor an address.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.contains('@') {
            Address::parse(text).map(Self::Full)
        } else {
            LocalPart::parse(text).map(Self::Bare)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(local) => local.fmt(f),
            Self::Full(address) => address.fmt(f),
        }
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
    fn what_mail_software_would_misread_is_refused() {
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
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_name_stands_for_one_address_in_each_domain() {
        let domains = [
            Domain::parse("a.org").unwrap(),
            Domain::parse("b.org").unwrap(),
        ];
        let of = |text: &str| -> Vec<String> {
            let name = Name::parse(text).unwrap();
            name.addresses(&domains)
                .map(|address| address.to_string())
                .collect()
        };
        assert_eq!(of("Info"), ["info@a.org", "info@b.org"]);
        assert_eq!(of("sales@B.org"), ["sales@b.org"]);
    }
}
