//! Mail that leaves is signed, by keys that are made once and changed in order.
//! Another server receives it, and dkimpy and authheaders judge the signatures.

use std::collections::BTreeMap;
use std::thread;

use serde_json::Value;

use super::agent::nothing_to_do;
use super::common::{Letter, REFUSING, STRANGER, Server, Spec, mail_yml};
use super::over_ssh::{self, Laptop};
use crate::support::{Debian, Dns, Judgement, Smtp, Suite, Zone, dmarc, judge, seals, wait_for};

const OURS: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, aliases: [info, sales@example.net]}
forwards:
  club@example.org: [bob@elsewhere.example]
dmarc: reject
",
    logins: &["thomas"],
};

const THEIRS: Spec = Spec {
    yaml: "\
hostname: mx.elsewhere.example
domains: [elsewhere.example]
accounts:
  bob: {password: HASH-bob}
",
    logins: &["bob"],
};

/// The filter of a person who is away.
const AWAY: &str = "require [\"vacation\"];\r\nvacation :days 1 \"I am in the mountains.\";\r\n";

const BOB: &str = "bob@elsewhere.example";

/// Our server, another one to which it sends, and what is published.
struct World {
    ours: Server,
    theirs: Server,
    texts: BTreeMap<String, String>,
    _dns: Dns,
}

impl World {
    /// Makes them, ours with some lines more in its mail.yml.
    fn new(lines: &str, suite: Suite) -> Self {
        let other = Suite::ALL.into_iter().find(|other| *other != suite).unwrap();
        let ours = Server::start(REFUSING, suite);
        let theirs = ours.neighbour(REFUSING, other);
        let dns = zone(&ours, &theirs, &BTreeMap::new());
        let (ours, theirs) = (ours.change_with(OURS, lines), theirs.change(THEIRS));
        drop(dns);
        let texts = records(&ours.debian);
        let dns = zone(&ours, &theirs, &texts);
        Self { ours, theirs, texts, _dns: dns }
    }

    /// Publishes what our server wants published now.
    fn publish(self) -> Self {
        let Self { ours, theirs, texts: _, _dns } = self;
        drop(_dns);
        let texts = records(&ours.debian);
        let dns = zone(&ours, &theirs, &texts);
        Self { ours, theirs, texts, _dns: dns }
    }

    /// Waits for a mail at bob's.
    #[track_caller]
    fn arrived(&self, of: &str, criteria: &str) -> Vec<u8> {
        wait_for(of, || {
            self.ours.settle();
            self.theirs.settle();
            found(&self.theirs, "bob", criteria)
        })
    }

    /// Waits for a mail at bob's, and returns the signatures in it.
    #[track_caller]
    fn signatures(&self, of: &str, criteria: &str) -> Vec<Judgement> {
        judge(&self.arrived(of, criteria), &self.texts)
    }

    /// Submits a mail to bob, which arrives and meets our DMARC policy. Returns the
    /// signatures in it.
    #[track_caller]
    fn sent(&self, mut smtp: Smtp, from: &str) -> Vec<Judgement> {
        let letter = from_thomas(from);
        smtp.send(from, &[BOB], letter.bytes()).unwrap().expect_code(250);
        let mail = self.arrived(from, &subject(&letter));
        let results = dmarc(&mail, &self.texts);
        for words in ["dkim=pass", "dmarc=pass", "policy.dmarc=reject"] {
            assert!(results.contains(words), "{from}: {results}");
        }
        judge(&mail, &self.texts)
    }

    /// Submits a mail of thomas to bob, and returns the signatures in it.
    #[track_caller]
    fn sent_by_thomas(&self, from: &str) -> Vec<Judgement> {
        self.sent(self.ours.submission("thomas"), from)
    }
}

/// Finds a mail, be it in Junk: a filter may take a forged one for spam.
fn found(server: &Server, login: &str, criteria: &str) -> Option<Vec<u8>> {
    let mut imap = server.imap(login);
    ["INBOX", "Junk"].into_iter().find_map(|folder| {
        imap.select(folder).ok()?;
        let number = *imap.search(criteria).unwrap().first()?;
        Some(imap.fetch(number).unwrap())
    })
}

/// Searches for a letter.
fn subject(letter: &Letter) -> String {
    format!("SUBJECT {}", letter.token())
}

fn from_thomas(from: &str) -> Letter {
    let letter = Letter::new();
    let text = String::from_utf8_lossy(letter.bytes()).replace(STRANGER, from);
    letter.with_bytes(text.as_bytes())
}

/// The texts that `mailprov dns` wants in the DNS, by name.
pub(super) fn records(debian: &Debian) -> BTreeMap<String, String> {
    let lines = debian.mailprov(&["dns", "--json"]).success().stdout();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let texts = lines.filter(|line| line["type"] == "TXT");
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    texts.map(|it| (text(&it["name"]).trim_end_matches('.').into(), text(&it["value"]))).collect()
}

fn zone(ours: &Server, theirs: &Server, texts: &BTreeMap<String, String>) -> Dns {
    let zone = Zone::default()
        .host("mail.example.org", ours.debian.addresses())
        .mx("example.org", "mail.example.org")
        .mx("example.net", "mail.example.org")
        .host("mx.elsewhere.example", theirs.debian.addresses())
        .mx("elsewhere.example", "mx.elsewhere.example");
    let zone = texts.iter().fold(zone, |zone, (name, text)| zone.text(name, text));
    zone.serve(ours.debian.network(), &[&ours.debian, &theirs.debian])
}

/// The selector of a domain's key that signs.
fn selector(debian: &Debian, domain: &str) -> String {
    let files = debian.shell(&format!("ls /etc/dkim/{domain}.*.key | tail -1")).success().stdout();
    files.trim().trim_end_matches(".key").rsplit_once('.').unwrap().1.to_owned()
}

fn valid(domain: &str, selector: &str) -> Vec<Judgement> {
    vec![Judgement { valid: true, domain: domain.into(), selector: selector.into() }]
}

/// What `mailprov check` finds of mail and DNS.
fn findings(debian: &Debian) -> Vec<Value> {
    let check = debian.mailprov(&["check", "--only", "mail,dns", "--json"]).stdout();
    check.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verdicts<'f>(findings: &'f [Value], id: &str) -> Vec<&'f str> {
    let of_id = findings.iter().filter(|it| it["id"] == id);
    of_id.map(|it| it["verdict"].as_str().unwrap()).collect()
}

#[test]
fn mail_of_people_and_of_this_host_is_signed_and_no_other() {
    signs("", "opendkim");
}

#[test]
fn where_a_spam_filter_runs_it_signs_by_the_same_keys() {
    signs("spam: true\n", "_rspamd");
}

/// Writes to bob as a program on the host does.
#[track_caller]
fn sent_by_program(debian: &Debian, from: &str, arguments: &str) -> Letter {
    let letter = Letter::new();
    let line = format!(
        "printf 'From: {from}\\nTo: {BOB}\\nSubject: {}\\n\\nHello\\n' | \
         /usr/sbin/sendmail {arguments} {BOB}",
        letter.token()
    );
    let _ = debian.shell(&line).success();
    letter
}

/// Sends in all ways there are, where this group may read the keys.
fn signs(lines: &str, group: &str) {
    for suite in Suite::ALL {
        let world = World::new(lines, suite);
        let debian = &world.ours.debian;
        let month = debian.run(&["date", "-u", "+m%Y%m"]).stdout();
        let (org, net) = (selector(debian, "example.org"), selector(debian, "example.net"));
        assert_eq!((org.as_str(), &org), (month.trim(), &net));
        let modes = debian.shell("stat -c '%U:%G %a' /etc/dkim /etc/dkim/*.key").stdout();
        let key = format!("root:{group} 640\n");
        assert_eq!(modes, format!("root:root 755\n{key}{key}"));
        let opendkim = debian.run(&["pgrep", "opendkim"]).is_success();
        assert_eq!(opendkim, group == "opendkim");

        for (from, domain) in [
            ("thomas@example.org", "example.org"),
            ("info+shop@example.org", "example.org"),
            ("sales@example.net", "example.net"),
        ] {
            assert_eq!(world.sent_by_thomas(from), valid(domain, &org), "{from}");
        }
        let on_465 = world.sent(world.ours.submissions("thomas"), "thomas@example.org");
        assert_eq!(on_465, valid("example.org", &org));

        // Programs of this host, whose names are completed with the host's.
        for (argument, domain) in [("-f root@example.org", "example.org"), ("", "mail.example.org")]
        {
            let from = argument.split(' ').nth(1).unwrap_or("root");
            let letter = sent_by_program(debian, from, argument);
            assert_eq!(world.signatures(from, &subject(&letter)), valid(domain, &org), "{from}");
        }

        // What a person's absence note says. The filter lets none go out to a stranger
        // that it does not know.
        if group == "opendkim" {
            let note = absence_note(&world);
            assert_eq!(note, valid("example.org", &org));
        }

        // A report of what could not be delivered, to a stranger.
        let letter = Letter::new();
        let text =
            String::from_utf8_lossy(letter.bytes()).replace(STRANGER, "bob@elsewhere.example");
        let letter = letter.with_bytes(text.as_bytes());
        let _ = debian.shell("postconf -e 'mailbox_size_limit=0' 'virtual_transport=error:it is full' && postfix reload");
        world
            .ours
            .stranger()
            .send("bob@elsewhere.example", &["thomas@example.org"], letter.bytes())
            .unwrap()
            .expect_code(250);
        let bounce = world.signatures("the bounce", "FROM MAILER-DAEMON");
        assert_eq!(bounce, valid("mail.example.org", &org));
        let _ = debian.mailprov(&["apply", "--yes"]).success();

        // Of strangers nothing is signed, whatever they say.
        let letter = from_thomas("thomas@example.org");
        world.ours.receive(&["club@example.org"], &letter);
        assert_eq!(world.signatures("the forward", &subject(&letter)), []);
        world.ours.receive(&["thomas@example.org"], &letter);
        world.ours.settle();
        let mail = found(&world.ours, "thomas", &subject(&letter)).unwrap();
        assert_eq!(judge(&mail, &world.texts), []);
        is_sealed(&world, group == "_rspamd");

        let found = findings(debian);
        assert_eq!(verdicts(&found, "mail.signed"), ["ok"], "{found:?}");
        assert_eq!(verdicts(&found, "dns.dkim"), ["ok", "ok", "ok"], "{found:?}");
        nothing_to_do(debian, "with keys");
        let world = if group == "_rspamd" { signs_twice(world, lines) } else { world };
        outlasts_a_power_cut(world, group, &org);
    }
}

/// Has bob write to thomas, who is away, and returns the signatures of the answer.
fn absence_note(world: &World) -> Vec<Judgement> {
    world.ours.managesieve("thomas").activate("away", AWAY).unwrap();
    let letter = Letter::with_header("To: thomas@example.org\r\n", b"Hello.\r\n");
    let text = String::from_utf8_lossy(letter.bytes()).replace(STRANGER, BOB);
    let mut smtp = world.theirs.submission("bob");
    smtp.send(BOB, &["thomas@example.org"], text.as_bytes()).unwrap().expect_code(250);
    world.signatures("the absence note", "TEXT mountains")
}

/// Cuts the power while mail waits: one that is signed, for a server that is away, and
/// one of a program, for the signer.
fn outlasts_a_power_cut(mut world: World, group: &str, selector: &str) {
    let signer = group.trim_start_matches('_');
    let stat = format!(
        "cd /var/spool/postfix; stat -c '%n %F %U:%G %a' /etc/dkim /etc/dkim/* {signer} {signer}/* \
         private/* public/* maildrop /var/lib/rspamd-learn /var/lib/rspamd-learn/*; id postfix"
    );
    let state = |world: &World| world.ours.debian.shell(&stat).stdout();
    let before = state(&world);
    assert!(before.contains(&format!("{signer}/milter.sock socket")), "{before}");

    world.theirs.debian.firewall(&["tcp dport 25 reject with tcp reset"]);
    let mut smtp = world.ours.submission("thomas");
    let signed = from_thomas("thomas@example.org");
    smtp.send("thomas@example.org", &[BOB], signed.bytes()).unwrap().expect_code(250);
    drop(smtp);
    let queue = || world.ours.debian.run(&["postqueue", "-j"]).stdout();
    wait_for("a try", || queue().contains("refused").then_some(()));
    let _ = world.ours.debian.run(&["systemctl", "stop", signer]).success();
    let unsigned = sent_by_program(&world.ours.debian, "root@example.org", "-f root@example.org");
    let waiting = world.ours.debian.shell("ls /var/spool/postfix/maildrop");
    assert_eq!(waiting.stdout().lines().count(), 1, "{waiting}");

    world.ours.debian.power_cut();
    world.theirs.debian.firewall(&[]);
    world.ours.debian.boot();
    wait_for("the same sockets", || (state(&world) == before).then_some(()));
    nothing_to_do(&world.ours.debian, "after a power cut");
    let _ = world.ours.debian.run(&["postqueue", "-f"]).success();
    for letter in [signed, unsigned] {
        let found = world.signatures("the mail that waited", &subject(&letter));
        assert_eq!(found, valid("example.org", selector));
    }
}

/// An Ed25519 key signs as well while mail.yml asks for it, and changes with the other.
fn signs_twice(world: World, lines: &str) -> World {
    let change = |world: World, more: &str| {
        let World { ours, theirs, texts, _dns } = world;
        let ours = ours.change_with(OURS, &[lines, more].concat());
        World { ours, theirs, texts, _dns }
    };
    // For a second after a reload, the former process of the filter may still sign.
    let selectors = |world: &World, is_wanted: &dyn Fn(&[String]) -> bool| -> Vec<String> {
        wait_for("these keys", || {
            let found = world.sent_by_thomas("sales@example.net");
            assert!(found.iter().all(|it| it.valid && it.domain == "example.net"), "{found:?}");
            let mut found: Vec<_> = found.into_iter().map(|it| it.selector).collect();
            found.sort();
            is_wanted(&found).then_some(found)
        })
    };
    let is_ok = |debian: &Debian, records: usize| {
        let found = findings(debian);
        assert_eq!(verdicts(&found, "mail.signed"), ["ok"], "{found:?}");
        assert_eq!(verdicts(&found, "dns.dkim"), vec!["ok"; records], "{found:?}");
        nothing_to_do(debian, "with two keys");
    };
    let world = change(world, "dkim: {ed25519: true}\n").publish();
    let debian = &world.ours.debian;
    let modes = debian.shell("stat -c '%U:%G %a %s' /etc/dkim/ed25519/*").success().stdout();
    assert_eq!(modes, "root:_rspamd 640 45\n".repeat(2));
    let keys = "sha256sum /etc/dkim/ed25519/*";
    let made = debian.shell(keys).success().stdout();
    let before = selectors(&world, &|found| found.len() == 2);
    assert!(before[0].starts_with('e') && before[1].starts_with('m'), "{before:?}");
    is_ok(debian, 6);

    // A key that the signer cannot read is missed: the other signature is there.
    let key = format!("/etc/dkim/ed25519/example.org.{}.key", before[0]);
    let _ = debian.shell(&format!("chgrp root {key} && systemctl restart rspamd")).success();
    let verdict = wait_for("a judgement", || {
        let found = findings(debian);
        verdicts(&found, "mail.signed").first().map(|it| (*it).to_owned())
    });
    assert_eq!(verdict, "wrong");
    let _ = debian.mailprov(&["apply", "--yes"]).success();

    let rotate = ["dkim", "rotate", "example.net", "--yes"];
    let _ = debian.mailprov(&[&rotate[..], &["--no-wait"]].concat()).success();
    let waiting = debian.shell("ls /etc/dkim/*.next /etc/dkim/ed25519/*.next").success().stdout();
    assert_eq!(waiting.lines().count(), 2, "{waiting}");
    let world = world.publish();
    let debian = &world.ours.debian;
    let output = debian.mailprov(&rotate).success();
    assert!(output.to_string().contains("The new key signs."), "{output}");
    let after = selectors(&world, &|found| found[0] > before[0]);
    assert!(after[1] > before[1] && after.len() == 2, "{after:?}");

    let world = change(world, "");
    let _ = selectors(&world, &|found| *found == after[1..]);
    is_ok(&world.ours.debian, 4);
    assert!(world.ours.debian.shell(keys).stdout().contains(&made[..64]));
    world
}

/// Mail that is forwarded says what was found of it, where that is looked at: by a seal
/// that others can verify, also when it comes by us twice. Mail of ours has none.
fn is_sealed(world: &World, by_filter: bool) {
    let seals = |mail: &[u8]| {
        let (state, count, why) = seals(mail, &world.texts);
        assert!(count == 0 || state == "pass", "{why}\n{}", String::from_utf8_lossy(mail));
        count
    };
    let letter = Letter::new();
    // As a mailing list sends it: the envelope has another domain than From:.
    let mut smtp = world.ours.stranger();
    let reply = smtp.send("list@elsewhere.example", &["club@example.org"], letter.bytes());
    reply.unwrap().expect_code(250);
    let subject = format!("SUBJECT {}", letter.token());
    let forwarded = wait_for("the forward", || {
        world.ours.settle();
        found(&world.theirs, "bob", &subject)
    });
    assert_eq!(seals(&forwarded), usize::from(by_filter));
    let mut smtp = world.ours.stranger();
    let reply = smtp.send("list@elsewhere.example", &["sales@example.net"], &forwarded);
    reply.unwrap().expect_code(250);
    let twice = wait_for("the mail", || found(&world.ours, "thomas", &subject));
    assert_eq!(seals(&twice), 2 * usize::from(by_filter));
    let own = from_thomas("thomas@example.org");
    let mut smtp = world.ours.submission("thomas");
    smtp.send("thomas@example.org", &[BOB], own.bytes()).unwrap().expect_code(250);
    let subject = format!("SUBJECT {}", own.token());
    let own = wait_for("own mail", || found(&world.theirs, "bob", &subject));
    assert_eq!(seals(&own), 0);
}

#[test]
fn a_new_key_signs_once_its_record_is_published() {
    for suite in Suite::ALL {
        let world = World::new("", suite);
        let debian = &world.ours.debian;
        let old = selector(debian, "example.org");
        let rotate = ["dkim", "rotate", "example.org", "--yes"];
        let _ = debian.mailprov(&["dkim", "rotate", "example.com"]).exits(64);

        // The record is printed, and the former key goes on.
        let output = debian.mailprov(&[&rotate[..], &["--no-wait"]].concat()).success();
        let waiting = debian.shell("ls /etc/dkim/*.next").success().stdout();
        let new = waiting.trim().trim_end_matches(".next").rsplit_once('.').unwrap().1.to_owned();
        for name in ["example.org", "mail.example.org"] {
            assert!(output.stdout().contains(&format!("{new}._domainkey.{name}.")), "{output}");
        }
        assert!(old < new, "{old} {new}");
        assert_eq!(world.sent_by_thomas("thomas@example.org"), valid("example.org", &old));
        nothing_to_do(debian, "while a key waits");
        let found = findings(debian);
        assert_eq!(verdicts(&found, "dns.dkim_next"), ["warning"; 2], "{found:?}");
        // Stopped at any time, here or at the machine that it was asked from, it goes on
        // with the same key.
        over_ssh::let_in(debian);
        let laptop = Laptop::beside(debian);
        let host = over_ssh::root_at(debian);
        let from_afar = [&rotate[..], &["--on", &host]].concat();
        for (machine, argv) in [(debian, &rotate[..]), (&laptop.debian, &from_afar)] {
            let line = format!("exec mailprov {} >/root/out 2>&1", argv.join(" "));
            let process = machine.spawn(&["sh", "-c", &line]);
            let is_waiting =
                || machine.shell("cat /root/out").stdout().contains("Waiting until it does");
            wait_for("the wait", || is_waiting().then_some(()));
            let _ = process.kill();
            let is_over = || !debian.run(&["pgrep", "-x", "mailprov"]).is_success();
            wait_for("its end", || is_over().then_some(()));
            assert_eq!(debian.shell("ls /etc/dkim/*.next").success().stdout(), waiting);
        }
        assert_eq!(world.sent_by_thomas("thomas@example.org"), valid("example.org", &old));

        let world = world.publish();
        let debian = &world.ours.debian;
        assert!(world.texts.contains_key(&format!("{new}._domainkey.example.org")));
        // Nothing leaves unsigned meanwhile.
        let sender = thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let all = (0..20).map(|_| {
                    let letter = from_thomas("thomas@example.org");
                    let mut smtp = world.ours.submission("thomas");
                    let to = ["bob@elsewhere.example"];
                    let reply = smtp.send("thomas@example.org", &to, letter.bytes()).unwrap();
                    (reply.expect_code(250), letter).1
                });
                all.collect::<Vec<_>>()
            });
            let output = laptop.mailprov(&from_afar).success();
            assert!(output.to_string().contains("The new key signs."), "{output}");
            sending.join().unwrap()
        });
        for letter in sender {
            let found = world.signatures("a mail", &subject(&letter));
            assert!(found[0].valid && found.len() == 1, "{found:?}");
        }
        assert_eq!(world.sent_by_thomas("thomas@example.org"), valid("example.org", &new));
        assert_eq!(world.sent_by_thomas("sales@example.net"), valid("example.net", &old));
        nothing_to_do(debian, "after the change of keys");
        let found = findings(debian);
        assert_eq!(verdicts(&found, "dns.dkim"), ["ok"; 5], "{found:?}");
        assert_eq!(verdicts(&found, "mail.signed"), ["ok"], "{found:?}");

        // A week later the former record is no longer asked for.
        let _ = debian.shell("touch -d '-8 days' /etc/dkim/example.org.*.key").success();
        let former = format!("{old}._domainkey.example.org");
        assert!(!records(debian).contains_key(&former));
    }
}

#[test]
fn a_signer_that_is_down_loses_no_mail_and_lets_none_go_unsigned() {
    for suite in Suite::ALL {
        let world = World::new("", suite);
        let debian = &world.ours.debian;
        let org = selector(debian, "example.org");
        let _ = debian.run(&["systemctl", "stop", "opendkim"]).success();
        let letter = from_thomas("thomas@example.org");
        let mut smtp = world.ours.stranger();
        let reply = smtp.send("bob@elsewhere.example", &["thomas@example.org"], letter.bytes());
        assert_eq!(reply.unwrap().code / 100, 4);
        let letter = sent_by_program(debian, "root@example.org", "-f root@example.org");
        let check = debian.mailprov(&["check", "--only", "configuration", "--json"]).stdout();
        assert!(check.contains("\"opendkim.running\"") && check.contains("wrong"), "{check}");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let found = world.signatures("the mail of root", &subject(&letter));
        assert_eq!(found, valid("example.org", &org));
        // Nobody but Postfix speaks with it.
        let socket = "/var/spool/postfix/opendkim/milter.sock";
        let tried = debian.run(&[
            "setpriv",
            "--reuid=nobody",
            "--clear-groups",
            "perl",
            "-e",
            &format!(
                "use IO::Socket::UNIX; print IO::Socket::UNIX->new(Peer => '{socket}') ? 'in' : $!"
            ),
        ]);
        assert!(tried.stdout().contains("Permission denied"), "{tried}");
    }
}

#[test]
fn a_key_outlives_a_rollback_and_what_is_switched_off_leaves_nothing() {
    for suite in Suite::ALL {
        let server = Server::start(REFUSING, suite);
        let keys = "sha256sum /etc/dkim/*.key";
        let made = server.debian.shell(keys).success().stdout();
        let yaml = [REFUSING.yaml, "dkim: false\n"].concat();
        let debian = server.debian.mail_yml(&mail_yml(&yaml)).apply();
        nothing_to_do(&debian, "without signatures");
        let left = debian.shell(
            "ls -d /etc/opendkim* /etc/systemd/system/opendkim* /var/spool/postfix/opendkim; \
             pgrep opendkim; postconf -h smtpd_milters non_smtpd_milters",
        );
        assert_eq!(left.stdout(), "\n\n");
        assert_eq!(debian.shell(keys).success().stdout(), made);
        let server = Server::of(debian, REFUSING);
        let letter = from_thomas("thomas@example.org");
        let mut smtp = server.submission("thomas");
        let reply = smtp.send("thomas@example.org", &["anna@example.org"], letter.bytes());
        reply.unwrap().expect_code(250);
        server.settle();
        assert_eq!(judge(&server.copies("anna", &letter)[0], &BTreeMap::new()), []);

        // On again, and taken back altogether.
        let debian = server.debian.mail_yml(&mail_yml(REFUSING.yaml)).apply();
        nothing_to_do(&debian, "with signatures again");
        assert_eq!(debian.shell(keys).success().stdout(), made);
        let _ = debian.mailprov(&["rollback", "1", "--yes"]).success();
        assert_eq!(debian.shell(keys).success().stdout(), made);
        let debian = debian.apply();
        assert_eq!(debian.shell(keys).success().stdout(), made);
        moves(&debian, &made);
    }
}

/// Moves the server to a host of the other release, by the files of a backup: what is
/// published stays right.
fn moves(old: &Debian, keys: &str) {
    let suite = Suite::ALL.into_iter().find(|other| *other != old.suite()).unwrap();
    let texts = records(old);
    let backup = ["tar", "-C", "/", "-c", "etc/dkim", "etc/mailprov", "etc/ssl/mail"];
    let backup = old.run(&backup).success();
    let new = Debian::with_mail_packages(suite);
    let restore = ["tar", "-C", "/", "-x"];
    let _ = new.run_with_input(&restore, backup.stdout_bytes()).success();
    let new = new.apply();
    nothing_to_do(&new, "after the move");
    assert_eq!(new.shell("sha256sum /etc/dkim/*.key").success().stdout(), keys);
    let modes = new.shell("stat -c '%U:%G %a' /etc/dkim/*.key").stdout();
    assert_eq!(modes, "root:opendkim 640\n".repeat(2));
    assert_eq!(records(&new), texts);
    let zone = texts.iter().fold(Zone::default(), |zone, (name, text)| zone.text(name, text));
    let _dns = zone.serve(new.network(), &[&new]);
    let found = findings(&new);
    assert_eq!(verdicts(&found, "dns.dkim"), ["ok"; 3], "{found:?}");
}
