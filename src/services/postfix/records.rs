//! The DNS records that direct mail to Postfix and authenticate what it sends.

use crate::mail::Domain;
use crate::services::records::{Record, RecordInputs};

pub(super) fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    let spec = inputs.spec;
    let hostname = &spec.hostname.value;
    // Only the relay's operator knows its addresses.
    let (of_host, spf) = match spec.services.relay {
        Some(_) => ("v=spf1 a ~all", "v=spf1 mx ~all"),
        None => ("v=spf1 a -all", "v=spf1 mx -all"),
    };
    let of_hostname = Record {
        rule: "dns.spf",
        name: hostname.to_string(),
        kind: "TXT",
        value: of_host.into(),
        why: "only that server sends mail of its own, such as bounces",
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
                value: format!(
                    "v=DMARC1; p={}; rua=mailto:postmaster@{domain}",
                    spec.services.postfix.dmarc
                ),
                why: "large providers want to see one, and report there what they got",
            },
        ]
    };
    let is_domain = spec.directory.is_domain(hostname);
    let of_hostname = (!is_domain).then_some(of_hostname);
    of_hostname.into_iter().chain(spec.directory.domains.iter().flat_map(of_domain)).collect()
}
