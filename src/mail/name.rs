//! Names as mail.yml writes them: for one address, or for one in every domain.

use std::fmt;
use std::ops::Deref;

use super::spanned::Invalid;
use super::{Address, Domain, LocalPart};
use crate::yaml::printable;

/// The name of a local recipient: in every domain, or in one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// `info`: this local part in every domain.
    Bare(LocalPart),
    /// `sales@example.net`: this address alone.
    Full(LocalPart, Domain),
}

impl Name {
    /// Parses the name of a local recipient.
    ///
    /// # Errors
    ///
    /// Returns why the local part or the domain is invalid.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::parse_with(text, LocalPart::parse)
    }

    fn parse_with(
        text: &str,
        local_part: impl Fn(&str) -> Result<LocalPart, Invalid>,
    ) -> Result<Self, Invalid> {
        match text.rsplit_once('@') {
            Some(("", domain)) => Err(Invalid::new(
                format!("`@{}` is a whole domain", printable(domain)),
                "write a name before the `@`; `catch_all` takes what no other address does",
            )),
            Some((local, domain)) => Ok(Self::Full(local_part(local)?, Domain::parse(domain)?)),
            None => local_part(text).map(Self::Bare),
        }
    }

    /// Returns the part before the `@`.
    pub fn local(&self) -> &LocalPart {
        match self {
            Self::Bare(local) | Self::Full(local, _) => local,
        }
    }

    /// Returns the domain, if the name has one.
    pub fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Bare(_) => None,
            Self::Full(_, domain) => Some(domain),
        }
    }

    /// Returns the addresses that the name stands for, given all local domains.
    pub fn addresses<'a>(&'a self, domains: &'a [Domain]) -> impl Iterator<Item = Address> + 'a {
        let domains = self.domain().map_or(domains, std::slice::from_ref);
        domains.iter().map(|domain| Address::new(self.local(), domain))
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

/// The name of an account. It is also a login and a folder, so its local part
/// is restricted ([`LocalPart::plain`]).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccountName(Name);

impl AccountName {
    /// Parses a name.
    ///
    /// # Errors
    ///
    /// Returns why the local part or the domain is invalid.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let name = Name::parse_with(text, LocalPart::plain)?;
        Ok(Self(name))
    }
}

impl Deref for AccountName {
    type Target = Name;

    fn deref(&self) -> &Name {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The target of a forward: a local name, or any address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `thomas`: the account, alias or forward with that name.
    Bare(LocalPart),
    /// `bob@elsewhere.example`.
    Full(Address),
}

impl Target {
    /// Parses a target.
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
    fn a_bare_name_stands_for_one_address_in_each_domain() {
        let domains = [Domain::parse("a.org").unwrap(), Domain::parse("b.org").unwrap()];
        let of = |text: &str| -> Vec<String> {
            let name = Name::parse(text).unwrap();
            name.addresses(&domains).map(|address| address.to_string()).collect()
        };
        assert_eq!(of("Info"), ["info@a.org", "info@b.org"]);
        assert_eq!(of("sales@B.org"), ["sales@b.org"]);
    }
}
