//! The DNS records by which clients find the web side, or do without it.

use std::net::IpAddr;

use super::clients::{Access, accesses};
use super::names::{names, server_of_policy};
use super::pacc::{self, pacc};
use super::pages::{WantedPage, pages};
use super::policy::{announcement, policy};
use crate::host::Host;
use crate::mail::Domain;
use crate::services::{Record, RecordInputs, Spec};

/// Returns the records: where the pages are, how mail programs reach the server, and that
/// other servers are to use TLS, once they can be told so.
pub(super) fn records(inputs: RecordInputs<'_>) -> Vec<Record> {
    let spec = inputs.spec;
    let hostname = &spec.hostname.value;
    let of_names = names(spec).into_iter().filter(|name| name.is_needed).map(|name| Record {
        rule: "dns.name",
        name: name.name,
        kind: "CNAME",
        value: hostname.to_string(),
        why: name.page.purpose(),
    });
    let domains = || spec.directory.domains.iter();
    let of_programs = domains().flat_map(|domain| of_programs(spec, domain));
    let of_servers = domains().flat_map(|domain| {
        let announced = policy_of(spec, domain)
            .filter(|page| obstacle(inputs, page).is_none())
            .and_then(|_| policy(spec));
        let announced = announced.map(|policy| Record {
            rule: "dns.mta_sts",
            name: format!("_mta-sts.{domain}"),
            kind: "TXT",
            value: announcement(&policy),
            why: "other servers then deliver with TLS as the policy says",
        });
        announced.into_iter().chain(of_reports(spec, domain))
    });
    let of_pacc = pacc(spec).map(|text| pacc::announcement(&text));
    let of_pacc = domains().filter_map(|domain| {
        Some(Record {
            rule: "dns.text",
            name: format!("_ua-auto-config.{domain}"),
            kind: "TXT",
            value: of_pacc.clone()?,
            why: "mail programs know their settings by it",
        })
    });
    let of_web = of_names.chain(of_programs).chain(of_pacc);
    let is_on = spec.services.web.is_some();
    of_web.filter(|_| is_on).chain(of_servers).collect()
}

/// Returns the records by which mail programs find the ports (RFC 6186, RFC 8314): of each
/// protocol the safest.
fn of_programs(spec: &Spec, domain: &Domain) -> Vec<Record> {
    let hostname = &spec.hostname.value;
    let mut accesses = accesses(&spec.services);
    accesses.dedup_by_key(|it| it.protocol);
    let of_access = |access: Access| Record {
        rule: "dns.srv",
        name: format!("_{}._tcp.{domain}", access.service()),
        kind: "SRV",
        value: format!("0 1 {} {hostname}", access.port),
        why: "mail programs find the port there",
    };
    accesses.into_iter().map(of_access).collect()
}

/// Returns the record by which other servers report failures of TLS (RFC 8460), where they
/// are told to use it.
fn of_reports(spec: &Spec, domain: &Domain) -> Option<Record> {
    let has_policy = spec.services.web.is_some_and(|web| web.mta_sts.is_some());
    (has_policy || spec.services.certificate.dane).then(|| Record {
        rule: "dns.tls_report",
        name: format!("_smtp._tls.{domain}"),
        kind: "TXT",
        value: format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}"),
        why: "other servers report there what they could not deliver with TLS",
    })
}

/// Returns why records are missing: other servers are told of a policy once they can fetch it.
pub(super) fn missing(inputs: RecordInputs<'_>) -> Vec<String> {
    let of_domain = |domain: &Domain| {
        let why = obstacle(inputs, &policy_of(inputs.spec, domain)?)?;
        Some(format!(
            "The MTA-STS record of {domain} is missing, since other servers cannot fetch its \
             policy yet: {why}."
        ))
    };
    inputs.spec.directory.domains.iter().filter_map(of_domain).collect()
}

fn policy_of(spec: &Spec, domain: &Domain) -> Option<WantedPage> {
    let host = server_of_policy(domain);
    pages(spec).into_iter().find(|page| page.host == host)
}

/// Returns why other servers must not be told of a policy yet: they could not fetch it, or
/// would refuse the certificate of mail because of it.
fn obstacle(inputs: RecordInputs<'_>, page: &WantedPage) -> Option<String> {
    let certificate = &inputs.spec.services.certificate;
    if let Some(host) = inputs.host
        && certificate.on(host).is_awaited(host).unwrap_or(true)
    {
        return Some("the certificate of mail is not issued yet".into());
    }
    let addresses = Host::addresses_of(&page.host);
    if addresses.is_empty() {
        return Some(format!("DNS has no address of {}", page.host));
    }
    let own = inputs.host.and_then(|_| Host::addresses().ok()).unwrap_or_default();
    // Many routers do not lead back from inside.
    let (here, behind): (Vec<IpAddr>, Vec<_>) =
        addresses.into_iter().partition(|it| own.contains(it));
    let asked = if here.is_empty() { behind } else { here };
    asked.into_iter().find_map(|address| {
        let unfetched = page.fetch(address).err()?;
        Some(format!("{}: {unfetched}", page.url()))
    })
}
