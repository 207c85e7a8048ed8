//! The DNS records that direct mail to Postfix and authenticate what it sends.

use crate::mail::Domain;
use crate::services::records::{Record, RecordInputs};

pub(super) fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    let hostname = &inputs.spec.hostname.value;
    let domains = inputs.spec.directory.domains.iter();
    // Only the relay's operator knows its addresses.
    let spf = match inputs.spec.services.relay {
        Some(_) => "v=spf1 mx ~all",
        None => "v=spf1 mx -all",
    };
    let of_domain = |domain: &Domain| {
        [
            Record {
                rule: "dns.mx",
                name: domain.to_string(),
                kind: "MX",
                value: format!("10 {hostname}"),
                why: "mail for the domain goes there",
            },
            Record {
                rule: "dns.spf",
                name: domain.to_string(),
                kind: "TXT",
                value: spf.into(),
                why: "only that server sends mail of the domain",
            },
            Record {
                rule: "dns.dmarc",
                name: format!("_dmarc.{domain}"),
                kind: "TXT",
                value: "v=DMARC1; p=none".into(),
                why: "large providers want to see one",
            },
        ]
    };
    domains.flat_map(of_domain).collect()
}
