//! The certificate comes by itself from an authority, once the name leads here and
//! port 80 is free; until then, and whatever the authority says, there is mail, with
//! a certificate of the host's own.

use std::net::Ipv6Addr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use crate::agent::{masters, nothing_to_do, planned_keys};
use crate::common::{Letter, ONLY_THOMAS, REFUSING, Server, mail_yml, password_of};
use crate::renewal::{LIVE, first_of, renew_as_certbot, settle};
use crate::support::{
    Addresses, Algorithm, Authority, Debian, Dns, Imap, Network, Output, Pebble, Process, Suite,
    Tls, Zone, wait_for,
};
use crate::tls::shown;
use crate::well::findings;

const CERTIFICATE: &str = "/etc/ssl/mailprov/mail.pem";
const KEY: &str = "/etc/ssl/mailprov/mail.key";
const CHANGE: &str = "certificate:/etc/ssl/mailprov/mail.pem";

/// Asks the authority of the test.
pub const ACME: &str = "tls: {acme: {directory: \"https://acme.test:14000/dir\"}}\n";

/// What the timer starts.
pub const SERVICE: &str = "mailprov-acme.service";

/// A host with an authority in its network.
pub struct Site {
    pub server: Server,
    pub pebble: Pebble,
    pub dns: Dns,
}

impl Site {
    pub fn new(server: Server, pebble: impl Fn(Pebble) -> Pebble) -> Self {
        let debian = &server.debian;
        let pebble = pebble(Pebble::new(debian.network())).started();
        let dns = zone().serve(debian.network(), &[debian]);
        pebble.trust(debian);
        Self { server, pebble, dns }
    }

    pub fn debian(&self) -> &Debian {
        &self.server.debian
    }

    /// Lets a name lead to this host, and to nothing else.
    fn publish(&self, name: &str) {
        self.dns.publish(zone().host(name, self.debian().addresses()));
    }

    pub fn wish(&self, yaml: &str) {
        self.debian().write("/etc/mailprov/mail.yml", yaml, 0o600);
    }

    /// Applies `mail.yml`, after which there is nothing to do.
    #[track_caller]
    pub fn apply(&self) -> Output {
        let output = self.debian().mailprov(&["apply", "--yes"]).success();
        nothing_to_do(self.debian(), &format!("applied: {output}"));
        self.assert_pair();
        output
    }

    /// Does what the timer does, and returns the journal.
    #[track_caller]
    pub fn turn(&self) -> String {
        let _ = self.debian().run(&["systemctl", "start", SERVICE]).success();
        let _ = self.debian().run(&["journalctl", "--sync"]).success();
        self.debian().journal()
    }

    /// Trusts what the authority issues, and nothing else.
    fn trusting(&self) -> Tls {
        Tls::trusting(&self.pebble.root_pem(), "mail.example.org")
    }

    /// Asserts that the pair is one, in regular files that are closed as they should be,
    /// and so is what is kept.
    #[track_caller]
    fn assert_pair(&self) {
        let debian = self.debian();
        let stat = debian.run(&["stat", "--format=%a %U %G %F", CERTIFICATE, KEY]);
        let expected = "644 root root regular file\n600 root root regular file\n";
        assert_eq!(stat.success().stdout(), expected);
        let public = ["openssl", "x509", "-noout", "-pubkey", "-in", CERTIFICATE];
        let of_key = ["openssl", "pkey", "-pubout", "-in", KEY];
        assert_eq!(
            debian.run(&public).success().stdout(),
            debian.run(&of_key).success().stdout(),
            "certificate and key"
        );
        let open = "find /var/lib/mailprov /etc/ssl/mailprov/*.key -path */originals -prune -o \
                    \\( -perm /077 -o ! -user root \\) -print";
        assert_eq!(debian.shell(open).success().stdout(), "");
    }

    /// Returns the certificate that all ports show, to a client that trusts only the
    /// authority.
    #[track_caller]
    pub fn issued(&self) -> Vec<u8> {
        let all = shown(&self.server, &self.trusting()).unwrap();
        assert!(all.iter().all(|it| *it == all[0]), "ports show several certificates");
        all[0].clone()
    }

    /// Waits until all ports show one of the authority's that is another than this.
    #[track_caller]
    pub fn wait_until_issued(&self, old: &[u8]) -> Vec<u8> {
        wait_for("the issued certificate on every port", || {
            let all = shown(&self.server, &self.trusting()).ok()?;
            let is_new = all.iter().all(|it| *it == all[0] && it != old);
            is_new.then(|| all[0].clone())
        })
    }

    /// Asserts that all ports show the certificate of the file, and that it is the
    /// host's own, for a name.
    #[track_caller]
    pub fn assert_self_signed(&self, name: &str) {
        let text = self.debian().read_text(CERTIFICATE);
        let own = first_of(&text);
        let all = shown(&self.server, &Tls::unverified(name)).unwrap();
        assert!(all.iter().all(|it| *it == own), "not the certificate of the file");
        let verified = shown(&self.server, &Tls::trusting(&text, name));
        assert!(verified.is_ok(), "{:?}", verified.unwrap_err());
    }

    /// Asserts what `check` finds of the certificate.
    #[track_caller]
    pub fn assert_check(&self, chain: Option<&str>) {
        let output = self.debian().mailprov(&["check", "--json", "--only", "tls"]);
        let found = findings(&output);
        let Some(words) = chain else {
            assert!(output.is_success() && found.is_empty(), "{found:#?}\n{output}");
            return;
        };
        let _ = output.exits(1);
        let chain = |it: &String| it.starts_with("tls.chain: wrong: ") && it.contains(words);
        assert!(found.iter().any(chain), "{words}: {found:#?}");
    }

    /// Tries to get a certificate now.
    pub fn renew(&self) -> Output {
        self.debian().run(&["mailprov", "certificate", "renew"])
    }
}

/// Returns a zone with nothing but the authority in it.
pub fn zone() -> Zone {
    Zone::default().host(Pebble::HOST, Network::client())
}

/// Lets `look` at a mail server with a certificate of other origin, and at an authority,
/// on each release.
pub fn on_sites(pebble: impl Fn(Pebble) -> Pebble + Sync, look: impl Fn(&mut Site) + Sync) {
    thread::scope(|scope| {
        for suite in Suite::ALL {
            let (pebble, look) = (&pebble, &look);
            scope.spawn(move || look(&mut Site::new(Server::start(REFUSING, suite), pebble)));
        }
    });
}

#[test]
fn a_bare_host_shows_an_issued_certificate_after_one_apply() {
    let look = |suite| {
        let server = Server::of(Debian::fresh(suite), ONLY_THOMAS);
        let site = Site::new(server, |pebble| pebble);
        site.publish("mail.example.org");
        site.wish(&mail_yml(&[ONLY_THOMAS.yaml, ACME].concat()));
        let _ = site.apply();
        let first = site.issued();
        assert_eq!(site.pebble.orders(), 1);
        site.assert_check(None);
        // Nothing is left on port 80.
        assert!(site.debian().connect(80).is_err());
        assert!(!site.debian().exists("/usr/sbin/nginx"));
        // There and back and there again: it was issued once, and is kept.
        let _ = site.debian().mailprov(&["rollback", "--yes"]).success();
        assert!(!site.debian().exists(CERTIFICATE) && !site.debian().exists(KEY));
        let _ = site.apply();
        assert_eq!(site.issued(), first);
        assert_eq!(site.pebble.orders(), 1);
    };
    thread::scope(|scope| {
        Suite::ALL.into_iter().for_each(|suite| drop(scope.spawn(move || look(suite))));
    });
}

#[test]
fn nothing_is_asked_until_the_name_leads_here_and_then_it_comes_by_itself() {
    on_sites(
        |pebble| pebble,
        |site| {
            certbots_is_served_as_before(site);
            site.wish(&mail_yml(&[REFUSING.yaml, ACME].concat()));
            names_that_lead_elsewhere(site);
            another_program_on_port_80(site);
            it_comes_by_itself(site);
            the_authority_refuses(site);
        },
    );
}

/// Where mail.yml says nothing, certbot's certificate counts if there is one.
fn certbots_is_served_as_before(site: &Site) {
    let debian = site.debian();
    let text = mail_yml(&[REFUSING.yaml, "tls: acme\n"].concat()).replace("tls: acme\n", "");
    site.wish(&text);
    renew_as_certbot(debian, 1, &Authority::new().issue(&["mail.example.org"], Algorithm::Ec));
    let main_cf = "file:/etc/postfix/main.cf".to_owned();
    let keys = planned_keys(debian);
    assert!(keys.contains(&main_cf) && !keys.contains(&CHANGE.to_owned()), "{keys:?}");
    let output = debian.mailprov(&["plan", "-v"]).success().stdout();
    assert!(output.contains(&format!("+ smtpd_tls_key_file = {LIVE}/privkey.pem")), "{output}");
    let _ = debian.run(&["rm", "--recursive", "/etc/letsencrypt"]).success();
    let keys = planned_keys(debian);
    assert!(keys.contains(&main_cf), "{keys:?}");
    assert_eq!(keys.iter().filter(|it| *it == CHANGE).count(), 1, "{keys:?}");
}

/// Says what to publish, and serves a certificate of the host's own.
fn names_that_lead_elsewhere(site: &Site) {
    let mine = site.debian().addresses();
    let record = format!("mail.example.org. A {}", mine.v4);
    let output = site.apply();
    assert!(output.stderr().contains(&record), "{output}");
    site.assert_self_signed("mail.example.org");
    site.assert_check(Some(""));
    // Again, by hand and by the timer.
    let output = site.apply();
    assert!(output.stderr().contains(&record), "{output}");
    assert!(site.turn().contains(&record));
    // One of both is wrong: it is unknown which the authority takes.
    let v6 = Ipv6Addr::from(u128::from(mine.v6) + 100);
    site.dns.publish(zone().host("mail.example.org", Addresses { v6, ..mine }));
    let output = site.apply();
    for words in [v6.to_string(), format!("mail.example.org. AAAA {}", mine.v6)] {
        assert!(output.stderr().contains(&words), "{output}");
    }
    site.assert_self_signed("mail.example.org");
    assert_eq!(site.pebble.requests(), 0);
}

/// Starts a program that listens on a port.
pub fn hold_port(debian: &Debian, port: u16) -> Process {
    let listen = "$s = IO::Socket::INET->new(LocalPort => shift, Listen => 5) or die; sleep 600";
    let held = debian.spawn(&["perl", "-MIO::Socket::INET", "-e", listen, &port.to_string()]);
    wait_for("the port", || debian.connect(port).ok());
    held
}

/// Says which program holds port 80.
fn another_program_on_port_80(site: &Site) {
    site.publish("mail.example.org");
    let held = hold_port(site.debian(), 80);
    let output = site.apply();
    for words in ["port 80", "perl"] {
        assert!(output.stderr().contains(words), "{output}");
    }
    site.assert_self_signed("mail.example.org");
    assert_eq!(site.pebble.requests(), 0);
    let _ = held.kill();
}

/// Brings it with the timer's next turn, and no connection ends.
fn it_comes_by_itself(site: &Site) {
    let debian = site.debian();
    let is = |what: &str| debian.run(&["systemctl", what, "mailprov-acme.timer"]).stdout();
    assert_eq!((is("is-active"), is("is-enabled")), ("active\n".into(), "enabled\n".into()));
    let next = "t=mailprov-acme.timer; next=$(systemctl show --property=NextElapseUSecRealtime \
                --value $t); echo $(($(date --date=\"$next\" +%s) - $(date +%s)))";
    let next: i32 = debian.shell(next).success().stdout().trim().parse().unwrap();
    assert!((0..=90 * 60).contains(&next), "in {next} s");
    let tls = Tls::unverified("mail.example.org");
    let mut imap = Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
    let _ = imap.login("thomas", &password_of("thomas")).unwrap().ok().unwrap();
    let _ = imap.select("INBOX").unwrap();
    let before = masters(debian);
    let news = imap.idle(|| {
        let _ = site.turn();
        let _ = site.wait_until_issued(&[]);
        site.server.receive(&["thomas@example.org"], &Letter::new());
    });
    assert!(news.unwrap().ends_with(" EXISTS"));
    // Left alone, Dovecot would end it within ten seconds of its reload.
    thread::sleep(Duration::from_secs(12));
    assert!(imap.command("NOOP").unwrap().is_ok());
    assert_eq!(masters(debian), before);
    assert_eq!(site.pebble.orders(), 1);
    site.assert_pair();
    settle(&site.server);
    nothing_to_do(debian, "issued");
    site.assert_check(None);
}

/// Says what the authority says, and does not ask again within the hour, except by hand.
fn the_authority_refuses(site: &mut Site) {
    let debian = site.debian();
    site.publish(Pebble::BLOCKED);
    let text = debian.read_text("/etc/mailprov/mail.yml");
    site.wish(&text.replace("mail.example.org", Pebble::BLOCKED));
    let reason = "Order included an identifier for which issuance is forbidden by policy";
    let output = site.apply();
    assert!(output.stderr().contains(reason), "{output}");
    site.assert_self_signed(Pebble::BLOCKED);
    site.assert_check(Some(""));
    let asked = site.pebble.requests();
    let output = site.apply();
    assert!(output.stderr().contains(reason), "{output}");
    let _ = site.turn();
    assert_eq!(site.pebble.requests(), asked);
    let output = site.renew();
    assert!(!output.is_success() && output.stderr().contains(reason), "{output}");
    assert!(site.pebble.requests() > asked);
    // Another name is another matter, whether the authority is up or down.
    site.publish("mx.example.org");
    site.pebble.stop();
    site.wish(&text.replace("mail.example.org", "mx.example.org"));
    let output = site.apply();
    assert!(output.stderr().contains("acme.test") && !output.stderr().contains(reason), "{output}");
    site.assert_self_signed("mx.example.org");
    site.assert_check(Some("minutes"));
    site.pebble.start();
    site.pebble.trust(site.debian());
    let _ = site.renew().success();
    let tls = Tls::trusting(&site.pebble.root_pem(), "mx.example.org");
    wait_for("the certificate of the other name", || shown(&site.server, &tls).ok());
}

#[test]
fn it_is_renewed_when_a_third_of_its_life_is_left() {
    const LIFE: u32 = 60;
    // Nor does it matter that nonces are refused.
    on_sites(
        |pebble| pebble.valid_for(LIFE).rejecting_nonces(50),
        |site| {
            site.publish("mail.example.org");
            site.wish(&mail_yml(&[REFUSING.yaml, ACME].concat()));
            let _ = site.apply();
            let issued = Instant::now();
            let (trusting, first) = (site.trusting(), site.issued());
            let before = masters(site.debian());
            let stamp = || site.debian().run(&["stat", "--format=%z", CERTIFICATE, KEY]).stdout();
            let stamped = stamp();
            let _ = site.turn();
            assert_eq!((site.pebble.orders(), stamp()), (1, stamped), "it was not due yet");
            let due = Duration::from_secs(u64::from(LIFE) * 2 / 3 + 1);
            thread::sleep(due.saturating_sub(issued.elapsed()));
            // It is due, and the timer has not come: nothing is amiss.
            site.assert_check(None);
            // While the authority is down, the old one is served, and it is said when it is
            // tried again.
            site.pebble.stop();
            let output = site.apply();
            assert!(output.stderr().contains("acme.test"), "{output}");
            let said = site.turn();
            for words in ["acme.test", "minutes"] {
                assert!(said.contains(words), "{words}: {said}");
            }
            assert!(shown(&site.server, &trusting).unwrap().iter().all(|it| *it == first));
            let output = site.renew();
            assert!(!output.is_success() && output.stderr().contains("acme.test"), "{output}");
            // It has forgotten the account when it is up again, and is asked in an hour.
            site.pebble.start();
            site.pebble.trust(site.debian());
            let _ = site.turn();
            assert_eq!(site.pebble.orders(), 1);
            let _ = site.renew().success();
            let _ = site.wait_until_issued(&first);
            assert_eq!(site.pebble.orders(), 2);
            assert_eq!(masters(site.debian()), before);
            site.assert_pair();
        },
    );
}

#[cfg(feature = "faults")]
#[test]
fn killed_at_any_moment_the_next_apply_ends_with_a_whole_pair() {
    use crate::provoked::KILLED;

    on_sites(
        // It asks for the proof only once.
        Pebble::reusing_authorizations,
        |site| {
            let debian = site.debian();
            site.publish("mail.example.org");
            site.wish(&mail_yml(&[REFUSING.yaml, ACME].concat()));
            // Right after the order.
            let run = debian.spawn(&["mailprov", "apply", "--yes", "--no-check"]);
            wait_for("the order", || (site.pebble.orders() == 1).then_some(()));
            let _ = run.kill();
            let _ = site.apply();
            let _ = site.issued();
            forget(debian);
            let orders = site.pebble.orders();
            let run = debian.spawn(&["mailprov", "certificate", "renew"]);
            wait_for("the order", || (site.pebble.orders() > orders).then_some(()));
            let _ = run.kill();
            let _ = site.apply();
            // Before each file has its name.
            let mut files = 0;
            loop {
                forget(debian);
                let fault = format!("MAILPROV_FAULT=kill file {}", files + 1);
                let output = debian.run(&["env", &fault, "mailprov", "certificate", "renew"]);
                if output.is_success() {
                    break;
                }
                assert_eq!(output.code(), KILLED, "{output}");
                files += 1;
                let _ = site.apply();
            }
            assert!(files >= 2, "only {files} files were written");
            let _ = site.wait_until_issued(&[]);
            the_key_stays_secret(site);
        },
    );
}

/// Loses the pair that is kept, so that the next one is ordered.
#[cfg(feature = "faults")]
fn forget(debian: &Debian) {
    let _ = debian.shell("rm --force /var/lib/mailprov/acme/*.issued").success();
}

/// Looks for the key in all that is said, run and kept for others.
#[cfg(feature = "faults")]
fn the_key_stays_secret(site: &Site) {
    use std::fs;

    use crate::secrets::watch;

    let debian = site.debian();
    forget(debian);
    let log = tempfile::NamedTempFile::new().unwrap();
    let _ = debian.run(&["mkfifo", "/root/go"]).success();
    let run = debian.spawn(&["sh", "-c", "cat /root/go && exec mailprov certificate renew"]);
    let mut watcher = watch(run.id(), log.path().to_str().unwrap());
    let _ = debian.shell("echo > /root/go").success();
    let output = run.wait().success().to_string();
    let _ = watcher.wait().unwrap();
    let calls = fs::read_to_string(log.path()).unwrap();
    let made: Vec<_> = calls.lines().filter(|it| it.contains("O_CREAT")).collect();
    assert!(made.iter().any(|it| it.contains("/etc/ssl/mailprov")), "{calls}");
    for line in made.iter().filter(|it| it.contains("mailprov")) {
        assert!(line.contains(", 0600) ="), "made for others to read: {line}");
    }
    let key = debian.read_text(KEY);
    let secret = key.lines().find(|line| !line.starts_with('-')).unwrap();
    let journal = debian.journal();
    for (what, text) in [("output", &output), ("what was run", &calls), ("journal", &journal)] {
        assert!(!text.contains(secret), "the key is in {what}");
    }
}

#[test]
fn the_key_that_dns_names_stays_and_is_changed_in_order() {
    on_sites(
        |pebble| pebble,
        |site| {
            let debian = site.debian();
            let key = || debian.read_text(KEY);
            let records = || -> Vec<String> {
                let output = debian.mailprov(&["dns", "--json"]).success();
                let lines = output.stdout();
                let lines = lines.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
                let of_key = lines.filter(|it| it["type"] == "TLSA");
                of_key.map(|it| it["value"].as_str().unwrap().to_owned()).collect()
            };
            let publish = |values: &[String]| {
                let zone = zone().host("mail.example.org", debian.addresses());
                let digest = |it: &String| unhexed(it.strip_prefix("3 1 1 ").unwrap());
                let zone =
                    values.iter().fold(zone, |zone, it| zone.tlsa("mail.example.org", &digest(it)));
                site.dns.publish(zone);
            };
            let judged = || {
                let output = debian.mailprov(&["check", "--json", "--only", "dns"]);
                let found = findings(&output).into_iter().filter(|it| it.starts_with("dns.tlsa"));
                found.collect::<Vec<_>>()
            };
            site.wish(&mail_yml(&[REFUSING.yaml, ACME, "dane: true\n"].concat()));
            let _ = site.apply();
            let (own, first) = (key(), records());
            assert_eq!(first.len(), 1);
            assert!(judged()[0].contains("warning: there is none"), "{:?}", judged());

            // Issued for the key of the self-signed one, which the world knows by now.
            publish(&first);
            let _ = site.renew().success();
            let issued = site.wait_until_issued(&[]);
            // A reload that began before the certificate was there may show it; another follows.
            settle(&site.server);
            let leaf = Certificate::from_der(&issued).unwrap().tbs_certificate;
            let shown = Sha256::digest(leaf.subject_public_key_info.to_der().unwrap());
            assert_eq!(unhexed(first[0].strip_prefix("3 1 1 ").unwrap()), shown.to_vec());
            assert_eq!((key(), records()), (own.clone(), first.clone()));
            assert_eq!(judged(), [""; 0]);
            nothing_to_do(debian, "issued");

            // Another key waits until it is known.
            let new = ["mailprov", "certificate", "renew", "--new-key"];
            let output = debian.run(&new).exits(1);
            let both = records();
            assert!(both.len() == 2 && output.stderr().contains(&both[1]), "{output}");
            assert_eq!((key(), site.pebble.orders()), (own.clone(), 1));
            publish(&both);
            assert!(judged()[0].starts_with("dns.tlsa_next"), "{:?}", judged());
            let _ = debian.run(&new).success();
            let _ = site.wait_until_issued(&issued);
            settle(&site.server);
            assert_ne!(key(), own);
            assert_eq!(records(), both[1..]);
            assert_eq!(judged(), [""; 0]);
            // Servers that know only the former would deliver nothing.
            publish(&first);
            assert!(judged()[0].contains(": wrong: it is 3 1 1 "), "{:?}", judged());
            nothing_to_do(debian, "with another key");
        },
    );
}

fn unhexed(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
