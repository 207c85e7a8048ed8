//! The keys as templates see them. A domain without a key gets one with the next
//! apply, under a selector of the present month.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::keys::{Family, Keys, SigningKey};
use super::records::signed_by;
use crate::services::Inputs;

/// A key that signs.
#[derive(Debug, Serialize)]
pub(super) struct Signer {
    domain: String,
    selector: String,
    file: PathBuf,
    /// The names after the `@` that it signs for: the domain, and with the first
    /// domain the host.
    names: Vec<String>,
    /// The key that signs beside it, if mail.yml asks for one.
    ed25519: Option<Second>,
}

/// An Ed25519 key.
#[derive(Debug, Serialize)]
struct Second {
    selector: String,
    file: PathBuf,
}

/// Returns the keys of all domains; none if mail is not signed. The facts have the
/// selectors of those that are made.
pub(super) fn signers(inputs: &Inputs) -> Vec<Signer> {
    let spec = &inputs.spec;
    let Some(settings) = spec.services.dkim else { return Vec::new() };
    let made = inputs.facts.of_services.get(super::NAME);
    let key = |family: Family, domain: &str| {
        let made = match family {
            Family::Rsa => made,
            Family::Ed25519 => made.and_then(|made| made.get(family.tag())),
        };
        let known = made.and_then(|made| made.get(domain)?.as_str());
        let new = || Keys::named(family, [""; 0]).new_selector(domain, Timestamp::now());
        let selector = known.map_or_else(new, str::to_owned);
        SigningKey { domain: domain.to_owned(), family, selector, waits: false }
    };
    let signer = |domain: String| {
        let names = signed_by(spec, &domain);
        let second = settings.ed25519.then(|| key(Family::Ed25519, &domain));
        let ed25519 = second.map(|key| Second { file: key.path(), selector: key.selector });
        let key = key(Family::Rsa, &domain);
        Signer { file: key.path(), selector: key.selector, domain, names, ed25519 }
    };
    spec.directory.domains.iter().map(|domain| signer(domain.to_string())).collect()
}
