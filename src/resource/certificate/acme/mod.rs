//! Certificates from an authority, by ACME (RFC 8555).
//!
//! An authority allows few failures an hour, so it is asked only after this host has
//! found for itself what the authority will ask ([`look`]). Accounts and issued pairs
//! are kept ([`store`]): no run orders what an earlier one has.
//!
//! * [`Order::outlook`] tells what can be done now, and changes nothing.
//! * [`Order::place`] asks the authority, and keeps what it issues or says.

mod challenge;
mod client;
mod dns_update;
mod look;
mod store;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use rcgen::{KeyPair, PublicKeyData};
use serde::{Deserialize, Serialize};

pub(crate) use dns_update::{ALGORITHMS, DnsUpdate};
pub(crate) use look::Obstacle;
pub(crate) use store::Issued;
use store::{Failure, Notes, Store};

use super::examine::{covers, seconds};
pub(crate) use super::{Pair, install};
use crate::host::{Error, Host, Result};

/// The directory of Let's Encrypt (<https://letsencrypt.org/docs/acme-protocol-updates/>).
pub(crate) const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// How long an authority is left alone after it was asked in vain, in seconds. Let's
/// Encrypt allows five failures an hour for a name and an account.
const PAUSE: i64 = 60 * 60;

/// A certificate to order, and its authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The URL of the authority's directory (RFC 8555, 7.1.1).
    pub directory: String,
    /// The host names.
    pub names: Vec<String>,
    /// The address at which the authority reaches the owner of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The sort of certificate, if the authority issues several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The public addresses that lead to this host besides its own, as those of a router.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// How the names are proven by DNS; else they are by HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsUpdate>,
    /// The folder whose files a web server of this host shows to the authority, where
    /// that server holds port 80.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webroot: Option<PathBuf>,
}

/// What can be done about an order.
#[derive(Debug)]
pub(crate) enum Outlook {
    /// Nothing needs to be done: the pair was issued, and is not due before this time, in
    /// seconds since 1970.
    Issued(Issued, i64),
    /// The authority can be asked. A pair that was issued earlier may still be valid.
    Ready(Answerer, Option<Issued>),
    /// Something keeps the authority from being asked. A pair that was issued earlier may
    /// still be valid.
    Blocked(Obstacle, Option<Issued>),
}

/// What answers the authority, so that it believes that the names are this host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// The program itself, at port 80 or by DNS.
    Program,
    /// A web server, which must have loaded the names. So no run relies on it.
    WebServer,
}

/// Why the authority issued no certificate.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// A sentence without its full stop.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Order {
    /// Returns the name of the authority for people.
    pub(crate) fn authority(&self) -> String {
        if self.directory == LETS_ENCRYPT {
            return "Let's Encrypt".into();
        }
        let host = self.directory.strip_prefix("https://").unwrap_or(&self.directory);
        host.split('/').next().unwrap_or(host).to_owned()
    }

    /// Looks whether the pair has to be ordered, and whether it can. `at_once`: a person
    /// asks for it, so that a failure a moment ago is no reason to wait.
    ///
    /// # Errors
    ///
    /// Fails if the store or the addresses of this host cannot be read.
    pub(crate) fn outlook(&self, host: &Host, pair: &Pair, at_once: bool) -> Result<Outlook> {
        let store = Store::of(host, pair);
        let notes = store.notes()?;
        let now = seconds();
        let issued = self.kept(host, pair)?;
        let issued = match issued {
            Some(issued) if now < notes.due(&issued) => {
                let due = notes.due(&issued);
                return Ok(Outlook::Issued(issued, due));
            }
            other => other,
        };
        let failed = notes.failure.as_ref().filter(|failure| {
            let is_same = failure.directory == self.directory && failure.names == self.names;
            !at_once && is_same && now < failure.at + PAUSE
        });
        let answerer = match failed {
            Some(failure) => Err(failure.as_obstacle(PAUSE)),
            None => self.answerer(host)?,
        };
        Ok(match answerer {
            Ok(answerer) => Outlook::Ready(answerer, issued),
            Err(obstacle) => Outlook::Blocked(obstacle, issued),
        })
    }

    /// Returns what would answer the authority, or what keeps it from being asked.
    pub(crate) fn answerer(&self, host: &Host) -> Result<std::result::Result<Answerer, Obstacle>> {
        look::answerer(host, self)
    }

    /// Returns the pair that this authority issued for these names, if it is still valid.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read.
    pub(crate) fn kept(&self, host: &Host, pair: &Pair) -> Result<Option<Issued>> {
        let store = Store::of(host, pair);
        if store.notes()?.issued_by != self.directory {
            return Ok(None);
        }
        let fits = |it: &Issued| self.names.iter().all(|name| covers(&it.names, name));
        Ok(store.issued()?.filter(|it| fits(it) && it.to > seconds()))
    }

    /// Asks the authority for the certificate, and keeps what it issues, or why it
    /// does not. With `keep_key` the key is the present one, else a new one.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be written. A refusal is no error.
    pub(crate) fn place(
        &self,
        host: &Host,
        pair: &Pair,
        keep_key: bool,
    ) -> Result<std::result::Result<Issued, Refusal>> {
        let key = match keep_key {
            true => present_key(host, pair)?,
            false => None,
        };
        match key {
            Some(key) => self.place_for(host, pair, &key),
            None => self.place_for(host, pair, &new_key()?),
        }
    }

    /// Asks the authority for a certificate with the key that was made by
    /// [`make_next_key`].
    ///
    /// # Errors
    ///
    /// Fails as [`Order::place`] does.
    pub(crate) fn place_for_next_key(
        &self,
        host: &Host,
        pair: &Pair,
    ) -> Result<std::result::Result<Issued, Refusal>> {
        let store = Store::of(host, pair);
        let key = store.next_key(new_key)?;
        let answer = self.place_for(host, pair, &key)?;
        if answer.is_ok() {
            store.forget_next_key()?;
        }
        Ok(answer)
    }

    fn place_for(
        &self,
        host: &Host,
        pair: &Pair,
        key: &KeyPair,
    ) -> Result<std::result::Result<Issued, Refusal>> {
        let store = Store::of(host, pair);
        let answer = client::order(self, &store, key);
        let mut notes = store.notes()?;
        // The clock may have been set back, and each order is to be later than the last.
        notes.asked = seconds().max(notes.asked + 1);
        let result = answer.and_then(|chain| {
            let odd = || Refusal { why: "the authority sent no certificate for the key".into() };
            Issued::join(&key.serialize_pem(), &chain).ok_or_else(odd)
        });
        match &result {
            Ok(issued) => {
                store.keep(issued)?;
                let issued_by = self.directory.clone();
                notes = Notes { issued_by, failure: None, renewal: None, ..notes };
            }
            Err(refusal) => notes.failure = Some(Failure::of(self, &refusal.why)),
        }
        store.keep_notes(&notes)?;
        Ok(result)
    }

    /// Asks the authority when to renew the certificate (RFC 9773), unless it said so
    /// lately. An authority that does not answer is no reason to renew.
    ///
    /// # Errors
    ///
    /// Fails if the store cannot be read or written.
    pub(crate) fn ask_when_to_renew(&self, host: &Host, pair: &Pair) -> Result<()> {
        let store = Store::of(host, pair);
        let notes = store.notes()?;
        if notes.renewal.as_ref().is_some_and(|renewal| seconds() < renewal.ask_again) {
            return Ok(());
        }
        let Some(issued) = self.kept(host, pair)? else { return Ok(()) };
        let renewal = client::renewal(self, &store, &issued);
        store.keep_notes(&Notes { renewal: Some(renewal), ..notes })
    }
}

/// Makes the key of the next certificate, unless there is one already. Returns its public
/// key, a SubjectPublicKeyInfo in DER.
pub(crate) fn make_next_key(host: &Host, pair: &Pair) -> Result<Vec<u8>> {
    Ok(Store::of(host, pair).next_key(new_key)?.subject_public_key_info())
}

/// Returns the public key of the next certificate, if there is one.
pub(crate) fn next_key(host: &Host, pair: &Pair) -> Result<Option<Vec<u8>>> {
    let key = Store::of(host, pair).known_next_key()?;
    Ok(key.map(|key| key.subject_public_key_info()))
}

fn new_key() -> Result<KeyPair> {
    KeyPair::generate().map_err(|error| Error::Other(error.to_string()))
}

/// Returns the key of the pair that is in place, if a certificate can be ordered for it.
pub(super) fn present_key(host: &Host, pair: &Pair) -> Result<Option<KeyPair>> {
    let content = host.read(&pair.key)?;
    Ok(content.and_then(|content| KeyPair::from_pem(&content.text()).ok()))
}

/// Returns when an authority was last asked for a pair, in seconds since 1970; 0 if it
/// never was.
pub(super) fn last_asked(host: &Host, pair: &Pair) -> Result<i64> {
    Ok(Store::of(host, pair).notes()?.asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::certificate::make::self_signed;

    #[test]
    fn a_pair_counts_for_the_authority_and_the_names_that_it_was_issued_for() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir(tree.path().join("etc")).unwrap();
        std::fs::write(tree.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
        std::fs::write(tree.path().join("etc/group"), "root:x:0:\n").unwrap();
        let host = Host::open(tree.path()).unwrap();
        let pair = Pair { certificate: "/etc/a.pem".into(), key: "/etc/a.key".into() };
        let order = |directory: &str, name: &str| Order {
            directory: directory.into(),
            names: vec![name.into()],
            email: None,
            profile: None,
            addresses: Vec::new(),
            dns: None,
            webroot: None,
        };
        let first = order("https://first.example/", "mail.example.org");
        let second = order("https://second.example/", "mail.example.org");
        let (key, chain) = self_signed("mail.example.org", None).unwrap();
        let store = Store::of(&host, &pair);
        store.keep(&Issued::join(&key, &chain).unwrap()).unwrap();
        // The second was asked since, in vain.
        let failure = Some(Failure::of(&second, "no"));
        let issued_by = first.directory.clone();
        store.keep_notes(&Notes { issued_by, failure, ..Notes::default() }).unwrap();
        let is_kept = |order: &Order| order.kept(&host, &pair).unwrap().is_some();
        assert!(is_kept(&first) && !is_kept(&second));
        assert!(!is_kept(&order("https://first.example/", "mx.example.org")));
        let (other, _) = self_signed("mail.example.org", None).unwrap();
        assert!(Issued::join(&other, &chain).is_none());
    }
}
