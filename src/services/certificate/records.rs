//! The records by which other servers know the key of this one (DANE, RFC 7672).

use sha2::{Digest, Sha256};

use super::Settings;
use crate::host::Host;
use crate::resource::{acme, certified_key};
use crate::services::{Record, RecordInputs, Spec};

/// Returns the record of the present key, and of the next one if it waits.
pub(super) fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    let settings = &inputs.spec.services.certificate;
    let Some(host) = inputs.host.filter(|_| settings.dane) else { return Vec::new() };
    let settings = settings.on(host);
    let present = present_key(host, &settings).map(|key| {
        let why = "other servers deliver only to a server with this key";
        of_key(inputs.spec, &key, "dns.tlsa", why)
    });
    // Without the right to read what is kept, there is none.
    let next = settings.order().and_then(|(pair, _)| acme::next_key(host, &pair).ok().flatten());
    let next = next.map(|key| of_next_key(inputs.spec, &key));
    // A renewal may have been cut off after it was put in place.
    let next = next.filter(|next| present.as_ref().is_none_or(|it| it.value != next.value));
    present.into_iter().chain(next).collect()
}

/// Returns the record of a key that is to serve once the record is known.
pub(super) fn of_next_key(spec: &Spec, key: &[u8]) -> Record {
    of_key(spec, key, "dns.tlsa_next", "the next key, which serves once this is published")
}

/// Returns the record of a public key: its digest, without a word on authorities (RFC 7672,
/// 3.1.1).
fn of_key(spec: &Spec, key: &[u8], rule: &'static str, why: &'static str) -> Record {
    let digest: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    Record {
        rule,
        name: format!("_25._tcp.{}", spec.hostname.value),
        kind: "TLSA",
        value: format!("3 1 1 {digest}"),
        why,
    }
}

fn present_key(host: &Host, settings: &Settings) -> Option<Vec<u8>> {
    let content = host.read(&settings.certificate.value).ok()??;
    certified_key(content.bytes())
}

/// Returns why a record is missing, if it is.
pub(super) fn missing(inputs: RecordInputs<'_>) -> Option<&'static str> {
    let settings = &inputs.spec.services.certificate;
    if !settings.dane {
        return None;
    }
    let Some(host) = inputs.host else {
        return Some(
            "The TLSA record is missing, since the certificate is on the server. It prints it: \
             mailprov dns --on HOST",
        );
    };
    present_key(host, &settings.on(host)).is_none().then_some(
        "The TLSA record is missing, as there is no certificate yet: `mailprov apply` gets one.",
    )
}
