//! Looks whether an authority would find this host: whether each name leads here, and
//! whether port 80 is free, or held by a web server that answers for us. Asks the DNS
//! and nothing else.

use std::net::IpAddr;

use super::{Answerer, Order};
use crate::host::{Endpoint, Host, Result, is_public, reachable};
use crate::probe::Resolver;

/// The port at which an authority asks (RFC 8555, 8.3).
pub(super) const PORT: u16 = 80;

/// Something that keeps the authority from being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// A clause, without a full stop.
    pub why: String,
    /// What to do, in sentences.
    pub remedy: String,
}

/// Returns what would answer the authority, or the first obstacle.
pub(super) fn answerer(
    host: &Host,
    order: &Order,
) -> Result<std::result::Result<Answerer, Obstacle>> {
    if host.is_tree() {
        return Ok(Err(Obstacle {
            why: "this is a tree and not a host that runs".into(),
            remedy: "The host orders it after it has booted.".into(),
        }));
    }
    // The name server is asked, not this host.
    if order.dns.is_some() {
        return Ok(Ok(Answerer::Program));
    }
    let own = Host::addresses()?;
    let resolver = Resolver::of(host);
    for name in &order.names {
        let published = resolver.addresses(name);
        let found = match &published {
            Ok(published) => misled(name, published, &own, &order.addresses),
            Err(why) => Some(Obstacle {
                why: format!("{name} cannot be looked up: {why}"),
                remedy: "See /etc/resolv.conf, and try: getent hosts deb.debian.org".into(),
            }),
        };
        if let Some(obstacle) = found {
            return Ok(Err(obstacle));
        }
    }
    let Some(obstacle) = held(host)? else { return Ok(Ok(Answerer::Program)) };
    Ok(match &order.webroot {
        Some(folder) if host.entry(folder)?.is_some() => Ok(Answerer::WebServer),
        _ => Err(obstacle),
    })
}

/// Judges whether all addresses of a name lead here: it is unknown which of them an
/// authority asks.
fn misled(
    name: &str,
    published: &[IpAddr],
    own: &[IpAddr],
    declared: &[IpAddr],
) -> Option<Obstacle> {
    let is_ours = |it: &IpAddr| own.contains(it) || declared.contains(it);
    let is_strange = |it: &&IpAddr| !is_ours(it) && !may_be_routed(**it, own, declared);
    let strange: Vec<_> = published.iter().filter(is_strange).collect();
    if !published.is_empty() && strange.is_empty() {
        return None;
    }
    let wanted = if declared.is_empty() { reachable(own.to_vec()) } else { declared.to_vec() };
    let records: Vec<_> = wanted.iter().map(|it| format!("\n    {}", record(name, *it))).collect();
    let behind = match wanted.iter().any(|it| is_public(*it)) {
        true => String::new(),
        false => format!(
            "\nThese addresses are private. If this host is behind a router, publish the router's \
             public address instead, have the router pass port {PORT} on to this host, and write \
             its address in mail.yml: tls: {{acme: {{addresses: [ADDRESS]}}}}"
        ),
    };
    let remedy = |verb: &str| format!("{verb}:{}{behind}", records.concat());
    Some(match strange[..] {
        [] => Obstacle { why: format!("DNS has no address of {name}"), remedy: remedy("Publish") },
        _ => Obstacle {
            why: format!(
                "{name} leads to {}, which is not this host",
                joined(strange.iter().copied())
            ),
            remedy: remedy("Publish these addresses only"),
        },
    })
}

/// Returns whether a router may lead an address to this host, as far as is known. The host
/// finds out when it asks there.
pub(super) fn may_be_routed(address: IpAddr, own: &[IpAddr], declared: &[IpAddr]) -> bool {
    let is_alike = |it: &IpAddr| it.is_ipv4() == address.is_ipv4() && is_public(*it);
    declared.is_empty() && is_public(address) && !own.iter().any(is_alike)
}

/// Returns an address as a line of a zone file.
fn record(name: &str, address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("{name}. {kind} {address}")
}

fn joined<'a>(addresses: impl Iterator<Item = &'a IpAddr>) -> String {
    addresses.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the program that holds the port, if one does.
fn held(host: &Host) -> Result<Option<Obstacle>> {
    let Some(holders) = host.holders(&Endpoint::Port(PORT))? else { return Ok(None) };
    let names: Vec<_> = holders.iter().map(ToString::to_string).collect();
    let by = match names.is_empty() {
        true => "a program that cannot be seen from here".to_owned(),
        false => names.join(", "),
    };
    let unit = holders.iter().find_map(|holder| holder.unit.as_deref());
    let stop =
        unit.map_or("Stop it".into(), |unit| format!("Stop it (systemctl disable --now {unit})"));
    Ok(Some(Obstacle {
        why: format!("port {PORT}, at which the authority asks, is held by {by}"),
        remedy: format!(
            "{stop}; or have it get the certificate, and name the files in mail.yml: tls: \
             {{certificate: PATH, key: PATH}}; or have the \
             name proven by a DNS record: see tls.acme.dns in mail.yml(5)"
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(published: &[&str], own: &[&str], declared: &[&str]) -> Option<String> {
        let of = |all: &[&str]| all.iter().map(|it| it.parse().unwrap()).collect::<Vec<_>>();
        misled("mail.example.org", &of(published), &of(own), &of(declared)).map(|it| it.why)
    }

    #[test]
    fn each_address_of_a_name_must_lead_here() {
        assert_eq!(judged(&["10.0.0.2"], &["10.0.0.2", "fd00::2"], &[]), None);
        assert!(judged(&[], &["10.0.0.2"], &[]).unwrap().contains("no address"));
        let why = judged(&["10.0.0.2", "fd00::9"], &["10.0.0.2", "fd00::2"], &[]).unwrap();
        assert!(why.contains("leads to fd00::9,"), "{why}");
        let why = judged(&["8.8.8.8"], &["193.0.14.129"], &[]).unwrap();
        assert!(why.contains("8.8.8.8"), "{why}");
    }

    #[test]
    fn a_router_may_lead_to_this_host() {
        assert_eq!(judged(&["8.8.8.8"], &["10.0.0.2"], &[]), None);
        assert_eq!(judged(&["8.8.8.8"], &["10.0.0.2"], &["8.8.8.8"]), None);
        assert!(judged(&["8.8.4.4"], &["10.0.0.2"], &["8.8.8.8"]).is_some());
        assert!(judged(&["203.0.113.1"], &["10.0.0.2"], &[]).is_some());
    }
}
