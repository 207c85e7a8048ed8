//! Reads `watch:`: how often the watch runs.

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

/// The values, which are also systemd's (systemd.time(7)).
const WORDS: [&str; 3] = ["hourly", "daily", "weekly"];

/// The interval between runs of `mailprov watch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval(&'static str);

impl Interval {
    /// Returns the word in mail.yml.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Reads the value. Without one there is no watch.
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
