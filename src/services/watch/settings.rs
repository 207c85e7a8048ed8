//! `watch:`: how often the server is looked at by itself.

use crate::mail::{Invalid, Spanned, spanned};
use crate::services::SpecReader;
use crate::yaml::{KeySpec, ValueType, printable};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "watch",
    ValueType::OneOf(&WORDS),
    "`daily` (or `hourly`, `weekly`): so often the server is looked at as by `mailprov \
         plan` and `mailprov check`, and `system_mail` gets a mail if something is off. If \
         all is well there is none.",
)
.or("never")];

/// The words for it, which are also what systemd calls it (systemd.time(7)).
const WORDS: [&str; 3] = ["hourly", "daily", "weekly"];

/// How often `mailprov watch` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(&'static str);

impl Interval {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Reads the word; without one nothing is looked at.
pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Interval> {
    let entry = reader.fields.get("watch")?;
    let read: Option<Spanned<Interval>> = spanned::value(reader.decoder, &entry.value, |text| {
        let known = WORDS.into_iter().find(|word| *word == text);
        known.map(Interval).ok_or_else(|| {
            let message = format!("`watch` cannot be `{}`", printable(text));
            Invalid::new(message, "write `daily`, `hourly` or `weekly`; leave it out for never")
        })
    });
    read.map(|read| read.value)
}
