//! Judges the records of the web side: names of it, ports for mail programs (RFC 6186), and
//! how other servers deliver with TLS (RFC 8461, RFC 8460).

use std::net::IpAddr;

use super::{ExpectedRecords, MTA_STS, NAME, SRV, TLS_REPORT, joined, publish, unanswered};
use crate::finding::Finding;
use crate::probe::{Found, Resolver};
use crate::services::Record;

/// Judges a name that must lead where the host name leads.
pub(super) fn of_name(
    expected: &Record,
    found: &Found<IpAddr>,
    of_host: &Found<IpAddr>,
) -> Finding {
    let finding = Finding::about(&NAME, &expected.name);
    let (found, of_host) = match (found, of_host) {
        (Ok(found), Ok(of_host)) => (found, of_host),
        (Err(why), _) | (_, Err(why)) => return unanswered(finding, why),
    };
    if found.is_empty() {
        return finding.wrong("there is none", publish(expected));
    }
    match found.iter().all(|address| of_host.contains(address)) {
        true => finding.seen(joined(found)),
        false => {
            let facts =
                format!("it leads to {}, {} to {}", joined(found), expected.value, joined(of_host));
            finding.wrong(facts, publish(expected))
        }
    }
}

/// Judges where mail programs find a port.
pub(super) fn of_port(expected: &Record, found: &Found<String>) -> Finding {
    let finding = Finding::about(&SRV, &expected.name);
    match found {
        Err(why) => unanswered(finding, why),
        Ok(found) if found.is_empty() => finding.warning("there is none", publish(expected)),
        Ok(found) if found.iter().any(|it| is_same_place(it, &expected.value)) => {
            finding.seen(joined(found))
        }
        Ok(found) => finding.wrong(format!("it is {}", joined(found)), publish(expected)),
    }
}

/// Returns whether two records name the same port. Priority and weight are for the owner of
/// the zone to choose.
fn is_same_place(one: &str, other: &str) -> bool {
    one.split(' ').skip(2).eq(other.split(' ').skip(2))
}

/// Judges the announcement of a policy.
pub(super) fn of_policy(expected: &Record, found: &Found<String>) -> Finding {
    let finding = Finding::about(&MTA_STS, &expected.name);
    let found = match found {
        Ok(found) => announcements(found),
        Err(why) => return unanswered(finding, why),
    };
    match found[..] {
        [] => finding.warning("there is none", publish(expected)),
        [one] if *one == expected.value => finding.seen(one.as_str()),
        [one] => finding
            .wrong(format!("it is {one}: other servers keep the former policy"), publish(expected)),
        _ => finding.wrong("there are several, so none counts", publish(expected)),
    }
}

/// Judges announcements of policies that no one can fetch.
pub(super) fn of_left_policies(wanted: &ExpectedRecords, resolver: &Resolver) -> Vec<Finding> {
    let is_expected = |name: &str| {
        wanted.of_services.iter().any(|it| it.rule == "dns.mta_sts" && it.name == name)
    };
    let names = wanted.domains.iter().map(|domain| format!("_mta-sts.{domain}"));
    let left = names.filter(|name| !is_expected(name)).filter_map(|name| {
        let found = resolver.txt(&name).ok()?;
        let one = (*announcements(&found).first()?).clone();
        let finding = Finding::about(&MTA_STS, &name);
        Some(finding.warning(
            format!("{one} is published, but there is no policy to fetch"),
            "Where the policy is to be: mailprov dns says what keeps it from being fetched. Where \
             it is not: write `web: {mta_sts: none}`, wait for a week, and remove this record; \
             until then, servers that know the former policy may hold mail back.",
        ))
    });
    left.collect()
}

fn announcements(found: &[String]) -> Vec<&String> {
    found.iter().filter(|text| text.starts_with("v=STSv1")).collect()
}

/// Judges where other servers report failures.
pub(super) fn of_reports(expected: &Record, found: &Found<String>) -> Finding {
    let finding = Finding::about(&TLS_REPORT, &expected.name);
    match found {
        Err(why) => unanswered(finding, why),
        Ok(found) => match found.iter().find(|text| text.starts_with("v=TLSRPTv1")) {
            Some(text) => finding.seen(text.as_str()),
            None => finding.warning("there is none", publish(expected)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Verdict;

    fn record(rule: &'static str, value: &str) -> Record {
        Record { rule, name: "x.example.org".into(), kind: "TXT", value: value.into(), why: "" }
    }

    #[test]
    fn a_name_leads_where_the_host_leads_and_nowhere_else() {
        let expected = record("dns.name", "mail.example.org");
        let ip = |all: &[&str]| all.iter().map(|it| it.parse().unwrap()).collect::<Vec<IpAddr>>();
        let of = |found: &[&str]| {
            of_name(&expected, &Ok(ip(found)), &Ok(ip(&["192.0.2.1", "2001:db8::1"]))).verdict
        };
        assert_eq!(of(&["192.0.2.1"]), Verdict::Ok);
        assert_eq!(of(&[]), Verdict::Wrong);
        assert_eq!(of(&["192.0.2.1", "192.0.2.9"]), Verdict::Wrong);
    }

    #[test]
    fn a_port_counts_whatever_its_weight() {
        let expected = record("dns.srv", "0 1 993 mail.example.org");
        let of = |found: &[&str]| {
            of_port(&expected, &Ok(found.iter().map(ToString::to_string).collect())).verdict
        };
        assert_eq!(of(&["10 5 993 mail.example.org"]), Verdict::Ok);
        assert_eq!(of(&["0 1 143 mail.example.org"]), Verdict::Wrong);
        assert_eq!(of(&[]), Verdict::Warning);
    }

    #[test]
    fn an_announcement_of_another_policy_is_wrong() {
        let expected = record("dns.mta_sts", "v=STSv1; id=b;");
        let of = |found: &[&str]| {
            of_policy(&expected, &Ok(found.iter().map(ToString::to_string).collect())).verdict
        };
        assert_eq!(of(&["something else", "v=STSv1; id=b;"]), Verdict::Ok);
        assert_eq!(of(&["v=STSv1; id=a;"]), Verdict::Wrong);
        assert_eq!(of(&["v=STSv1; id=b;", "v=STSv1; id=a;"]), Verdict::Wrong);
        assert_eq!(of(&[]), Verdict::Warning);
    }
}
