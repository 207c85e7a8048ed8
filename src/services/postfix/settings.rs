//! Reads `message_size:`, the largest mail, `dmarc:`, the policy to publish, and
//! `hide_client:`, whether mail shows the computer that it was written at.

use crate::mail::{SIZE, Size, spanned};
use crate::services::SpecReader;
use crate::yaml::{KeySpec, ValueType};

pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new(
        "message_size",
        SIZE,
        "The largest mail, 1 MiB to 2047 MiB. Attachments grow by a third on their way. \
         Strangers' mail is put off while a reserve on the disk would be touched: an eighth \
         of it, at least six and at most 54 times this size.",
    )
    .or("`128MiB`"),
    KeySpec::new(
        "dmarc",
        ValueType::OneOf(&DMARC_POLICIES),
        "What the DMARC record of each domain asks of servers that get forged mail: `none` to \
         report it only, `quarantine` to treat it as spam, `reject` to refuse it. The record is \
         yours to publish: `mailprov dns` prints it.",
    )
    .or("`none`"),
    KeySpec::new(
        "hide_client",
        ValueType::Boolean,
        "`true`: mail that people send shows neither the address of their computer nor the name \
         of their mail program. `false`: it shows both.",
    )
    .or("`true`"),
];

/// The settings of Postfix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The size limit of a message.
    pub message_size: Size,
    /// The DMARC policy of the domains, one of `DMARC_POLICIES`.
    pub dmarc: &'static str,
    /// Whether the computers and programs of people are hidden from receivers.
    pub hide_client: bool,
}

/// The policies of DMARC (RFC 7489, 6.3), from the mildest to the strictest.
pub(crate) const DMARC_POLICIES: [&str; 3] = ["none", "quarantine", "reject"];

const SMALLEST: Size = Size::mebibytes(1);
/// Postfix stores the limit in a signed 32-bit number.
const LARGEST: Size = Size::mebibytes(2047);

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let message_size = read_size(reader);
    let dmarc = match reader.fields.get("dmarc") {
        Some(entry) => {
            let help = "write `none`, `quarantine` or `reject`";
            spanned::one_of(reader.decoder, entry, &DMARC_POLICIES, help)
        }
        None => Some("none"),
    };
    let hide_client = match reader.fields.get("hide_client") {
        Some(entry) => reader.decoder.boolean(&entry.value),
        None => Some(true),
    };
    Some(Settings { message_size: message_size?, dmarc: dmarc?, hide_client: hide_client? })
}

fn read_size(reader: &mut SpecReader<'_>) -> Option<Size> {
    let Some(entry) = reader.fields.get("message_size") else {
        return Some(Size::mebibytes(128));
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
    Some(size.value)
}
