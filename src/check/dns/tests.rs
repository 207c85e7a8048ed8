use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::diagnostic::Source;
use crate::finding::Verdict;
use crate::mail::Files;
use crate::services;

/// Returns the expected records of a server with these extra lines in its mail.yml.
pub(super) fn expected(lines: &str, addresses: &[IpAddr]) -> ExpectedRecords {
    server(&format!("hostname: mail.example.org\n{lines}"), addresses)
}

fn server(lines: &str, addresses: &[IpAddr]) -> ExpectedRecords {
    let hash = format!("{{SHA512-CRYPT}}$6$saltsalt${}", "a".repeat(86));
    let text =
        format!("domains: [example.org]\naccounts: {{anna: {{password: \"{hash}\"}}}}\n{lines}");
    let source = Arc::new(Source { name: "mail.yml".into(), text });
    let spec = services::load(&source, &Files::beside(Path::new("."))).unwrap();
    ExpectedRecords::of(&spec, addresses.to_vec(), None)
}

fn wanted() -> ExpectedRecords {
    expected("", &ip(&["193.0.14.25", "2a00::25"]))
}

/// Returns the record of the domain by this rule.
fn record(rule: &str) -> Record {
    of_domain(&wanted(), rule)
}

fn of_domain(wanted: &ExpectedRecords, rule: &str) -> Record {
    let mut records = wanted.of_services.iter();
    let is_it = |record: &&Record| record.rule == rule && record.name != "mail.example.org";
    records.find(is_it).cloned().unwrap()
}

fn ip(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|it| it.parse().unwrap()).collect()
}

fn texts(texts: &[&str]) -> Found<String> {
    Ok(texts.iter().map(ToString::to_string).collect())
}

#[test]
fn addresses_must_be_those_of_the_host() {
    let of = |published: &[&str]| of_host(&wanted(), &Ok(ip(published)));
    assert_eq!(of(&["193.0.14.25", "2a00::25"]).verdict, Verdict::Ok);
    assert_eq!(of(&["193.0.14.25"]).verdict, Verdict::Warning);
    let none = of(&[]);
    assert_eq!(none.verdict, Verdict::Wrong);
    assert!(none.remedy.contains("mail.example.org. 3600 IN A 193.0.14.25"), "{none:?}");
    assert_eq!(of(&["193.0.14.99", "2a00::25"]).verdict, Verdict::Wrong);
    let unknown = ExpectedRecords { addresses: Vec::new(), ..wanted() };
    assert!(of_host(&unknown, &Ok(Vec::new())).remedy.contains("mailprov dns"));
    let behind = ExpectedRecords { addresses: ip(&["10.0.0.2"]), ..wanted() };
    assert_eq!(of_host(&behind, &Ok(ip(&["193.0.14.25"]))).verdict, Verdict::NotChecked);
    assert_eq!(of_host(&behind, &Ok(ip(&["10.0.0.2"]))).verdict, Verdict::Ok);
    assert_eq!(of_host(&wanted(), &Err("no".into())).verdict, Verdict::NotChecked);
}

#[test]
fn an_address_leads_back_to_the_name() {
    let of = |names: &[&str]| of_address(&wanted(), ip(&["193.0.14.25"])[0], &texts(names));
    assert_eq!(of(&["mail.example.org"]).verdict, Verdict::Ok);
    let other = of(&["static-25.provider.example"]);
    assert_eq!(other.verdict, Verdict::Wrong);
    assert!(other.remedy.contains("25.14.0.193.in-addr.arpa. 3600 IN PTR mail.example.org."));
    assert_eq!(of(&[]).verdict, Verdict::Wrong);
}

#[test]
fn the_mx_leads_here_first() {
    let of = |found: &[(u16, &str)]| {
        let found = found.iter().map(|(number, name)| (*number, (*name).to_owned()));
        of_mx(&wanted(), &record("dns.mx"), &Ok(found.collect()))
    };
    assert_eq!(of(&[(10, "mail.example.org"), (20, "b.example")]).verdict, Verdict::Ok);
    assert_eq!(of(&[(10, "mail.example.org"), (5, "b.example")]).verdict, Verdict::Warning);
    assert_eq!(of(&[(10, "b.example")]).verdict, Verdict::Wrong);
    let none = of(&[]);
    assert_eq!(none.remedy, "Publish: example.org. 3600 IN MX 10 mail.example.org.");
}

#[test]
fn there_is_one_spf_record_that_lets_the_server_send() {
    let of = |found: &[&str]| {
        let addresses = wanted().addresses;
        of_spf(&wanted(), &record("dns.spf"), &addresses, &texts(found)).verdict
    };
    assert_eq!(of(&["v=spf1 mx -all", "site-verification=x"]), Verdict::Ok);
    assert_eq!(of(&["v=spf1 ip4:193.0.14.25 -all"]), Verdict::Wrong);
    assert_eq!(of(&["v=spf10 mx -all"]), Verdict::Wrong);
    assert_eq!(of(&["v=spf1 mx -all", "v=spf1 -all"]), Verdict::Wrong);
    assert_eq!(of(&["v=spf1 mx +all"]), Verdict::Wrong);
    assert_eq!(of(&[]), Verdict::Wrong);
}

#[test]
fn dmarc_and_dkim_hold_what_they_must() {
    let dmarc = |found: &[&str]| of_dmarc(&record("dns.dmarc"), &texts(found)).verdict;
    assert_eq!(dmarc(&["v=DMARC1; p=reject; rua=mailto:a@example.org"]), Verdict::Ok);
    assert_eq!(dmarc(&["v=DMARC1; p="]), Verdict::Wrong);
    assert_eq!(dmarc(&["v=DMARC1; p=strict"]), Verdict::Wrong);
    assert_eq!(dmarc(&["v=DMARC1; p=none", "v=DMARC1; p=none"]), Verdict::Wrong);
    assert_eq!(dmarc(&["x"]), Verdict::Warning);
    let dkim = |found: &[&str]| dkim::of_other("x", &texts(found).unwrap()).map(|it| it.verdict);
    assert_eq!(dkim(&[]), None);
    assert_eq!(dkim(&["v=DKIM1; k=rsa; p=MIIB"]), Some(Verdict::Ok));
    assert_eq!(dkim(&["v=DKIM1; p="]), Some(Verdict::Wrong));
}

#[test]
fn behind_a_relay_spf_leaves_room_for_its_servers() {
    let wanted = expected("relay: {host: smtp.example.net}\n", &[]);
    let spf = of_domain(&wanted, "dns.spf");
    assert_eq!(spf.value, "v=spf1 mx ~all");
    assert_eq!(wanted.of_services[0].value, "v=spf1 a ~all");
    let found = texts(&["v=spf1 include:spf.example.net -all"]);
    assert_eq!(of_spf(&wanted, &spf, &[], &found).verdict, Verdict::Ok);
}

#[test]
fn the_host_name_sends_bounces_and_has_an_spf_record_of_its_own() {
    let wanted = wanted();
    let record = &wanted.of_services[0];
    assert_eq!(record.zone_line(), "mail.example.org. 3600 IN TXT \"v=spf1 a -all\"");
    let of = |found: &[&str]| of_spf(&wanted, record, &wanted.addresses, &texts(found)).verdict;
    assert_eq!(of(&["v=spf1 a -all"]), Verdict::Ok);
    assert_eq!(of(&[]), Verdict::Warning);
    assert_eq!(of(&["v=spf1 mx -all"]), Verdict::Wrong);
    let is_domain = server("hostname: example.org\n", &[]);
    let of_spf = is_domain.of_services.iter().filter(|it| it.rule == "dns.spf");
    let values: Vec<_> = of_spf.map(|it| (it.name.as_str(), it.value.as_str())).collect();
    assert_eq!(values, [("example.org", "v=spf1 mx -all")]);
}

#[test]
fn a_published_policy_is_as_strict_as_mail_yml_asks_or_stricter() {
    let wanted = expected("dmarc: quarantine\n", &[]);
    let record = of_domain(&wanted, "dns.dmarc");
    assert_eq!(record.value, "v=DMARC1; p=quarantine; rua=mailto:postmaster@example.org");
    let of = |found: &str| {
        let finding = of_dmarc(&record, &texts(&[found]));
        (finding.verdict, finding.facts)
    };
    let (verdict, facts) = of("v=DMARC1; p=none; rua=mailto:postmaster@example.org");
    assert_eq!(verdict, Verdict::Warning);
    assert!(facts.contains("less than `dmarc:`"), "{facts}");
    let (verdict, facts) = of("v=DMARC1;p=Reject;rua=mailto:x@example.org");
    assert_eq!(verdict, Verdict::Ok);
    assert!(facts.contains("more than `dmarc:`"), "{facts}");
    assert_eq!(of(&record.value), (Verdict::Ok, record.value.clone()));
    let (verdict, facts) = of("v=DMARC1; p=quarantine");
    assert_eq!(verdict, Verdict::Ok);
    assert!(facts.contains("no reports"), "{facts}");
}

#[test]
fn a_text_of_a_service_is_there_as_it_is() {
    let name = "_mta-sts.example.org".to_owned();
    let value = "v=STSv1; id=1".to_owned();
    let record = Record { rule: "dns.text", name, kind: "TXT", value, why: "" };
    assert_eq!(of_text(&record, &texts(&["x", "v=STSv1; id=1"])).verdict, Verdict::Ok);
    let none = of_text(&record, &texts(&[]));
    assert_eq!(none.remedy, "Publish: _mta-sts.example.org. 3600 IN TXT \"v=STSv1; id=1\"");
    assert_eq!(of_text(&record, &texts(&["v=STSv1; id=2"])).verdict, Verdict::Wrong);
}
