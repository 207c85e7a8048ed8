//! The web side: the policy that other servers ask for, the settings that mail programs
//! fetch, and the page for people; beside whatever sites are there already.

use std::thread;

use crate::acme::{ACME, Site, zone};
use crate::agent::nothing_to_do;
use crate::common::{REFUSING, Server, mail_yml};
use crate::support::{Debian, Page, Suite, Tls, Zone, wait_for};

const HOST: &str = "mail.example.org";

/// The names besides the host's, of which the last is optional.
const NAMES: [&str; 4] = [
    "mta-sts.example.org",
    "mta-sts.example.net",
    "autoconfig.example.org",
    "autoconfig.example.net",
];

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 604800\n";

/// Lets these names lead to a box, and that of the authority to the test.
fn published(debian: &Debian, names: &[&str]) -> Zone {
    names.iter().fold(zone(), |zone, name| zone.host(name, debian.addresses()))
}

/// Runs `look` with an authority beside a bare box, on each release.
fn on_bare_sites(look: impl Fn(&Site) + Sync) {
    thread::scope(|scope| {
        for suite in Suite::ALL {
            let look = &look;
            scope.spawn(move || {
                let server = Server::of(Debian::fresh(suite), REFUSING);
                look(&Site::new(server, |pebble| pebble));
            });
        }
    });
}

/// Fetches a page as a client does that trusts only the authority.
#[track_caller]
fn fetch(site: &Site, host: &str, path: &str) -> Page {
    let tls = Tls::trusting(&site.pebble.root_pem(), host);
    let stream = site.debian().connect(443).unwrap();
    Page::fetch(stream, Some(&tls), host, path).unwrap()
}

/// Fetches a page without TLS.
#[track_caller]
fn fetch_plain(site: &Site, host: &str, path: &str) -> Page {
    Page::fetch(site.debian().connect(80).unwrap(), None, host, path).unwrap()
}

/// Asserts that a page is of a type, and returns its text.
#[track_caller]
fn text_of(page: Page, kind: &str) -> String {
    assert_eq!((page.status, page.header("content-type")), (200, Some(kind)), "{page:?}");
    page.body
}

fn yaml(more: &str) -> String {
    mail_yml(&[REFUSING.yaml, ACME, more].concat())
}

#[test]
fn one_apply_on_a_bare_host_serves_all_pages_with_their_certificates() {
    on_bare_sites(|site| {
        let debian = site.debian();
        site.dns.publish(published(debian, &[&[HOST], &NAMES[..]].concat()));
        site.wish(&yaml("web: true\n"));
        let _ = site.apply();
        assert_eq!(site.pebble.orders(), 5);
        for name in &NAMES[..2] {
            let page = fetch(site, name, "/.well-known/mta-sts.txt");
            assert_eq!(text_of(page, "text/plain"), POLICY);
            let page = fetch_plain(site, name, "/.well-known/mta-sts.txt");
            assert_eq!(page.status, 301, "{page:?}");
        }
        for name in &NAMES[2..] {
            let page = text_of(fetch(site, name, "/mail/config-v1.1.xml"), "text/xml");
            assert!(page.contains("<port>993</port>"), "{page}");
            let plain = text_of(fetch_plain(site, name, "/mail/config-v1.1.xml"), "text/xml");
            assert_eq!(plain, page);
        }
        let page = fetch(site, HOST, "/");
        assert_eq!(
            (page.status, page.header("location")),
            (302, Some("https://mail.example.org/setup"))
        );
        let page = text_of(fetch(site, HOST, "/setup"), "text/html; charset=utf-8");
        assert!(page.contains("<svg") && page.contains("993 with SSL/TLS"), "{page}");
        let profile = fetch(site, HOST, "/setup/mail.mobileconfig");
        let profile = text_of(profile, "application/x-apple-aspen-config");
        assert!(profile.contains("EmailTypeIMAP"), "{profile}");
        // What is not declared is not shown.
        for path in ["/autoconfig.xml", "/setup/", "/.well-known/acme-challenge/", "/index.html"] {
            assert_eq!(fetch(site, HOST, path).status, 404, "{path}");
        }
    });
}

#[test]
fn a_domain_that_comes_later_gets_its_certificates_from_the_web_server() {
    on_bare_sites(|site| {
        let debian = site.debian();
        site.dns.publish(published(debian, &[&[HOST], &NAMES[..]].concat()));
        let one = yaml("web: true\n").replace("[example.org, example.net]", "[example.org]");
        site.wish(&one.replace("sales@example.net", "sales"));
        let _ = site.apply();
        let first = site.pebble.orders();
        site.wish(&yaml("web: true\n"));
        let _ = site.apply();
        // The timer comes soon after the run.
        let tls = Tls::trusting(&site.pebble.root_pem(), NAMES[1]);
        let page = wait_for("the certificate of the domain", || {
            let stream = debian.connect(443).ok()?;
            Page::fetch(stream, Some(&tls), NAMES[1], "/.well-known/mta-sts.txt").ok()
        });
        assert_eq!(text_of(page, "text/plain"), POLICY);
        assert_eq!(site.pebble.orders(), first + 2);
        let left = debian.run(&["ls", "-A", "/var/lib/mailprov-web/acme"]).success();
        assert_eq!(left.stdout(), "");
        nothing_to_do(debian, "ordered");
    });
}
