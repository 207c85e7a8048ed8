//! Fetches each page as a client does: on the host at each of its own addresses, and from
//! another machine where DNS leads.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::pages::{HTTPS, Unfetched, WantedPage, pages};
use super::policy::MAX_AGE;
use super::settings::PolicyMode;
use crate::finding::{Finding, Rule, rules};
use crate::host::{Host, Result, now};
use crate::probe::{Error, shown_certificate};
use crate::resource::acme::Obstacle;
use crate::resource::{covers, read_der};
use crate::services::Spec;
use crate::services::checking::{Check, Here, Outside, Site, unanswered};

pub(super) static CHECKS: &[&Check] = &[&CHECK];

static CHECK: Check = Check {
    rule: Rule {
        id: "web",
        title: "The web side",
        reason: "Mail programs, people and other servers fetch pages from it.",
    },
    rules: &[RULES],
    uses_ports: false,
    explains: false,
    here: Here::Alone(from_here),
    outside: Some(|outside| Ok(from_outside(outside))),
    quick: None,
};

rules! {
    PAGE = "web.page", "{}", "Clients fetch this page, with a certificate that they trust.";
    POLICY = "web.policy", "The policy for other servers",
        "Servers that know the former policy deliver nothing while it cannot be met.";
}

/// The length of a day, in seconds.
const DAY: i64 = 86_400;

const SEE_LOG: &str = "Run mailprov apply, then see what the web server says: journalctl -u nginx -u \
                       apache2";

fn from_here(site: &Site<'_>) -> Result<Vec<Finding>> {
    let addresses = &site.server.addresses;
    let judge = |page: WantedPage| {
        let finding = Finding::about(&PAGE, page.url());
        // An optional name need not be published.
        if !page.is_needed && Host::addresses_of(&page.host).is_empty() {
            return Ok(None);
        }
        if let Some(awaited) = awaited(site, &page.host)? {
            return Ok(Some(
                finding.wrong(format!("self-signed for now: {}", awaited.why), awaited.remedy),
            ));
        }
        let failed =
            addresses.iter().find_map(|address| Some((*address, page.fetch(*address).err()?)));
        Ok(Some(match failed {
            None => finding,
            Some((address, unfetched)) => explained(finding, site.host, &page, address, unfetched),
        }))
    };
    let mut findings = Vec::new();
    for page in pages(site.spec) {
        findings.extend(judge(page)?);
    }
    findings.extend(forgotten(site.spec, site.host)?);
    Ok(findings)
}

/// Returns why there is no certificate of an authority for a name yet. That of mail is another
/// check's matter.
fn awaited(site: &Site<'_>, name: &str) -> Result<Option<Obstacle>> {
    let certificate = site.spec.services.certificate.on(site.host);
    match name == site.server.hostname {
        true => certificate.awaited(site.host),
        false => certificate.awaited_further(site.host, name),
    }
}

fn explained(
    finding: Finding,
    host: &Host,
    page: &WantedPage,
    address: IpAddr,
    unfetched: Unfetched,
) -> Finding {
    match unfetched {
        Unfetched::Another(why) => finding.wrong(format!("at {address}, {why}"), SEE_LOG),
        Unfetched::Failed(Error::Tls(error)) => {
            let shown = shown_certificate(SocketAddr::new(address, HTTPS), &page.host);
            let names = shown.ok().and_then(|it| Some(read_der(&it)?.0)).unwrap_or_default();
            if covers(&names, &page.host) {
                return finding.wrong(format!("at {address}, {}", Error::Tls(error)), SEE_LOG);
            }
            let facts = format!(
                "another site answers at {address}, with a certificate for {}",
                names.join(", ")
            );
            let remedy = match hiding_site(host, address) {
                Some(Hiding { path, line, remedy }) => format!(
                    "{}:{line} is for this address alone, so no other site is asked there. {remedy}",
                    path.display()
                ),
                None => format!(
                    "Look for a site that listens at {address}:{HTTPS} alone, or that has the \
                     name {} as well.",
                    page.host
                ),
            };
            finding.wrong(facts, remedy)
        }
        Unfetched::Failed(error) => unanswered(finding, &error, SEE_LOG),
    }
}

/// A site that takes all connections to an address, whatever names other sites have.
struct Hiding {
    path: PathBuf,
    line: usize,
    remedy: &'static str,
}

/// The folders in which Debian's web servers look for sites, with the word that names
/// addresses there and what to do about it. Both look at the address first, and only then at
/// the name (`server_name`, `ServerName`).
const SITES: [(&str, &str, &str); 3] = [
    ("/etc/nginx/sites-enabled", "listen", IN_NGINX),
    ("/etc/nginx/conf.d", "listen", IN_NGINX),
    (
        "/etc/apache2/sites-enabled",
        "<VirtualHost",
        "Write `<VirtualHost *:443>` in it, then run systemctl reload apache2",
    ),
];

const IN_NGINX: &str = "Write `listen 443 ssl;` in it (and `listen [::]:443 ssl;`), then run \
                        systemctl reload nginx";

/// Returns the site that takes all connections to an address.
fn hiding_site(host: &Host, address: IpAddr) -> Option<Hiding> {
    SITES.iter().find_map(|(folder, word, remedy)| {
        host.list(Path::new(folder)).ok()?.into_iter().find_map(|name| {
            let path = Path::new(folder).join(name);
            let content = host.read(&path).ok()??;
            let text = content.text();
            let line = text.lines().position(|line| is_for(line, word, address))? + 1;
            Some(Hiding { path, line, remedy })
        })
    })
}

/// Returns whether a line begins with a word, and then names the HTTPS port of an address.
fn is_for(line: &str, word: &str, address: IpAddr) -> bool {
    let wanted = SocketAddr::new(address, HTTPS).to_string();
    let mut words = line.split_whitespace();
    words.next().is_some_and(|first| first.eq_ignore_ascii_case(word))
        && words.any(|it| it.trim_end_matches([';', '>']) == wanted)
}

/// Says when other servers have forgotten a policy that was withdrawn.
fn forgotten(spec: &Spec, host: &Host) -> Result<Option<Finding>> {
    if spec.services.web.and_then(|web| web.mta_sts) != Some(PolicyMode::None) {
        return Ok(None);
    }
    let Some(stamp) = host.stamp(Path::new("/var/lib/mailprov-web/mta-sts.txt"))? else {
        return Ok(None);
    };
    let age = (now() - stamp.modified) / 1_000_000_000;
    let finding = Finding::of(&POLICY);
    Ok(Some(match i64::from(MAX_AGE) - age {
        left @ 1.. => finding.seen(format!(
            "withdrawn; keep it for {} days more, until other servers have forgotten the former one",
            left.div_euclid(DAY) + 1
        )),
        _ => finding.seen("withdrawn and forgotten: write `mta_sts: off`, and remove its record"),
    }))
}

fn from_outside(outside: &Outside<'_>) -> Vec<Finding> {
    let judge = |page: WantedPage| {
        let finding = Finding::about(&PAGE, page.url());
        let addresses = Host::addresses_of(&page.host);
        if addresses.is_empty() {
            let remedy = "See the results under `dns`.";
            return page.is_needed.then(|| finding.not_checked("DNS has no address of it", remedy));
        }
        let failed =
            addresses.iter().find_map(|address| Some((*address, page.fetch(*address).err()?)));
        Some(match failed {
            None => finding,
            Some((_, Unfetched::Failed(error))) => unanswered(
                finding,
                &error,
                format!(
                    "See what hides it, on the host: mailprov check --only web. A firewall must let port {HTTPS} in."
                ),
            ),
            Some((address, Unfetched::Another(why))) => finding.wrong(
                format!("at {address}, {why}"),
                "See on the host: mailprov check --only web",
            ),
        })
    };
    pages(outside.spec).into_iter().filter_map(judge).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_for_one_address_is_seen_in_both_web_servers() {
        let v4: IpAddr = "192.0.2.1".parse().unwrap();
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert!(is_for("    listen 192.0.2.1:443 ssl;", "listen", v4));
        assert!(is_for("listen [2001:db8::1]:443;", "listen", v6));
        assert!(is_for("<VirtualHost 192.0.2.9:443 192.0.2.1:443>", "<VirtualHost", v4));
        assert!(is_for("<virtualhost [2001:db8::1]:443>", "<VirtualHost", v6));
        for other in ["listen 443 ssl;", "listen 192.0.2.1:80;", "# listen 192.0.2.1:443;"] {
            assert!(!is_for(other, "listen", v4), "{other}");
        }
        assert!(!is_for("<VirtualHost *:443>", "<VirtualHost", v4));
    }
}
