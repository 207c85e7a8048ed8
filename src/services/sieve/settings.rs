//! `sieve:`: whether people have filters, and what becomes of mail to `anna+shop`.

use serde::Serialize;

use crate::services::SpecReader;
use crate::yaml::{KeySpec, Kind, Section, ValueType};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "sieve",
    ValueType::Either(&[ValueType::Boolean, ValueType::Section(&SECTION)]),
    "`true`: people put filters of their own on the server by ManageSieve, on port 4190. \
         `false`: they do not, and what they put there does not run.",
)
.or("`true`")];

/// What filters do beside those of people.
const SECTION: Section = Section {
    keys: &[KeySpec::new(
        "detail_to_folder",
        ValueType::Boolean,
        "`true`: mail for `anna+shop` goes into anna's folder `shop`, which is made for it, \
         unless a filter of anna's puts it elsewhere. Any sender can have folders made so.",
    )
    .or("`false`")],
    required: &[],
    one_of: &[],
    together: &[],
};

/// What mail.yml says of filters, where there are any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// Whether mail for `anna+shop` goes into the folder `shop`.
    pub detail_to_folder: bool,
}

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Option<Settings>> {
    let decoder = &mut *reader.decoder;
    let Some(entry) = reader.fields.get("sieve") else {
        return Some(Some(Settings::default()));
    };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let is_on = decoder.boolean(&entry.value)?;
        return Some(is_on.then(Settings::default));
    }
    let fields = decoder.fields(&entry.value, &SECTION)?;
    let detail_to_folder = match fields.get("detail_to_folder") {
        Some(entry) => decoder.boolean(&entry.value)?,
        None => false,
    };
    Some(Some(Settings { detail_to_folder }))
}
