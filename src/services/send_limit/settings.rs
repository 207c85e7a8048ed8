//! Reads `send_limit:`: how much each account may send.

use crate::mail::Limit;
use crate::mail::send_limit::{self, SEND_LIMIT};
use crate::services::SpecReader;
use crate::yaml::KeySpec;

pub(super) const KEYS: &[KeySpec] = &[KeySpec::new(
    "send_limit",
    SEND_LIMIT,
    "To how many recipients each account may send, in a `day` or an `hour`: a person who knows \
         its password sends no more than that. `none` for no limit.",
)
.or("`500/day`")];

pub(super) fn read(reader: &mut SpecReader<'_>) -> Option<Limit> {
    match reader.fields.get("send_limit") {
        Some(entry) => Some(send_limit::read(reader.decoder, &entry.value)?.value),
        None => Some(Limit::DEFAULT),
    }
}
