//! Reads `forwards:`: addresses whose mail goes elsewhere.

use std::collections::HashSet;

use super::spanned::{self, Spanned};
use super::{Forward, Name, Target};
use crate::yaml::{Decoder, Entry, Fields, Kind};

/// Reads all forwards and checks each by itself.
pub(super) fn read(decoder: &mut Decoder, fields: &Fields<'_>) -> Vec<Forward> {
    let Some(entry) = fields.get("forwards") else {
        return Vec::new();
    };
    let entries = decoder.entries(&entry.value).unwrap_or_default();
    entries.into_iter().filter_map(|entry| read_one(decoder, entry)).collect()
}

fn read_one(decoder: &mut Decoder, entry: &Entry) -> Option<Forward> {
    let source = spanned::key(decoder, &entry.key, Name::parse);
    let targets = read_targets(decoder, entry);
    Some(Forward { source: source?, targets })
}

fn read_targets(decoder: &mut Decoder, entry: &Entry) -> Vec<Spanned<Target>> {
    let items = match &entry.value.kind {
        Kind::Scalar(scalar) if scalar.is_null() => &[],
        Kind::Scalar(_) => std::slice::from_ref(&entry.value),
        _ => decoder.list(&entry.value).unwrap_or_default(),
    };
    if items.is_empty() && !matches!(entry.value.kind, Kind::Map(_)) {
        let help = "list at least one, such as `[thomas, bob@elsewhere.example]`";
        decoder.error(&entry.key.span, "the forward has no target", help);
    }
    let mut seen = HashSet::new();
    let mut targets = Vec::with_capacity(items.len());
    for item in items {
        let Some(target) = spanned::value(decoder, item, Target::parse) else {
            continue;
        };
        if !seen.insert(target.value.clone()) {
            let message = format!("the target `{}` is listed twice", target.value);
            decoder.error(&target.span, message, "remove one of the two");
        }
        targets.push(target);
    }
    targets
}
