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
        // Nobody has to publish this name.
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
fn awaited(site: &Site<'_>, name: &str) -> Result<Option<crate::resource::acme::Obstacle>> {
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
                Some((path, line)) => format!(
                    "{}:{line} listens at this address alone, so nginx asks no other site there. \
                     Write `listen {HTTPS} ssl;` in it (and `listen [::]:{HTTPS} ssl;`), then run \
                     systemctl reload nginx",
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

/// The folders in which Debian's nginx looks for sites.
const SITES: [&str; 2] = ["/etc/nginx/sites-enabled", "/etc/nginx/conf.d"];

/// Returns the file and the line of a site in nginx that takes all connections to an address:
/// nginx prefers `listen ADDRESS:PORT` to `listen PORT`, whatever names the sites have
/// (`server_name` is looked at only then).
fn hiding_site(host: &Host, address: IpAddr) -> Option<(PathBuf, usize)> {
    let wanted = SocketAddr::new(address, HTTPS).to_string();
    let listens = |line: &str| {
        let mut words = line.split_whitespace();
        words.next() == Some("listen")
            && words.next().is_some_and(|it| it.trim_end_matches(';') == wanted)
    };
    SITES.iter().map(Path::new).find_map(|folder| {
        host.list(folder).ok()?.into_iter().find_map(|name| {
            let path = folder.join(name);
            let content = host.read(&path).ok()??;
            let line = content.text().lines().position(listens)?;
            Some((path, line + 1))
        })
    })
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
