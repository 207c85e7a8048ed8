//! The DNS records of the keys (RFC 6376, 3.6.1).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::keys::{Family, Keys, SigningKey};
use crate::host::Host;
use crate::mail::Domain;
use crate::resource::public_key;
use crate::services::{Record, RecordInputs, Spec};

/// How long the record of a former key is kept: mail waits in queues for five
/// days, and its receivers may verify it later.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Returns the records of the keys on the server. A key that is not there, or
/// cannot be read, has none.
pub(super) fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    let (Some(host), Some(settings)) = (inputs.host, inputs.spec.services.dkim) else {
        return Vec::new();
    };
    settings.families().iter().flat_map(|family| of_family(inputs, host, *family)).collect()
}

fn of_family(inputs: RecordInputs<'_>, host: &Host, family: Family) -> Vec<Record> {
    let Ok(keys) = Keys::on(host, family) else { return Vec::new() };
    let of_domain = |domain: &Domain| {
        let domain = domain.to_string();
        let signing =
            keys.signing_for(&domain).map(|key| (key, "dns.dkim", "signatures are verified by it"));
        let waiting = keys
            .waiting_for(&domain)
            .map(|key| (key, "dns.dkim_next", "the next key, which signs once this is published"));
        let changed = keys.signing_for(&domain).is_some_and(|key| is_recent(host, key));
        let former = keys.former_of(&domain).next().filter(|_| changed);
        let former = former
            .map(|key| (key, "dns.dkim", "the former key: keep it for a week after the change"));
        let all = [signing, waiting, former].into_iter().flatten();
        let records = all.flat_map(|(key, rule, why)| {
            let public = public_key(host, &key.path()).ok().flatten();
            public.map(|public| of_key(inputs.spec, key, &public, rule, why)).unwrap_or_default()
        });
        records.collect::<Vec<_>>()
    };
    inputs.spec.directory.domains.iter().flat_map(of_domain).collect()
}

/// Returns the records of a key, under each name that it signs for.
pub(super) fn of_key(
    spec: &Spec,
    key: &SigningKey,
    public: &str,
    rule: &'static str,
    why: &'static str,
) -> Vec<Record> {
    let record = |name: String| Record {
        rule,
        name: format!("{}._domainkey.{name}", key.selector),
        kind: "TXT",
        value: format!("v=DKIM1; k={}; p={public}", key.family.tag()),
        why,
    };
    signed_by(spec, &key.domain).into_iter().map(record).collect()
}

/// Returns the names whose mail the key of a domain signs: the domain, and with
/// the first domain the host, which sends bounces.
pub(super) fn signed_by(spec: &Spec, domain: &str) -> Vec<String> {
    let is_first = spec.directory.domains.first().is_some_and(|first| first.to_string() == domain);
    let host = &spec.hostname.value;
    let sends_itself = is_first && !spec.directory.is_domain(host);
    let host = sends_itself.then(|| host.to_string());
    std::iter::once(domain.to_owned()).chain(host).collect()
}

/// Returns why records are missing, if they are.
pub(super) fn missing(inputs: RecordInputs<'_>) -> Option<&'static str> {
    let families = inputs.spec.services.dkim?.families();
    let Some(host) = inputs.host else {
        return Some(
            "The records of DKIM are missing, since the keys are on the server. It prints them: \
             mailprov dns --on HOST",
        );
    };
    let has_key = |keys: &Keys, domain: &Domain| {
        let key = keys.signing_for(&domain.to_string());
        key.is_some_and(|key| matches!(public_key(host, &key.path()), Ok(Some(_))))
    };
    let has_keys = |family: &Family| {
        let mut domains = inputs.spec.directory.domains.iter();
        Keys::on(host, *family).is_ok_and(|keys| domains.all(|domain| has_key(&keys, domain)))
    };
    match families.iter().all(has_keys) {
        true => None,
        false if Host::is_root() => Some(
            "The records of DKIM are missing where there is no key yet: `mailprov apply` makes \
             the keys.",
        ),
        false => Some("The records of DKIM are missing, since only root may read the keys."),
    }
}

/// Returns whether a key began to sign within the last week: the change of keys
/// sets the time of its file.
fn is_recent(host: &Host, key: &SigningKey) -> bool {
    let Ok(Some(stamp)) = host.stamp(&key.path()) else { return false };
    let changed = UNIX_EPOCH + Duration::from_nanos(stamp.modified.unsigned_abs());
    SystemTime::now().duration_since(changed).is_ok_and(|age| age < KEPT)
}
