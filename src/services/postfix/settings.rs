//! Reads `message_size:`: the largest mail.

use crate::mail::{SIZE, Size, spanned};
use crate::services::SpecReader;
use crate::yaml::KeySpec;

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "message_size",
    SIZE,
    "The largest mail, 1 MiB to 2047 MiB. Attachments grow by a third on their way. \
         Strangers' mail is put off while a reserve on the disk would be touched: an eighth \
         of it, at least six and at most 54 times this size.",
)
.or("`128MiB`")];

/// The settings of Postfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The size limit of a message.
    pub message_size: Size,
}

const SMALLEST: Size = Size::mebibytes(1);
/// Postfix stores the limit in a signed 32-bit number.
const LARGEST: Size = Size::mebibytes(2047);

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let Some(entry) = reader.fields.get("message_size") else {
        return Some(Settings { message_size: Size::mebibytes(128) });
    };
    let size = spanned::value(reader.decoder, &entry.value, Size::parse)?;
    if size.value < SMALLEST {
        let help = "write at least `1MiB`";
        reader.decoder.error(&size.span, "messages smaller than 1 MiB", help);
        return None;
    }
    if size.value > LARGEST {
        let help = "write at most `2047MiB`: Postfix takes no larger ones";
        reader.decoder.error(&size.span, "messages larger than 2047 MiB", help);
        return None;
    }
    Some(Settings { message_size: size.value })
}
