//! Reads `spam:`: whether mail is judged, from which score on it goes to Junk or
//! is refused, and which senders always come through.

use serde::Serialize;

use crate::host::Facts;
use crate::mail::{Address, Domain, Invalid, spanned};
use crate::services::SpecReader;
use crate::yaml::{Decoder, Entry, Fields, KeySpec, Kind, Scalar, Section, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "spam",
    ValueType::Either(&[ValueType::Boolean, ValueType::Section(&SECTION)]),
    "`true`: a spam filter judges mail from other servers, and lets people send only with a \
         From: of their own. It takes about 120 MB of memory. `false`: none does.",
)
.or("`true` with 700 MB of memory or more")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new(
            "junk",
            ValueType::Number,
            "The score from which on mail goes to Junk, 1 to 1000.",
        )
        .or("6"),
        KeySpec::new(
            "reject",
            ValueType::Number,
            "The score from which on mail is refused, more than `junk`.",
        )
        .or("15"),
        KeySpec::new(
            "allow",
            ValueType::List(&ValueType::Text),
            "Senders whose mail is never spam: addresses, and domains as `@example.com`. It \
             counts only where DMARC proves the sender.",
        )
        .or("none"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

/// What mail.yml says of the spam filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether it is to run; `None` where mail.yml leaves it open.
    wish: Option<bool>,
    filter: Filter,
}

/// How the spam filter judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filter {
    /// The score from which on mail goes to Junk.
    pub junk: u64,
    /// The score from which on mail is refused.
    pub reject: u64,
    /// The senders whose mail is never spam.
    pub allow: Allowed,
}

/// Senders in the header of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// Addresses, in lower case.
    pub addresses: Vec<String>,
    /// Domains.
    pub domains: Vec<Domain>,
}

const HIGHEST: u64 = 1000;

impl Settings {
    /// Returns how the filter judges, if it runs on a host.
    pub fn filter(&self, facts: &Facts) -> Option<&Filter> {
        self.wish.unwrap_or(!facts.small).then_some(&self.filter)
    }

    /// Returns whether it does not run on a host only for want of memory.
    pub fn is_left_out(&self, facts: &Facts) -> bool {
        self.wish.is_none() && facts.small
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self { junk: 6, reject: 15, allow: Allowed::default() }
    }
}

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let decoder = &mut *reader.decoder;
    let Some(entry) = reader.fields.get("spam") else {
        return Some(Settings { wish: None, filter: Filter::default() });
    };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let wish = decoder.boolean(&entry.value)?;
        return Some(Settings { wish: Some(wish), filter: Filter::default() });
    }
    let fields = decoder.fields(&entry.value, &SECTION)?;
    let usual = Filter::default();
    let junk = score(decoder, &fields, "junk", usual.junk);
    let reject = score(decoder, &fields, "reject", usual.reject);
    let allow = match fields.get("allow") {
        Some(entry) => allowed(decoder, entry),
        None => Some(Allowed::default()),
    };
    let filter = Filter { junk: junk?, reject: reject?, allow: allow? };
    if filter.reject <= filter.junk {
        let place = fields.get("reject").or(fields.get("junk")).unwrap_or(entry);
        let message = format!(
            "mail is refused from {} on, so none goes to Junk from {} on",
            filter.reject, filter.junk
        );
        decoder.error(&place.value.span, message, "write a `reject` that is more than `junk`");
        return None;
    }
    Some(Settings { wish: Some(true), filter })
}

fn score(decoder: &mut Decoder, fields: &Fields<'_>, name: &str, usual: u64) -> Option<u64> {
    let Some(entry) = fields.get(name) else { return Some(usual) };
    let number = entry.value.as_scalar().and_then(Scalar::integer);
    let number = number.filter(|number| (1..=HIGHEST).contains(number));
    if number.is_none() {
        decoder.error(
            &entry.value.span,
            format!("`{name}` is not a score"),
            "write a whole number from 1 to 1000",
        );
    }
    number
}

fn allowed(decoder: &mut Decoder, entry: &Entry) -> Option<Allowed> {
    let mut allowed = Allowed::default();
    let mut is_valid = true;
    for item in decoder.list(&entry.value)? {
        match spanned::value(decoder, item, sender) {
            Some(sender) => match sender.value {
                Sender::Address(address) => allowed.addresses.push(address),
                Sender::Domain(domain) => allowed.domains.push(domain),
            },
            None => is_valid = false,
        }
    }
    is_valid.then_some(allowed)
}

enum Sender {
    Address(String),
    Domain(Domain),
}

fn sender(text: &str) -> Result<Sender, Invalid> {
    if let Some(domain) = text.strip_prefix('@') {
        return Domain::parse(domain).map(Sender::Domain);
    }
    if !text.contains('@') {
        return Err(Invalid::new(
            format!("`{}` is neither an address nor a domain", printable(text)),
            "write `name@example.com` or `@example.com`",
        ));
    }
    let address = Address::parse(text)?.to_string().to_lowercase();
    // The filter would take `$NAME` in its configuration for a variable.
    if address.contains('$') {
        let message = format!("`{}` contains a `$`", printable(text));
        return Err(Invalid::new(message, "allow its domain instead, as `@example.com`"));
    }
    Ok(Sender::Address(address))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::host::Host;

    #[test]
    fn a_small_host_has_a_filter_only_if_mail_yml_insists() {
        let tree = tempfile::tempdir().unwrap();
        let host = Host::open(tree.path()).unwrap();
        let small =
            Facts { small: true, ..host.facts(std::iter::empty(), BTreeMap::new()).unwrap() };
        let large = Facts { small: false, ..small.clone() };
        let of = |wish| Settings { wish, filter: Filter::default() };
        for wish in [true, false] {
            assert_eq!(of(Some(wish)).filter(&small).is_some(), wish);
            assert_eq!(of(Some(wish)).filter(&large).is_some(), wish);
            assert!(!of(Some(wish)).is_left_out(&small));
        }
        assert_eq!(of(None).filter(&small), None);
        assert!(of(None).is_left_out(&small));
        assert!(of(None).filter(&large).is_some() && !of(None).is_left_out(&large));
    }
}
