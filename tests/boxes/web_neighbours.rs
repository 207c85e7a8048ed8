//! The web side beside what a person has on ports 80 and 443 already: sites in nginx or in
//! Apache answer as before, and another program is named before anything is changed.

use std::thread;

use crate::acme::{ACME, SERVICE, Site, hold_port, on_sites, zone};
use crate::agent::nothing_to_do;
use crate::common::{REFUSING, Server, mail_yml};
use crate::support::{Algorithm, Authority, Debian, Page, Suite, Tls, Wire, wait_for};
use crate::web::{HOST, NAMES, POLICY, fetch, fetch_plain, published, text_of, yaml};

/// The name of the person's site.
const OWN: &str = "own.example.org";

/// A web server with a site of a person's, as the first by its name.
struct Neighbour {
    package: &'static str,
    folder: &'static str,
    site: &'static str,
    text: &'static str,
    /// Enables the site, and leaves Debian's own out.
    enable: &'static str,
}

const NGINX: Neighbour = Neighbour {
    package: "nginx",
    folder: "/etc/nginx",
    site: "/etc/nginx/sites-available/mysite",
    text: "\
server {
    listen 80;
    listen [::]:80;
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name own.example.org;
    ssl_certificate /etc/ssl/own/chain.pem;
    ssl_certificate_key /etc/ssl/own/key.pem;
    root /var/www/mysite;
}
",
    enable: "rm /etc/nginx/sites-enabled/default && \
             ln -s /etc/nginx/sites-available/mysite /etc/nginx/sites-enabled/mysite",
};

const APACHE: Neighbour = Neighbour {
    package: "apache2",
    folder: "/etc/apache2",
    site: "/etc/apache2/sites-available/mysite.conf",
    text: "\
<VirtualHost *:80>
    ServerName own.example.org
    DocumentRoot /var/www/mysite
</VirtualHost>
<VirtualHost *:443>
    ServerName own.example.org
    DocumentRoot /var/www/mysite
    SSLEngine on
    SSLCertificateFile /etc/ssl/own/chain.pem
    SSLCertificateKeyFile /etc/ssl/own/key.pem
</VirtualHost>
",
    // The site needs one of the modules that ours needs.
    enable: "a2enmod --quiet ssl && a2dissite --quiet 000-default && a2ensite --quiet mysite",
};

impl Neighbour {
    /// Sets it up in a box.
    fn install(&self, debian: &Debian) {
        debian.install(&[self.package]);
        let authority = Authority::new();
        let issued = authority.issue(&[OWN], Algorithm::Ec);
        debian.write("/etc/ssl/own/chain.pem", issued.chain_pem(), 0o644);
        debian.write("/etc/ssl/own/key.pem", issued.key_pem(), 0o600);
        debian.write("/var/www/mysite/index.html", "a site of mine\n", 0o644);
        // Of a page that has just been written, Apache says that it may still change (ETag).
        let old = ["touch", "--date=@1700000000", "/var/www/mysite/index.html"];
        let _ = debian.run(&old).success();
        debian.write(self.site, self.text, 0o644);
        let _ = debian.shell(self.enable).success();
        let _ = debian.run(&["systemctl", "enable", "--quiet", self.package]).success();
        let _ = debian.run(&["systemctl", "restart", self.package]).success();
        wait_for("the site", || debian.connect(443).ok());
    }

    /// Returns its first process.
    fn process(&self, debian: &Debian) -> String {
        debian.run(&["systemctl", "show", "--property=MainPID", self.package]).stdout()
    }

    /// Returns all that is in its folder, with what the files hold.
    fn files(&self, debian: &Debian) -> String {
        let list = format!(
            "cd {} && find . -printf '%p %y %m %u %l\\n' | sort && \
             find . -type f -print0 | sort -z | xargs -0 sha256sum",
            self.folder
        );
        debian.shell(&list).success().stdout()
    }
}

/// Returns what the server answers to the name of the site, to its address and to a name
/// that no site has, without and with TLS; the latter with the certificate.
fn answers(debian: &Debian) -> Vec<(String, Vec<u8>, Page)> {
    let address = debian.addresses().v4.to_string();
    let mut all = Vec::new();
    for name in [OWN, &address, "unknown.example.net"] {
        for path in ["/", "/.well-known/acme-challenge/x", "/setup", "/mail/config-v1.1.xml"] {
            for port in [80, 443] {
                let tls = (port == 443).then(|| Tls::unverified(name));
                let shown = tls.as_ref().map(|tls| {
                    let wire = Wire::tls(debian.connect(port).unwrap(), tls).unwrap();
                    wire.peer_chain()[0].to_vec()
                });
                let stream = debian.connect(port).unwrap();
                let mut page = Page::fetch(stream, tls.as_ref(), name, path).unwrap();
                page.headers.retain(|(name, _)| name != "date");
                all.push((format!("{name}:{port}{path}"), shown.unwrap_or_default(), page));
            }
        }
    }
    assert!(all[0].2.body == "a site of mine\n", "{all:?}");
    all
}

/// Asserts that all our pages are served, once they are ordered.
fn assert_served(site: &Site) {
    let debian = site.debian();
    let _ = debian.run(&["systemctl", "start", SERVICE]).success();
    for name in [HOST, NAMES[0], NAMES[1], NAMES[2]] {
        wait_for(&format!("the certificate of {name}"), || {
            let tls = Tls::trusting(&site.pebble.root_pem(), name);
            Wire::tls(debian.connect(443).ok()?, &tls).ok()
        });
    }
    for name in &NAMES[..2] {
        let page = fetch(site, name, "/.well-known/mta-sts.txt");
        assert_eq!(text_of(page, "text/plain"), POLICY);
        for path in ["/", "/mail/config-v1.1.xml", "/.well-known/mta-sts.txt/x", "/index.html"] {
            assert_eq!(fetch(site, name, path).status, 404, "{path}");
        }
    }
    let settings = text_of(fetch(site, NAMES[2], "/mail/config-v1.1.xml"), "text/xml");
    let plain = text_of(fetch_plain(site, NAMES[2], "/mail/config-v1.1.xml"), "text/xml");
    assert!(settings.contains("<port>993</port>") && plain == settings, "{settings}");
    let page = fetch_plain(site, NAMES[0], "/a/b?c=d");
    let there = format!("https://{}/a/b?c=d", NAMES[0]);
    assert_eq!((page.status, page.header("location")), (301, Some(&there[..])));
    assert_eq!(fetch_plain(site, HOST, "/.well-known/acme-challenge/x").status, 404);

    let page = fetch(site, HOST, "/");
    assert_eq!(
        (page.status, page.header("location")),
        (302, Some("https://mail.example.org/setup"))
    );
    let page = fetch(site, HOST, "/setup");
    for header in [
        "strict-transport-security",
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
    ] {
        assert!(page.header(header).is_some(), "{header}: {page:?}");
    }
    assert!(text_of(page, "text/html; charset=utf-8").contains("993 with SSL/TLS"));
    let profile = fetch(site, HOST, "/setup/mail.mobileconfig");
    let _ = text_of(profile, "application/x-apple-aspen-config");
    for path in ["/autoconfig.xml", "/setup/", "/setup/index.html", "/icons/", "/index.html"] {
        assert_eq!(fetch(site, HOST, path).status, 404, "{path}");
    }
    // The mail is served with what the authority issued through the web server, too.
    let _ = site.wait_until_issued(&[]);
}

/// Lets the person's site be, with ours and without it again.
fn is_as_before(neighbour: &Neighbour, site: &Site) {
    let debian = site.debian();
    site.dns.publish(published(debian, &[&[HOST], &NAMES[..]].concat()));
    neighbour.install(debian);
    let (process, files) = (neighbour.process(debian), neighbour.files(debian));
    let before = answers(debian);
    let same = |when: &str| {
        assert_eq!(answers(debian), before, "{when}");
        // Its connections live on.
        assert_eq!(neighbour.process(debian), process, "{when}");
        // Our name is one that no site has.
        let page = fetch_plain(site, NAMES[0], "/").body;
        assert_eq!(page == "a site of mine\n", when != "with ours", "{when}: {page}");
    };

    site.wish(&yaml("web: true\n"));
    let _ = site.apply();
    same("with ours");
    assert_served(site);
    same("with ours");
    nothing_to_do(debian, "ordered");

    let _ = debian.mailprov(&["rollback", "--yes"]).success();
    same("after the rollback");
    assert_eq!(neighbour.files(debian), files);

    let _ = site.apply();
    same("with ours");
    site.wish(&yaml(""));
    let _ = site.apply();
    same("without ours");
    assert_eq!(neighbour.files(debian), files);
    // It need not answer at 443 any more.
    let check = debian.mailprov(&["check", "--only", "ports"]);
    assert!(!check.stdout().contains(neighbour.package), "{check}");
}

#[test]
fn a_site_in_nginx_answers_as_before_and_the_web_side_beside_it() {
    on_sites(|pebble| pebble, |site| is_as_before(&NGINX, site));
}

#[test]
fn a_site_in_apache_answers_as_before_and_the_web_side_beside_it() {
    on_sites(|pebble| pebble, |site| is_as_before(&APACHE, site));
}

#[test]
fn another_program_on_port_443_is_named_and_nothing_is_changed() {
    let look = |suite| {
        let server = Server::of(Debian::fresh(suite), REFUSING);
        let site = Site::new(server, |pebble| pebble);
        let debian = site.debian();
        site.dns.publish(zone().host(HOST, debian.addresses()));
        site.wish(&mail_yml(&[REFUSING.yaml, ACME, "web: true\n"].concat()));
        let held = hold_port(debian, 443);
        let before = debian.snapshot();
        for command in [&["plan"][..], &["apply", "--yes"]] {
            let output = debian.mailprov(command).exits(1);
            for words in ["port 443 is held by perl (process ", "kill ", "for `web`"] {
                assert!(output.stderr().contains(words), "{words}: {output}");
            }
        }
        let after = debian.snapshot();
        let own = ["/var/lib/mailprov", "/run", "/var/log", "/var/cache/apt"];
        before.diff(&after).without(&own).without_folder_times(&after).assert_empty();
        assert_eq!(site.pebble.requests(), 0);
        let _ = held.kill();
    };
    thread::scope(|scope| {
        Suite::ALL.into_iter().for_each(|suite| drop(scope.spawn(move || look(suite))));
    });
}
