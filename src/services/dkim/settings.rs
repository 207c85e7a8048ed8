//! `dkim:`: whether outgoing mail is signed, and by which keys.

use super::keys::Family;
use crate::services::SpecReader;
use crate::yaml::{KeySpec, Kind, Scalar, Section, ValueType};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "dkim",
    ValueType::Either(&[ValueType::Boolean, ValueType::Section(&SECTION)]),
    "`true`: mail of accounts and of programs on this host is signed with a key of its domain, \
     once made and kept; `mailprov dns` prints the records. `false`: it is not signed. Say so \
     where a relay signs and takes no signed mail.",
)
.or("`true`")];

const SECTION: Section = Section {
    keys: &[KeySpec::new(
        "ed25519",
        ValueType::Boolean,
        "`true`: a second signature is made by an Ed25519 key, which has a record of its own. \
         Few servers verify it, and none needs it. It takes `spam`, as only the spam filter can \
         sign twice; not with `relay`, as relays refuse mail with two signatures.",
    )
    .or("`false`")],
    required: &[],
    one_of: &[],
    together: &[],
};

/// The settings of DKIM, where mail is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether an Ed25519 key signs, too.
    pub ed25519: bool,
}

impl Settings {
    /// Returns the families of keys of which each domain has one.
    pub(super) fn families(self) -> &'static [Family] {
        match self.ed25519 {
            true => &[Family::Rsa, Family::Ed25519],
            false => &[Family::Rsa],
        }
    }
}

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Option<Settings>> {
    let Some(entry) = reader.fields.get("dkim") else {
        return Some(Some(Settings { ed25519: false }));
    };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let is_on = reader.decoder.boolean(&entry.value)?;
        return Some(is_on.then_some(Settings { ed25519: false }));
    }
    let fields = reader.decoder.fields(&entry.value, &SECTION)?;
    let ed25519 = match fields.get("ed25519") {
        Some(entry) => reader.decoder.boolean(&entry.value)?,
        None => false,
    };
    let place = fields.get("ed25519").map_or(&entry.key.span, |entry| &entry.value.span);
    if ed25519 && reader.fields.has("relay") {
        let message = "a relay may refuse mail with two signatures";
        reader.decoder.error(place, message, "write `ed25519: false`, or remove `relay`");
        return None;
    }
    if ed25519 && !asks_for_filter(reader) {
        let message = "without the spam filter no mail is signed twice: OpenDKIM signs once";
        reader.decoder.error(place, message, "add `spam: true`, or write `ed25519: false`");
        return None;
    }
    Some(Some(Settings { ed25519 }))
}

/// Returns whether mail.yml asks for the spam filter. Where it is silent, the filter may
/// not run on a small host.
fn asks_for_filter(reader: &SpecReader<'_>) -> bool {
    reader.fields.get("spam").is_some_and(|entry| match &entry.value.kind {
        Kind::Map(_) => true,
        _ => entry.value.as_scalar().and_then(Scalar::boolean) == Some(true),
    })
}
