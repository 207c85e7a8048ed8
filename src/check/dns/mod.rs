//! Checks the DNS records of a mail server. Each finding contains the record to publish.

mod dkim;
mod records;
mod spf;
mod tlsa;
mod web;

use std::net::IpAddr;

pub(crate) use records::ExpectedRecords;

use crate::finding::{Finding, Rule, rules};
use crate::host::{Host, is_public, reachable};
use crate::probe::{Found, Resolver};
use crate::services::Record;
use crate::services::checking::{Check, Here};
use crate::services::postfix::DMARC_POLICIES;

pub(super) static CHECK: Check = Check {
    rule: Rule {
        id: "dns",
        title: "DNS records",
        reason: "Other servers find this one, and judge its mail, by DNS.",
    },
    rules: &[RULES],
    uses_ports: false,
    explains: false,
    here: Here::Alone(|site| {
        let addresses = reachable(Host::addresses()?);
        let resolver = Resolver::of(site.host);
        let records = dns(&ExpectedRecords::of(site.spec, addresses, Some(site.host)), &resolver);
        Ok([vec![answers(&resolver)], records].concat())
    }),
    outside: Some(|outside| {
        let addresses = outside.server.addresses.clone();
        Ok(dns(&ExpectedRecords::of(outside.spec, addresses, None), &Resolver::of(outside.host)))
    }),
    quick: None,
};

rules! {
    RESOLVER = "dns.resolver", "Names are looked up",
        "Without DNS, mail for others waits here, mail from others is put off, and a spam filter \
         takes good mail for spam.";
    ADDRESS = "dns.address", "A and AAAA of {}", "Other servers find this one by its name.";
    PTR = "dns.ptr", "PTR of {}",
        "Many servers reject mail from an address that does not lead back to the name.";
    MX = "dns.mx", "MX of {}", "Mail for the domain goes where its MX record says.";
    SPF = "dns.spf", "SPF of {}",
        "Without it, large providers reject mail of that name or treat it as spam.";
    DMARC = "dns.dmarc", "DMARC of {}", "Large providers want to see one.";
    TEXT = "dns.text", "TXT of {}", "A service of this host works only with it.";
    DKIM = "dns.dkim", "DKIM key {}",
        "Other servers verify the signatures of mail by it.";
    TLSA = "dns.tlsa", "The key of port 25, {}",
        "Servers that check it (DANE) deliver only to a server with a key that DNS names.";
    TLSA_NEXT = "dns.tlsa_next", "The next key of port 25, {}",
        "A new key must be known to the world before it serves.";
    NAME = "dns.name", "Name of the web side, {}",
        "Clients ask this name for a page of the server.";
    SRV = "dns.srv", "SRV of {}", "Mail programs find the ports by it.";
    MTA_STS = "dns.mta_sts", "MTA-STS of {}",
        "Other servers learn from it to fetch the policy, and to deliver with TLS only.";
    TLS_REPORT = "dns.tls_report", "TLS reports of {}",
        "Other servers report there what they could not deliver with TLS.";
    DKIM_NEXT = "dns.dkim_next", "The next DKIM key {}",
        "A new key must be known to the world before it signs.";
}

fn answers(resolver: &Resolver) -> Finding {
    let finding = Finding::of(&RESOLVER);
    match resolver.proves_the_root() {
        Ok(_) => finding,
        Err(why) => finding.wrong(
            why,
            "Name a resolver that answers in /etc/resolv.conf; try it: getent hosts \
             deb.debian.org",
        ),
    }
}

fn dns(wanted: &ExpectedRecords, resolver: &Resolver) -> Vec<Finding> {
    let mut findings = Vec::new();
    let published = resolver.addresses(&wanted.hostname);
    findings.push(of_host(wanted, &published));
    let mut addresses = published.clone().unwrap_or_default();
    let own = wanted.addresses.iter().filter(|it| is_public(**it));
    addresses.extend(own.filter(|it| !addresses.contains(it)).copied().collect::<Vec<_>>());
    for address in &addresses {
        findings.push(of_address(wanted, *address, &resolver.names(*address)));
    }
    // Without public addresses in DNS, those of the host are used.
    let senders = if addresses.is_empty() { &wanted.addresses } else { &addresses };
    for record in &wanted.of_services {
        let text = || resolver.txt(&record.name);
        findings.push(match record.rule {
            "dns.mx" => of_mx(wanted, record, &resolver.mx(&record.name)),
            "dns.spf" => of_spf(wanted, record, senders, &text()),
            "dns.dmarc" => of_dmarc(record, &text()),
            "dns.dkim" => dkim::of_key(record, &text()),
            "dns.dkim_next" => dkim::of_next(record, &text()),
            "dns.name" => web::of_name(record, &resolver.addresses(&record.name), &published),
            "dns.srv" => web::of_port(record, &resolver.srv(&record.name)),
            "dns.mta_sts" => web::of_policy(record, &text()),
            "dns.tls_report" => web::of_reports(record, &text()),
            "dns.tlsa" => tlsa::of_key(record, &resolver.tlsa(&record.name)),
            "dns.tlsa_next" => tlsa::of_next(record, &resolver.tlsa(&record.name)),
            _ => of_text(record, &text()),
        });
    }
    findings.extend(dkim::of_others(wanted, resolver));
    findings.extend(web::of_left_policies(wanted, resolver));
    findings
}

fn publish(record: &Record) -> String {
    format!("Publish: {}", record.zone_line())
}

fn unanswered(finding: Finding, why: &str) -> Finding {
    finding.not_checked(why, "See /etc/resolv.conf, and try: getent hosts deb.debian.org")
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn of_host(wanted: &ExpectedRecords, published: &Found<IpAddr>) -> Finding {
    let finding = Finding::about(&ADDRESS, &wanted.hostname);
    let published = match published {
        Ok(published) => published,
        Err(why) => return unanswered(finding, why),
    };
    let records: Vec<_> = wanted.address_records().iter().map(publish).collect();
    let own = &wanted.addresses;
    let remedy = match records.is_empty() {
        true if own.is_empty() => {
            "Publish the server's addresses. On the host, list them: mailprov dns".into()
        }
        true => format!(
            "Publish the public addresses of this host; its own ({}) cannot be reached from \
             outside. Your router or provider knows them.",
            joined(own)
        ),
        false => records.join("\n"),
    };
    if published.is_empty() {
        return finding.wrong("there are none", remedy);
    }
    let strange: Vec<_> = published.iter().filter(|it| !own.contains(it)).collect();
    if strange.is_empty() {
        return match own.iter().find(|it| is_public(**it) && !published.contains(it)) {
            None => finding.seen(joined(published)),
            Some(missing) => finding.warning(
                format!("{missing}, from which mail may be sent, is not published"),
                remedy,
            ),
        };
    }
    let seen = format!("DNS has {}; this host has {}", joined(published), joined(own));
    let translated = |it: &IpAddr| {
        is_public(*it) && !own.iter().any(|own| own.is_ipv4() == it.is_ipv4() && is_public(*own))
    };
    if strange.iter().all(|it| translated(it)) {
        let remedy = "Compare it with the address that your router or provider gives this host.";
        return finding.not_checked(format!("{seen}, behind a router"), remedy);
    }
    finding.wrong(seen, remedy)
}

fn of_address(wanted: &ExpectedRecords, address: IpAddr, names: &Found<String>) -> Finding {
    let finding = Finding::about(&PTR, address);
    let remedy = format!(
        "{}\nIt is set at the provider of the server (\"reverse DNS\"), not of the domain.",
        publish(&wanted.ptr(address))
    );
    match names {
        Err(why) => unanswered(finding, why),
        Ok(names) if names.is_empty() => finding.wrong("there is none", remedy),
        Ok(names) if names.contains(&wanted.hostname) => finding.seen(joined(names)),
        Ok(names) => finding.wrong(format!("it is {}", joined(names)), remedy),
    }
}

fn of_mx(wanted: &ExpectedRecords, record: &Record, found: &Found<(u16, String)>) -> Finding {
    let finding = Finding::about(&MX, &record.name);
    let remedy = publish(record);
    let found = match found {
        Ok(found) if found.is_empty() => return finding.wrong("there is none", remedy),
        Ok(found) => found,
        Err(why) => return unanswered(finding, why),
    };
    let all: Vec<_> =
        found.iter().map(|(preference, name)| format!("{preference} {name}")).collect();
    let best = found.iter().map(|(preference, _)| *preference).min();
    let ours = found.iter().filter(|(_, name)| *name == wanted.hostname).map(|it| it.0).min();
    match ours {
        None => finding.wrong(format!("it leads to {}", joined(&all)), remedy),
        Some(ours) if Some(ours) > best => finding.warning(
            format!("others come first: {}", joined(&all)),
            "That is right if they pass the mail on to this host; else give this host the lowest number.",
        ),
        Some(_) => finding.seen(joined(&all)),
    }
}

fn of_spf(
    wanted: &ExpectedRecords,
    expected: &Record,
    addresses: &[IpAddr],
    found: &Found<String>,
) -> Finding {
    let domain = &expected.name;
    let is_host = !wanted.domains.contains(domain);
    let finding = Finding::about(&SPF, domain);
    let remedy = publish(expected);
    let found = match found {
        Ok(found) => found,
        Err(why) => return unanswered(finding, why),
    };
    let is_spf = |text: &&String| {
        let text = text.to_lowercase();
        text == "v=spf1" || text.starts_with("v=spf1 ")
    };
    let records: Vec<&String> = found.iter().filter(is_spf).collect();
    let record = match records[..] {
        // Only bounces and mail of programs on the host carry its name.
        [] if is_host => return finding.warning("there is none", remedy),
        [] => return finding.wrong("there is none", remedy),
        [record] => record,
        _ => {
            let remedy = format!("Keep one: with several, SPF fails.\n{remedy}");
            return finding.wrong(format!("there are {}", records.len()), remedy);
        }
    };
    if record.to_lowercase().ends_with(" +all") || record.to_lowercase().ends_with(" all") {
        return finding.wrong(format!("`{record}` lets every host send"), remedy);
    }
    if wanted.has_relay {
        let seen = format!("`{record}`; it must name the relay's servers");
        return finding.seen(seen);
    }
    let lets = |address: &IpAddr| spf::lets(record, domain, &wanted.hostname, !is_host, *address);
    let refused: Vec<_> = addresses.iter().filter(|it| lets(it) == Some(false)).collect();
    let is_open = addresses.iter().any(|it| lets(it).is_none());
    match refused[..] {
        [] if is_open => {
            finding.seen(format!("`{record}`; the records that it includes were not looked up"))
        }
        [] => finding.seen(record.as_str()),
        _ => finding.wrong(format!("`{record}` does not let {} send", joined(&refused)), remedy),
    }
}

fn of_dmarc(expected: &Record, found: &Found<String>) -> Finding {
    let domain = expected.name.trim_start_matches("_dmarc.");
    let finding = Finding::about(&DMARC, domain);
    let remedy = publish(expected);
    let found = match found {
        Ok(found) => found,
        Err(why) => return unanswered(finding, why),
    };
    let records: Vec<_> = found.iter().filter(|text| text.starts_with("v=DMARC1")).collect();
    let record = match records[..] {
        [] => return finding.warning("there is none", remedy),
        [record] => record,
        _ => return finding.wrong(format!("there are {}: keep one", records.len()), remedy),
    };
    let Some(policy) = tag(record, "p") else {
        return finding.wrong(format!("`{record}` has no p="), remedy);
    };
    let strictness =
        |policy: &str| DMARC_POLICIES.iter().position(|known| known.eq_ignore_ascii_case(policy));
    let wanted = tag(&expected.value, "p").unwrap_or_default();
    match (strictness(policy), strictness(wanted)) {
        (None, _) => finding.wrong(format!("`{record}` has a p= that DMARC does not know"), remedy),
        (published, wanted) if published < wanted => {
            finding.warning(format!("`{record}` asks for less than `dmarc:` in mail.yml"), remedy)
        }
        (published, wanted) if published > wanted => {
            finding.seen(format!("`{record}`; it asks for more than `dmarc:` in mail.yml"))
        }
        _ if tag(record, "rua").is_none() => {
            finding.seen(format!("`{record}`; it asks for no reports (rua=)"))
        }
        _ => finding.seen(record.as_str()),
    }
}

/// Judges a text record that must match exactly.
fn of_text(expected: &Record, found: &Found<String>) -> Finding {
    let finding = Finding::about(&TEXT, &expected.name);
    let found = match found {
        Ok(found) => found,
        Err(why) => return unanswered(finding, why),
    };
    match found[..] {
        [] => finding.wrong("there is none", publish(expected)),
        _ if found.contains(&expected.value) => finding.seen(expected.value.as_str()),
        _ => finding.wrong(format!("it is {}", joined(found)), publish(expected)),
    }
}

/// Returns the value of a tag in a list of `TAG=VALUE;`, unless it is empty.
fn tag<'r>(record: &'r str, wanted: &str) -> Option<&'r str> {
    let mut tags = record.split(';').filter_map(|it| it.split_once('='));
    let (_, value) = tags.find(|(name, _)| name.trim() == wanted)?;
    Some(value.trim()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
