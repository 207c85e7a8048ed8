//! Where port 80 is not to be had, and the name has no address, the certificate comes by
//! a record that is there only while the authority looks.

use std::time::{Duration, Instant};

use crate::acme::{Site, hold_port, on_sites, zone};
use crate::common::{REFUSING, mail_yml};
use crate::support::{Knot, Output, Pebble, Tls, wait_for};
use crate::tls::shown;

const SECRET: &str = "/etc/mailprov/dns.secret";

/// The host name whose proof is published under another name.
const ALIAS: &str = "mx.example.org";

#[test]
fn a_name_is_proven_by_a_record_that_is_gone_afterwards() {
    on_sites(
        |pebble| pebble.asking(Knot::ADDRESS),
        |site| {
            let mut knot = Knot::started(site.debian().network());
            let (far, address) = Knot::FAR;
            let zone = zone().address(Knot::HOST, Knot::ADDRESS).address(far, address);
            site.dns.publish(
                zone.alias(&format!("_acme-challenge.{ALIAS}"), "_acme-challenge.mail.example.org"),
            );
            let held = hold_port(site.debian(), 80);
            let said = it_comes_with_one_order(site, &knot);
            let said = [said, each_refusal_is_told(site, &mut knot)].concat();
            it_comes_by_an_alias(site, &knot);
            let _ = held.kill();
            the_secret_stays_secret(site, &knot, &said);
        },
    );
}

/// Asks for a certificate of a host name.
fn wish(site: &Site, hostname: &str, key: &str, secret: &str) {
    let server = Knot::HOST;
    let directory = Pebble::DIRECTORY;
    let dns = format!("{{server: {server}, key: {key}, password_file: dns.secret}}");
    let tls = format!("tls: {{acme: {{directory: \"{directory}\", dns: {dns}}}}}\n");
    let yaml = REFUSING.yaml.replace("mail.example.org", hostname);
    site.debian().write(SECRET, format!("{secret}\n"), 0o600);
    site.wish(&mail_yml(&[&yaml[..], &tls].concat()));
}

fn it_comes_with_one_order(site: &Site, knot: &Knot) -> Vec<Output> {
    wish(site, "mail.example.org", Knot::KEY, knot.secret());
    let debian = site.debian();
    let mut said = vec![debian.mailprov(&["plan", "-v"]).success()];
    said.push(debian.mailprov(&["plan", "--json", "--out", "/root/plan"]).success());
    let start = Instant::now();
    said.push(site.apply());
    // The server of the zone to which there is no way is not waited for.
    assert!(start.elapsed() < Duration::from_secs(100), "after {:?}", start.elapsed());
    let _ = site.issued();
    assert_eq!(site.pebble.orders(), 1);
    site.assert_check(None);
    assert_no_proof(knot);
    said
}

/// Serves a certificate of the host's own meanwhile.
fn each_refusal_is_told(site: &Site, knot: &mut Knot) -> Vec<Output> {
    wish(site, ALIAS, Knot::KEY, &Knot::another_secret());
    let output = site.apply();
    assert!(output.stderr().contains("has another secret of the key mail-acme"), "{output}");
    site.assert_self_signed(ALIAS);
    let mut said = vec![output];
    let mut renew = |words: &str| {
        let output = site.renew();
        assert!(!output.is_success() && output.stderr().contains(words), "{words}: {output}");
        said.push(output);
    };
    for key in ["no-such-key", Knot::POWERLESS] {
        wish(site, ALIAS, key, knot.secret());
        renew(&format!(
            "ns.example.org:53 does not know the key {key}, or does not let it change the TXT \
             records of _acme-challenge.mail.example.org"
        ));
    }
    knot.stop();
    wish(site, ALIAS, Knot::KEY, knot.secret());
    renew("the name server ns.example.org:53 does not answer: Connection refused");
    knot.start();
    said
}

fn it_comes_by_an_alias(site: &Site, knot: &Knot) {
    let _ = site.renew().success();
    let tls = Tls::trusting(&site.pebble.root_pem(), ALIAS);
    wait_for("the certificate of the other name", || shown(&site.server, &tls).ok());
    assert_no_proof(knot);
    // The timer has all the rights for it.
    let _ = site.debian().shell("rm /var/lib/mailprov/acme/*.issued").success();
    let orders = site.pebble.orders();
    let _ = site.turn();
    assert_eq!(site.pebble.orders(), orders + 1);
    assert!(site.debian().shell("ls /var/lib/mailprov/acme/*.issued").is_success());
    assert_no_proof(knot);
}

#[track_caller]
fn assert_no_proof(knot: &Knot) {
    let records = knot.records();
    assert!(records.contains(" SOA ") && !records.contains(" TXT "), "{records}");
}

/// It is in its file, and in nothing else.
fn the_secret_stays_secret(site: &Site, knot: &Knot, said: &[Output]) {
    let debian = site.debian();
    let secret = knot.secret();
    for output in said {
        assert!(!output.to_string().contains(secret), "the secret is told");
    }
    assert!(!debian.journal().contains(secret), "the secret is in the journal");
    let find = ["grep", "-rlF", "-e", secret, "/etc", "/root", "/tmp", "/var"];
    assert_eq!(debian.run(&find).stdout(), format!("{SECRET}\n"));
}
