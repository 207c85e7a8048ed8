//! Reads `services:`: the protocols for reading mail.

use serde::Serialize;

use crate::services::SpecReader;
use crate::yaml::{Entry, KeySpec, Section, ValueType};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "services",
    ValueType::Section(&SECTION),
    "The protocols to read mail by. At least one must be `true`.",
)
.or("`{imap: true, pop3: true}`")];

const SECTION: Section = Section {
    keys: &[
        KeySpec::new("imap", ValueType::Boolean, "IMAP, on ports 993 and 143.").or("`true`"),
        KeySpec::new("pop3", ValueType::Boolean, "POP3, on ports 995 and 110.").or("`true`"),
    ],
    required: &[],
    one_of: &[],
    together: &[],
};

/// The enabled protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// IMAP, on ports 993 and 143.
    pub imap: bool,
    /// POP3, on ports 995 and 110.
    pub pop3: bool,
}

/// Reads the section. Both protocols are enabled by default.
pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Settings> {
    let decoder = &mut *reader.decoder;
    let Some(entry) = reader.fields.get("services") else {
        return Some(Settings { imap: true, pop3: true });
    };
    let fields = decoder.fields(&entry.value, &SECTION)?;
    let mut read = |entry: Option<&Entry>| match entry {
        Some(entry) => decoder.boolean(&entry.value),
        None => Some(true),
    };
    let (imap, pop3) = (read(fields.get("imap")), read(fields.get("pop3")));
    let services = Settings { imap: imap?, pop3: pop3? };
    if !services.imap && !services.pop3 {
        let help = "set `imap` or `pop3` to `true`";
        decoder.error(&entry.key.span, "both protocols are off, so no mail could be read", help);
        return None;
    }
    Some(services)
}
