//! The web side: the policy that other servers ask for, the settings that mail programs
//! fetch, and the page for people; beside whatever sites are there already.

use std::thread;

use base64ct::{Base64, Encoding};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::acme::{ACME, Site, zone};
use crate::agent::nothing_to_do;
use crate::common::{REFUSING, Server, mail_yml, password_of};
use crate::from_here::{check as check_from, laptop};
use crate::support::{Debian, Imap, Page, Pop3, Smtp, Suite, Tls, Zone, wait_for};
use crate::well::findings;

pub const HOST: &str = "mail.example.org";

/// The names besides the host's, of which the last is optional.
pub const NAMES: [&str; 4] = [
    "mta-sts.example.org",
    "mta-sts.example.net",
    "autoconfig.example.org",
    "autoconfig.example.net",
];

/// The name of a draft's settings, on request.
const PACC: &str = "ua-auto-config.example.org";

pub const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mail.example.org\nmax_age: 604800\n";

/// Lets these names lead to a box, and that of the authority to the test.
pub fn published(debian: &Debian, names: &[&str]) -> Zone {
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
pub fn fetch(site: &Site, host: &str, path: &str) -> Page {
    let tls = Tls::trusting(&site.pebble.root_pem(), host);
    let stream = site.debian().connect(443).unwrap();
    Page::fetch(stream, Some(&tls), host, path).unwrap()
}

/// Fetches a page without TLS.
#[track_caller]
pub fn fetch_plain(site: &Site, host: &str, path: &str) -> Page {
    Page::fetch(site.debian().connect(80).unwrap(), None, host, path).unwrap()
}

/// Asserts that a page is of a type, and returns its text.
#[track_caller]
pub fn text_of(page: Page, kind: &str) -> String {
    assert_eq!((page.status, page.header("content-type")), (200, Some(kind)), "{page:?}");
    page.body
}

pub fn yaml(more: &str) -> String {
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
            let plain = text_of(fetch_plain(site, name, "/mail/config-v1.1.xml"), "text/xml");
            assert_eq!(plain, page);
        }
        a_mail_program_sets_itself_up(site);
        let page = fetch(site, HOST, "/");
        let setup = "https://mail.example.org/setup";
        assert_eq!((page.status, page.header("location")), (302, Some(setup)));
        let page = text_of(fetch(site, HOST, "/setup"), "text/html; charset=utf-8");
        assert!(page.contains("<svg") && page.contains("993 with SSL/TLS"), "{page}");
        let profile = fetch(site, HOST, "/setup/mail.mobileconfig");
        let profile = text_of(profile, "application/x-apple-aspen-config");
        assert!(profile.contains("EmailTypeIMAP"), "{profile}");
        // What is not declared is not shown.
        for path in ["/autoconfig.xml", "/setup/", "/.well-known/acme-challenge/", "/index.html"] {
            assert_eq!(fetch(site, HOST, path).status, 404, "{path}");
        }
        all_records_are_published(site);
        another_site_hides_ours(site);
        it_is_switched_off(site);
    });
}

/// Tries each port that the settings offer, as a mail program does.
fn a_mail_program_sets_itself_up(site: &Site) {
    let debian = site.debian();
    let text = fetch(site, "autoconfig.example.org", "/mail/config-v1.1.xml").body;
    let value = |part: &str, tag: &str| -> String {
        let (_, rest) = part.split_once(&format!("<{tag}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let tls = Tls::trusting(&site.pebble.root_pem(), HOST);
    let (user, password) = ("thomas@example.net", password_of("thomas"));
    let mut tried = Vec::new();
    for part in text.split("Server type=\"").skip(1) {
        let protocol = part.split_once('"').unwrap().0;
        let port: u16 = value(part, "port").parse().unwrap();
        let socket = value(part, "socketType");
        assert_eq!(value(part, "hostname"), HOST);
        assert_eq!(value(part, "username"), "%EMAILADDRESS%");
        let stream = debian.connect(port).unwrap();
        match (protocol, socket.as_str()) {
            ("imap", "SSL") => log_in(Imap::connect_tls(stream, &tls), user, &password),
            ("imap", "STARTTLS") => log_in(Imap::connect_starttls(stream, &tls), user, &password),
            ("pop3", "SSL") => {
                Pop3::connect_tls(stream, &tls).unwrap().login(user, &password).unwrap()
            }
            ("pop3", "STARTTLS") => {
                Pop3::connect_stls(stream, &tls).unwrap().login(user, &password).unwrap()
            }
            ("smtp", "SSL") => {
                let mut smtp = Smtp::connect_tls(stream, &tls).unwrap();
                let _ = smtp.ehlo().unwrap();
                let _ = smtp.auth_plain(user, &password).unwrap().expect_code(235);
            }
            ("smtp", "STARTTLS") => {
                let mut smtp = Smtp::connect_starttls(stream, &tls).unwrap();
                let _ = smtp.ehlo().unwrap();
                let _ = smtp.auth_plain(user, &password).unwrap().expect_code(235);
            }
            other => panic!("{other:?}"),
        }
        tried.push(port);
    }
    assert_eq!(tried, [993, 143, 995, 110, 465, 587]);
}

#[track_caller]
fn log_in(imap: std::io::Result<Imap>, user: &str, password: &str) {
    let _ = imap.unwrap().login(user, password).unwrap().ok().unwrap();
}

/// Returns the records that the program prints, each with its type, name and value.
fn records(debian: &Debian) -> Vec<[String; 3]> {
    let output = debian.mailprov(&["dns", "--json"]).success().stdout();
    let lines = output.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    let records = lines.filter(|it| it["event"] == "record");
    let text = |it: &Value| it.as_str().unwrap().trim_end_matches('.').to_owned();
    records.map(|it| ["type", "name", "value"].map(|key| text(&it[key]))).collect()
}

/// Publishes what the program prints, and nothing is missing then.
fn all_records_are_published(site: &Site) {
    let debian = site.debian();
    let addresses = debian.addresses();
    let mut zone = zone().host(HOST, addresses).host(PACC, addresses).back(addresses, HOST);
    let all = records(debian);
    for [kind, name, value] in &all {
        zone = match kind.as_str() {
            "TXT" => zone.text(name, value),
            "MX" => zone.mx(name, HOST),
            "SRV" => zone.service(name, value),
            "CNAME" => zone.host(name, debian.addresses()),
            _ => zone,
        };
    }
    let of_web: Vec<_> =
        all.iter().filter(|[kind, ..]| ["CNAME", "SRV"].contains(&&**kind)).collect();
    // Three names that are asked for, and three ports for each of two domains.
    assert_eq!(of_web.len(), 3 + 6, "{of_web:?}");
    let announced = all.iter().filter(|[_, name, _]| name.starts_with("_mta-sts."));
    assert_eq!(announced.count(), 2, "{all:?}");
    site.dns.publish(zone);
    let output = debian.mailprov(&["check", "--json", "--only", "web,dns"]);
    assert_eq!(findings(&output), [""; 0], "{output}");
    // So it looks from another machine.
    let laptop = laptop(&site.server);
    site.pebble.trust(&laptop);
    laptop.write("/etc/resolv.conf", debian.read("/etc/resolv.conf"), 0o644);
    laptop.write("/srv/mail.yml", debian.read("/etc/mailprov/mail.yml"), 0o644);
    let outside = |parts: &str| check_from(&laptop, &["--json", "--only", parts]);
    let output = outside("web");
    assert_eq!(findings(&output), [""; 0], "{output}");
    let _ = debian.run(&["systemctl", "stop", "nginx"]).success();
    let found = findings(&outside("web"));
    assert!(
        found.len() == 5 && found.iter().all(|it| it.contains("could not be reached")),
        "{found:#?}"
    );
    let _ = debian.run(&["systemctl", "start", "nginx"]).success();
}

/// A site that listens at the address alone takes our connections, and is named.
fn another_site_hides_ours(site: &Site) {
    let debian = site.debian();
    let own = debian.addresses().v4;
    let pair = "/etc/ssl/mailprov/mail";
    let text = format!(
        "server {{\n    listen {own}:443 ssl;\n    server_name their.example;\n    \
         ssl_certificate {pair}.pem;\n    ssl_certificate_key {pair}.key;\n}}\n"
    );
    let path = "/etc/nginx/sites-enabled/theirs";
    debian.write(path, text, 0o644);
    // It takes the place of the site for all addresses only at a start.
    let _ = debian.run(&["systemctl", "restart", "nginx"]).success();
    let output = debian.mailprov(&["check", "--json", "--only", "web"]).exits(1);
    let found = findings(&output);
    let named = |it: &String| {
        it.contains("another site answers") && it.contains(&format!("{path}:2 is for this address"))
    };
    assert!(found.iter().filter(|it| named(it)).count() >= 3, "{found:#?}");
    let _ = debian.run(&["rm", path]).success();
    let _ = debian.run(&["systemctl", "restart", "nginx"]).success();
    let output = debian.mailprov(&["check", "--json", "--only", "web"]);
    assert_eq!(findings(&output), [""; 0], "{output}");
}

/// A program knows the file by the digest in the record.
fn the_record_of_pacc_has_the_digest_of_its_file(site: &Site) {
    let tls = Tls::trusting(&site.pebble.root_pem(), PACC);
    let page = wait_for("the certificate of the name", || {
        let stream = site.debian().connect(443).ok()?;
        Page::fetch(stream, Some(&tls), PACC, "/.well-known/user-agent-configuration.json").ok()
    });
    let text = text_of(page, "application/json");
    let settings: Value = serde_json::from_str(&text).unwrap();
    for protocol in ["imap", "pop3", "submit"] {
        assert_eq!(settings["protocols"][protocol]["host"], HOST);
    }
    let digest = Base64::encode_string(&Sha256::digest(&text));
    let wanted = format!("v=UAAC1; a=sha256; d={digest}");
    let all = records(site.debian());
    let record = all.iter().find(|[_, name, _]| name == "_ua-auto-config.example.org");
    assert_eq!(record.unwrap()[2], wanted);
}

/// A policy is withdrawn in order; then nothing is left of the web side.
fn it_is_switched_off(site: &Site) {
    let debian = site.debian();
    let announced = |of: &[[String; 3]]| -> Vec<String> {
        let found = of.iter().filter(|[_, name, _]| name == "_mta-sts.example.org");
        found.map(|[_, _, value]| value.clone()).collect()
    };
    let before = announced(&records(debian));
    site.wish(&yaml("web: {mta_sts: none, pacc: true}\n"));
    let _ = site.apply();
    let _ = site.turn();
    the_record_of_pacc_has_the_digest_of_its_file(site);
    let policy = text_of(fetch(site, NAMES[0], "/.well-known/mta-sts.txt"), "text/plain");
    assert!(policy.contains("mode: none\n"), "{policy}");
    let withdrawn = announced(&records(debian));
    assert!(withdrawn.len() == 1 && withdrawn != before, "{withdrawn:?}");
    let output = debian.mailprov(&["check", "--json", "--only", "dns"]);
    let found = findings(&output);
    assert!(
        found.iter().any(|it| it.starts_with("dns.mta_sts _mta-sts.example.org: wrong")),
        "{found:#?}"
    );
    site.wish(&yaml("web: false\n"));
    let _ = site.apply();
    assert!(debian.connect(80).is_err() && debian.connect(443).is_err());
    let left = debian.shell(
        "ls -d /var/lib/mailprov-web /etc/nginx/sites-*/*mailprov /etc/ssl/mailprov/*.*.* \
         2>/dev/null; true",
    );
    assert_eq!(left.stdout(), "");
    let found = findings(&debian.mailprov(&["check", "--json", "--only", "dns"]));
    assert!(found.iter().any(|it| it.contains("there is no policy to fetch")), "{found:#?}");
}

#[test]
fn a_domain_that_comes_later_gets_its_certificates_from_the_web_server() {
    on_bare_sites(|site| {
        let debian = site.debian();
        // That of the second domain is missing.
        let known = [HOST, NAMES[0], NAMES[2]];
        site.dns.publish(published(debian, &known));
        let one = yaml("web: true\n").replace("[example.org, example.net]", "[example.org]");
        site.wish(&one.replace("sales@example.net", "sales"));
        let _ = site.apply();
        let first = site.pebble.orders();
        assert_eq!(first, 3);
        // A long name has room, too.
        let long = "[example.org, example.net, a-domain-with-a-name-as-long-as-some-are.example]";
        let three = yaml("web: true\nservices: {pop3: false}\n");
        site.wish(&three.replace("[example.org, example.net]", long));
        let _ = site.apply();
        site.wish(&three);
        let _ = site.apply();
        let output = debian.mailprov(&["check", "--json", "--only", "web,tls"]).exits(1);
        let found = findings(&output);
        // The optional name is not asked for.
        let missing = |it: &String| it.contains(NAMES[1]) && it.contains("DNS has no address");
        assert!(found.len() == 1 && found.iter().all(missing), "{found:#?}");
        let output = debian.mailprov(&["dns"]).success();
        let why = "The MTA-STS record of example.net is missing";
        assert!(output.stderr().replace('\n', " ").contains(why), "{output}");
        let all = records(debian);
        let is_announced = |name: &str| all.iter().any(|[_, it, _]| it == name);
        assert!(is_announced("_mta-sts.example.org") && !is_announced("_mta-sts.example.net"));
        // Nothing offers what is not served.
        let text = fetch(site, NAMES[2], "/mail/config-v1.1.xml").body;
        assert!(!text.contains("pop3") && !all.iter().any(|[_, name, _]| name.contains("pop3")));

        site.dns.publish(published(debian, &[&[HOST], &NAMES[..]].concat()));
        let _ = site.turn();
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
        // The timer comes soon after a run that has a name for the web server.
        let timer = debian.read_text("/etc/systemd/system/mailprov-acme.timer");
        assert!(timer.contains("\nOnActiveSec=30s\n"), "{timer}");
    });
}
