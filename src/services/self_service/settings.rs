//! Reads `self_service:`: whether people change their own passwords.

use crate::services::SpecReader;
use crate::yaml::{KeySpec, Scalar, ValueType};

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "self_service",
    ValueType::Boolean,
    "`true`: people change their passwords themselves, in the webmail or at \
     `https://HOSTNAME/password`. The password that a person chose counts until another hash is \
     in mail.yml. It needs `web`, which is on by default with it.",
)
.or("`true` with `webmail`, else `false`")];

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<bool> {
    if let Some(entry) = reader.fields.get("self_service") {
        return reader.decoder.boolean(&entry.value);
    }
    let webmail = reader.fields.get("webmail");
    Some(webmail.and_then(|entry| entry.value.as_scalar()).and_then(Scalar::boolean) == Some(true))
}
