//! Mail that is forwarded to another host: it leaves with a sender of ours, nothing
//! else of it is changed, and reports about it find the way back.

use std::collections::BTreeMap;

use super::agent::nothing_to_do;
use super::common::{Letter, REFUSING, STRANGER, Server, Spec};
use super::dkim::records;
use crate::support::{Dns, Judgement, Suite, Zone, judge, wait_for};

const OURS: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
forwards:
  club@example.org: [eve@elsewhere.example]
  gone@example.org: [nobody@elsewhere.example]
",
    logins: &["thomas"],
};

const THEIRS: Spec = Spec {
    yaml: "\
hostname: mx.elsewhere.example
domains: [elsewhere.example]
accounts:
  bob: {password: HASH-bob}
  eve: {password: HASH-eve}
",
    logins: &["bob", "eve"],
};

/// What eve's server says while she is away, also to mail for the club.
const AWAY: &str = "require [\"vacation\"];\r\n\
                    vacation :days 1 :addresses [\"club@example.org\"] \"I am in the mountains.\";\r\n";

/// Our server, and another one with two people: bob writes to ours, which forwards
/// his mail to eve.
struct World {
    ours: Server,
    theirs: Server,
    texts: BTreeMap<String, String>,
    _dns: Dns,
}

impl World {
    /// Makes them, with some lines more in the mail.yml of ours and theirs.
    fn new(lines: [&str; 2], suite: Suite) -> Self {
        let other = Suite::ALL.into_iter().find(|other| *other != suite).unwrap();
        let ours = Server::start(REFUSING, suite);
        let theirs = ours.neighbour(REFUSING, other);
        let dns = zone(&ours, &theirs, &BTreeMap::new());
        let (ours, theirs) =
            (ours.change_with(OURS, lines[0]), theirs.change_with(THEIRS, lines[1]));
        drop(dns);
        let mut texts = records(&ours.debian);
        texts.extend(records(&theirs.debian));
        let dns = zone(&ours, &theirs, &texts);
        Self { ours, theirs, texts, _dns: dns }
    }

    /// Has bob write to an address of ours.
    #[track_caller]
    fn bob_writes(&self, to: &str) -> Letter {
        let letter = Letter::saying("Grüße aus der Ferne.\r\n".as_bytes());
        let text = String::from_utf8_lossy(letter.bytes());
        let text = text.replace(STRANGER, "bob@elsewhere.example");
        let letter = letter.with_bytes(text.replace("somebody@example.org", to).as_bytes());
        let mut smtp = self.theirs.submission("bob");
        let reply = smtp.send("bob@elsewhere.example", &[to], letter.bytes()).unwrap();
        reply.expect_code(250);
        letter
    }

    /// Hands a stranger's mail to ours.
    #[track_caller]
    fn comes(&self, from: &str, to: &str, letter: &Letter) {
        let reply = self.ours.stranger().send(from, &[to], letter.bytes()).unwrap();
        reply.expect_code(250);
    }

    /// Waits for a mail, and returns it.
    #[track_caller]
    fn arrives(&self, server: &Server, login: &str, criteria: &str) -> String {
        let mail = wait_for(criteria, || {
            self.ours.settle();
            self.theirs.settle();
            server.search(login, criteria).pop()
        });
        String::from_utf8(mail).unwrap()
    }

    #[track_caller]
    fn reaches_eve(&self, letter: &Letter) -> String {
        self.arrives(&self.theirs, "eve", &format!("SUBJECT {}", letter.token()))
    }
}

fn zone(ours: &Server, theirs: &Server, texts: &BTreeMap<String, String>) -> Dns {
    let zone = Zone::default()
        .host("mail.example.org", ours.debian.addresses())
        .mx("example.org", "mail.example.org")
        .host("mx.elsewhere.example", theirs.debian.addresses())
        .mx("elsewhere.example", "mx.elsewhere.example");
    let zone = texts.iter().fold(zone, |zone, (name, text)| zone.text(name, text));
    zone.serve(ours.debian.network(), &[&ours.debian, &theirs.debian])
}

/// The sender of the envelope, as Dovecot notes it.
fn sender(mail: &str) -> &str {
    let line = mail.lines().find_map(|line| line.strip_prefix("Return-Path: <"));
    line.unwrap().trim_end().trim_end_matches('>')
}

/// Whether a mail has one signature, that of its first sender, and it holds.
#[track_caller]
fn is_as_signed(mail: &str, world: &World) {
    let found = judge(mail.as_bytes(), &world.texts);
    let [Judgement { valid: true, domain, .. }] = &found[..] else { panic!("{found:?}\n{mail}") };
    assert_eq!(domain, "elsewhere.example");
}

#[test]
fn forwarded_mail_has_a_sender_of_ours_and_reports_find_back() {
    for suite in Suite::ALL {
        let world = World::new(["srs: true\n", ""], suite);
        let debian = &world.ours.debian;
        nothing_to_do(debian, "with SRS");
        let ways = debian.mailprov(&["explain"]).success().stdout();
        assert!(ways.contains("Mail that is forwarded to another host"), "{ways}");
        let check =
            debian.mailprov(&["check", "--only", "configuration,relay", "--json"]).success();
        assert!(check.stdout().contains("\"postsrsd.running\""), "{check}");
        let secret = "stat -c '%U:%G %a' /etc/srs.secret; sha256sum /etc/srs.secret";
        let made = debian.shell(secret).success().stdout();
        assert!(made.starts_with("root:root 600\n"), "{made}");

        let letter = world.bob_writes("club@example.org");
        let mail = world.reaches_eve(&letter);
        let rewritten = sender(&mail).to_owned();
        assert!(rewritten.starts_with("SRS0="), "{mail}");
        assert!(rewritten.ends_with("=elsewhere.example=bob@mail.example.org"), "{mail}");
        is_as_signed(&mail, &world);

        // Nothing is completed in it, and no sender stays none.
        let bare = Letter::new();
        let text = String::from_utf8_lossy(bare.bytes());
        let text =
            text.lines().filter(|line| !line.starts_with("Date:") && !line.starts_with("To:"));
        let bare = bare
            .clone()
            .with_bytes(text.map(|line| format!("{line}\r\n")).collect::<String>().as_bytes());
        world.comes("", "club@example.org", &bare);
        let mail = world.reaches_eve(&bare);
        assert_eq!(sender(&mail), "");
        assert!(!mail.contains("\nDate:") && !mail.contains("\nTo:"), "{mail}");

        // A sender that is too long for one of ours stays, and goes around once, too.
        let letter = Letter::new();
        let long = format!("{}@elsewhere.example", "x".repeat(60));
        world.comes(&long, "club@example.org", &letter);
        let mail = world.reaches_eve(&letter);
        assert!(mail.matches("\nReceived: from mail.example.org (").count() <= 2, "{mail}");

        // What stays here and what is ours keeps its sender.
        let letter = world.bob_writes("thomas@example.org");
        let subject = format!("SUBJECT {}", letter.token());
        let mail = world.arrives(&world.ours, "thomas", &subject);
        assert_eq!(sender(&mail), "bob@elsewhere.example");
        let letter = Letter::new();
        world.comes("thomas@example.org", "club@example.org", &letter);
        assert_eq!(sender(&world.reaches_eve(&letter)), "thomas@example.org");

        // Reports: of ours, of theirs, and none to an address that was not made here.
        let letter = world.bob_writes("gone@example.org");
        let bounce = world.arrives(
            &world.theirs,
            "bob",
            &format!("FROM MAILER-DAEMON TEXT {}", letter.token()),
        );
        assert!(bounce.contains("nobody@elsewhere.example"), "{bounce}");
        for report_to in [rewritten.clone(), rewritten.to_lowercase()] {
            let report = Letter::new();
            world.comes("", &report_to, &report);
            let subject = format!("SUBJECT {}", report.token());
            assert_eq!(sender(&world.arrives(&world.theirs, "bob", &subject)), "");
        }
        let forged = rewritten.replace("=bob@", "=eve@");
        for forged in [forged.as_str(), "SRS0=x@mail.example.org", "SRS0@mail.example.org"] {
            world.ours.answer_to(forged).expect_code(550);
        }

        // While eve is away, her server answers bob by the way that his mail came.
        let mut sieve = world.theirs.managesieve("eve");
        sieve.activate("away", AWAY).unwrap();
        let letter = world.bob_writes("club@example.org");
        let _ = world.reaches_eve(&letter);
        let _ = world.arrives(&world.theirs, "bob", "FROM club TEXT mountains");

        // While postsrsd is down, other mail goes on, and this waits.
        let _ = debian.run(&["systemctl", "stop", "postsrsd"]).success();
        let waiting = world.bob_writes("club@example.org");
        let letter = world.bob_writes("thomas@example.org");
        let subject = format!("SUBJECT {}", letter.token());
        wait_for("other mail", || world.ours.search("thomas", &subject).pop());
        wait_for("the mail in the queue", || {
            let queue = debian.run(&["postqueue", "-p"]).stdout();
            queue.contains("451 4.3.0").then_some(())
        });
        let check = debian.mailprov(&["check", "--only", "configuration", "--json"]).stdout();
        assert!(check.contains("\"postsrsd.running\"") && check.contains("wrong"), "{check}");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let _ = debian.run(&["postqueue", "-f"]).success();
        assert!(sender(&world.reaches_eve(&waiting)).starts_with("SRS0="));

        // Switched off, nothing is left but the secret, which stays in any case.
        let World { ours, theirs, texts, _dns } = world;
        let ours = ours.change_with(OURS, "srs: false\n");
        let world = World { ours, theirs, texts, _dns };
        let debian = &world.ours.debian;
        nothing_to_do(debian, "without SRS");
        let left = debian.shell(
            "ls -d /etc/default/postsrsd /etc/systemd/system/postsrsd.service.d; pgrep postsrsd; \
             systemctl is-enabled postsrsd; ss -Htln | grep 1000; postconf -M srs/unix; \
             postconf -nH recipient_canonical_maps sender_dependent_default_transport_maps",
        );
        assert_eq!(left.stdout(), "disabled\n");
        let letter = world.bob_writes("club@example.org");
        let mail = world.reaches_eve(&letter);
        assert_eq!(sender(&mail), "bob@elsewhere.example");
        is_as_signed(&mail, &world);
        let _ = debian.mailprov(&["rollback", "2", "--purge", "--yes"]).success();
        assert!(!debian.run(&["test", "-e", "/usr/sbin/postsrsd"]).is_success());
        assert_eq!(debian.shell(secret).success().stdout(), made);
    }
}
