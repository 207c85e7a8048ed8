//! Two servers, each with a domain of its own, and the names of both in the
//! DNS.

use crate::common::{Letter, ONLY_THOMAS, REFUSING, Server, Spec, password_of};
use crate::support::{Dns, Suite, Zone, wait_for};

const OURS: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
forwards:
  club@example.org: [bob@elsewhere.example, thomas]
  loop@example.org: [loop@elsewhere.example]
",
    logins: &["thomas"],
};

const THEIRS: Spec = Spec {
    yaml: "\
hostname: mx.elsewhere.example
domains: [elsewhere.example]
accounts:
  bob: {password: HASH-bob}
forwards:
  loop@elsewhere.example: [loop@example.org]
",
    logins: &["bob"],
};

/// Connects a server of each release, the given one ours; theirs with some
/// lines more.
fn pair(theirs: &str, suite: Suite) -> (Server, Server, Dns) {
    let other = Suite::ALL.into_iter().find(|other| *other != suite).unwrap();
    let org = Server::start(REFUSING, suite);
    let elsewhere = org.neighbour(REFUSING, other).change_with(THEIRS, theirs);
    let dns = Zone::default()
        .host("mail.example.org", org.debian.addresses())
        .mx("example.org", "mail.example.org")
        .host("mx.elsewhere.example", elsewhere.debian.addresses())
        .mx("elsewhere.example", "mx.elsewhere.example")
        .host("wrong.elsewhere.example", elsewhere.debian.addresses())
        .serve(org.debian.network(), &[&org.debian, &elsewhere.debian]);
    (org.change(OURS), elsewhere, dns)
}

/// Submits a mail, and waits until both servers have nothing left to do.
#[track_caller]
fn send(from: (&Server, &str, &str), to: &str, other: &Server) -> Letter {
    let (server, login, sender) = from;
    let letter = Letter::new();
    let reply = server.submission(login).send(sender, &[to], letter.bytes()).unwrap();
    reply.expect_code(250);
    server.settle();
    other.settle();
    letter
}

#[test]
fn mail_goes_both_ways_over_tls() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        let thomas = (&org, "thomas", "thomas@example.org");
        let letter = send(thomas, "bob@elsewhere.example", &elsewhere);
        let mail = elsewhere.copies("bob", &letter);
        let text = String::from_utf8_lossy(&mail[0]);
        assert_eq!(mail.len(), 1);
        assert!(
            text.contains("from mail.example.org (") && text.contains("using TLSv1.3"),
            "{text}"
        );

        let bob = (&elsewhere, "bob", "bob@elsewhere.example");
        let letter = send(bob, "thomas@example.org", &org);
        let mail = org.copies("thomas", &letter);
        let text = String::from_utf8_lossy(&mail[0]);
        assert_eq!(mail.len(), 1);
        assert!(text.contains("from mx.elsewhere.example (") && text.contains("using TLSv1.3"));

        // What cannot be delivered comes back to who wrote it.
        let letter = send(thomas, "nobody@elsewhere.example", &elsewhere);
        let bounce = org.search("thomas", &format!("TEXT {}", letter.token()));
        assert!(String::from_utf8_lossy(&bounce[0]).contains("nobody@elsewhere.example"));

        // A forward goes there, and the copy that was asked for stays here.
        let letter = Letter::new();
        org.receive(&["club@example.org"], &letter);
        org.settle();
        elsewhere.settle();
        assert_eq!(
            (org.readers(&letter), elsewhere.readers(&letter)),
            (vec!["thomas"], vec!["bob"])
        );
    }
}

#[test]
fn a_mail_that_two_hosts_send_to_each_other_comes_to_an_end() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        let letter = Letter::new();
        let mut smtp = org.submission("thomas");
        let reply = smtp.send("thomas@example.org", &["loop@example.org"], letter.bytes());
        reply.unwrap().expect_code(250);
        let bounces = wait_for("word of the loop", || {
            let bounces = org.search("thomas", &format!("TEXT {}", letter.token()));
            (!bounces.is_empty()).then_some(bounces)
        });
        let text = String::from_utf8_lossy(&bounces[0]);
        assert!(text.contains("too many hops") || text.contains("mail forwarding loop"), "{text}");
        org.settle();
        elsewhere.settle();
        assert_eq!(org.search("thomas", "ALL").len(), 1);
    }
}

/// A relay at a place that a test names, with its password.
fn relay(at: &str, more: &str) -> String {
    format!("relay: {{host: \"{at}\", username: bob, password_file: /root/relay.secret{more}}}\n")
}

/// Submits a mail, and returns it once so many wait for this reason.
#[track_caller]
fn waits(org: &Server, many: usize, reason: &str) -> Letter {
    let letter = Letter::new();
    let to = ["bob@elsewhere.example"];
    let mut smtp = org.submission("thomas");
    smtp.send("thomas@example.org", &to, letter.bytes()).unwrap().expect_code(250);
    wait_for(reason, || {
        let queue = org.debian.run(&["postqueue", "-p"]).stdout();
        (queue.matches(reason).count() == many).then_some(())
    });
    letter
}

#[test]
fn all_outgoing_mail_can_go_through_a_relay_that_wants_a_password() {
    // A provider that lets its customer use any sender.
    let generous = "extra: {postfix: {mua_sender_restrictions: permit_sasl_authenticated}}\n";
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair(generous, suite);
        org.debian.write("/root/relay.secret", password_of("bob") + "\n", 0o600);
        let had_password = || elsewhere.debian.journal().contains("sasl_username=bob");

        // An authority that this host does not know, then another name than that in
        // the certificate: neither password nor mail.
        let org = org.change_with(ONLY_THOMAS, &relay("[mx.elsewhere.example]:587", ""));
        let one = waits(&org, 1, "Server certificate not");
        let trust = ["tee", "--append", "/etc/ssl/certs/ca-certificates.crt"];
        let _ = org.debian.run_with_input(&trust, Server::root().as_bytes()).success();
        let org = org.change_with(ONLY_THOMAS, &relay("[wrong.elsewhere.example]:587", ""));
        let _ = org.debian.run(&["systemctl", "restart", "postfix"]).success();
        let other = waits(&org, 2, "Server certificate not");
        assert!(!had_password());
        assert!(elsewhere.readers(&one).is_empty() && elsewhere.readers(&other).is_empty());

        // By the MX record of the domain, whose host the certificate is for.
        let mut org = org.change_with(ONLY_THOMAS, &relay("elsewhere.example:587", ""));
        let _ = org.debian.run(&["postqueue", "-f"]).success();
        org.settle();
        elsewhere.settle();
        assert_eq!(elsewhere.readers(&one), ["bob"]);
        assert_eq!(elsewhere.readers(&other), ["bob"]);
        assert!(had_password());

        let any = relay("[wrong.elsewhere.example]:587", ", tls: encrypt");
        for relay in [relay("[mx.elsewhere.example]:465", ""), any] {
            org = org.change_with(ONLY_THOMAS, &relay);
            let thomas = (&org, "thomas", "thomas@example.org");
            let letter = send(thomas, "bob@elsewhere.example", &elsewhere);
            assert_eq!(elsewhere.readers(&letter), ["bob"]);
        }

        // Without the password nothing is sent, and nothing is lost.
        org.debian.write("/root/relay.secret", "wrong\n", 0o600);
        let org = org.change_with(ONLY_THOMAS, &relay("[mx.elsewhere.example]:587", ""));
        let letter = waits(&org, 1, "SASL authentication failed");
        assert!(elsewhere.readers(&letter).is_empty());
    }
}
