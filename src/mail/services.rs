//! `services:`: the protocols to read mail by.

use serde::Serialize;

use super::schema;
use crate::yaml::{Decoder, Entry, Fields};

/// Which protocols are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Services {
    /// IMAP, on ports 993 and 143.
    pub imap: bool,
    /// POP3, on ports 995 and 110.
    pub pop3: bool,
}

/// Reads the section; both are offered unless it says otherwise.
pub(super) fn read(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Services> {
    let Some(entry) = fields.get("services") else {
        return Some(Services { imap: true, pop3: true });
    };
    let fields = decoder.fields(&entry.value, &schema::SERVICES)?;
    let mut read = |entry: Option<&Entry>| match entry {
        Some(entry) => decoder.boolean(&entry.value),
        None => Some(true),
    };
    let (imap, pop3) = (read(fields.get("imap")), read(fields.get("pop3")));
    let services = Services { imap: imap?, pop3: pop3? };
    if !services.imap && !services.pop3 {
        let help = "set `imap` or `pop3` to `true`";
        decoder.error(&entry.key.span, "nobody could read their mail", help);
        return None;
    }
    Some(services)
}
