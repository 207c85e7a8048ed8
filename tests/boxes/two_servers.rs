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
        .serve(org.debian.network(), &[&org.debian, &elsewhere.debian]);
    let org = org.change(OURS);
    for server in [&org, &elsewhere] {
        // Postfix runs chrooted, with a copy of the resolver's configuration.
        let _ = server.debian.run(&["systemctl", "restart", "postfix"]).success();
    }
    (org, elsewhere, dns)
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

#[test]
fn all_outgoing_mail_can_go_through_a_relay_that_wants_a_password() {
    let relay = "\
relay:
  host: \"[mx.elsewhere.example]:587\"
  username: bob
  password_file: /root/relay.secret
";
    // A provider that lets its customer use any sender.
    let generous = "extra: {postfix: {mua_sender_restrictions: permit_sasl_authenticated}}\n";
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair(generous, suite);
        org.debian.write("/root/relay.secret", password_of("bob") + "\n", 0o600);
        let org = org.change_with(ONLY_THOMAS, relay);
        let thomas = (&org, "thomas", "thomas@example.org");
        let letter = send(thomas, "bob@elsewhere.example", &elsewhere);
        assert_eq!(elsewhere.readers(&letter), ["bob"]);
        let journal = elsewhere.debian.journal();
        assert!(journal.contains("sasl_method=PLAIN, sasl_username=bob"), "{journal}");
        let mail = elsewhere.copies("bob", &letter).remove(0);
        assert!(String::from_utf8_lossy(&mail).contains("using TLSv1.3"));

        // Without the password nothing is sent, and nothing is lost.
        org.debian.write("/root/relay.secret", "wrong\n", 0o600);
        let org = org.change_with(ONLY_THOMAS, relay);
        let letter = Letter::new();
        let mut smtp = org.submission("thomas");
        let to = ["bob@elsewhere.example"];
        smtp.send("thomas@example.org", &to, letter.bytes()).unwrap().expect_code(250);
        wait_for("the relay's refusal", || {
            let queue = org.debian.run(&["postqueue", "-p"]).stdout();
            queue.contains("SASL authentication failed").then_some(())
        });
        assert!(elsewhere.readers(&letter).is_empty());
    }
}
