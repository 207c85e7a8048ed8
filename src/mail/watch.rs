//! `watch:`: how often the server is looked at by itself.

use super::{Invalid, Spanned, spanned};
use crate::yaml::{Decoder, Fields, printable};

/// The words for it, which are also what systemd calls it (systemd.time(7)).
pub(super) const WORDS: [&str; 3] = ["hourly", "daily", "weekly"];

/// How often `mailprov watch` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch(&'static str);

impl Watch {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// Reads the word; without one nothing is looked at.
pub(super) fn read(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Watch> {
    let entry = fields.get("watch")?;
    let read: Option<Spanned<Watch>> = spanned::value(decoder, &entry.value, |text| {
        let known = WORDS.into_iter().find(|word| *word == text);
        known.map(Watch).ok_or_else(|| {
            let message = format!("`watch` cannot be `{}`", printable(text));
            Invalid::new(message, "write `daily`, `hourly` or `weekly`; leave it out for never")
        })
    });
    read.map(|read| read.value)
}
