//! What mail programs expect of a mailbox.

use crate::common::{Letter, REFUSING, STRANGER, Spec, servers};
use crate::support::{Imap, Suite, wait_for};

const SPECIAL: [&str; 5] = ["Drafts", "Sent", "Junk", "Trash", "Archive"];

#[test]
fn special_folders_exist_are_marked_and_are_subscribed() {
    for server in servers(REFUSING) {
        let mut imap = server.imap("anna");
        let (list, subscribed) = (imap.list().unwrap(), imap.lsub().unwrap());
        for name in SPECIAL {
            let is_it = |line: &&String| line.trim_end_matches('"').ends_with(name);
            let line = list.iter().find(is_it).unwrap_or_else(|| panic!("{list:?}"));
            assert!(line.contains(&format!("\\{name}")), "{line}");
            assert!(subscribed.iter().any(|line| is_it(&line)), "{subscribed:?}");
            assert_eq!(imap.select(name).unwrap(), 0);
        }
        assert!(imap.select("Elsewhere").is_err());
    }
}

#[test]
fn idle_tells_of_new_mail_at_once() {
    for server in servers(REFUSING) {
        let mut imap = server.imap("anna");
        assert_eq!(imap.select("INBOX").unwrap(), 0);
        let news = imap.idle(|| server.receive(&["anna@example.org"], &Letter::new())).unwrap();
        assert_eq!(news, "* 1 EXISTS");
    }
}

#[test]
fn mails_can_be_moved_sorted_and_named_by_uid() {
    for server in servers(REFUSING) {
        let mut imap = server.imap("anna");
        let capabilities = imap.capabilities().unwrap();
        for capability in ["IDLE", "UIDPLUS", "MOVE", "SORT", "SPECIAL-USE"] {
            assert!(capabilities.iter().any(|word| word == capability), "{capabilities:?}");
        }
        let sizes = [2000, 3000, 1000];
        let letters = sizes.map(|size| Letter::saying(&b"x\r\n".repeat(size)));
        for letter in &letters {
            let reply = imap.append("INBOX", letter.bytes()).unwrap().ok().unwrap();
            assert!(reply.text.contains("[APPENDUID "), "{}", reply.text);
        }
        assert_eq!(imap.select("INBOX").unwrap(), 3);
        assert_eq!(imap.sort("SIZE").unwrap(), [3, 1, 2]);
        assert_eq!(imap.sort("REVERSE SIZE").unwrap(), [2, 1, 3]);

        let reply = imap.move_to(2, "Archive").unwrap().ok().unwrap();
        assert!(reply.untagged.iter().any(|line| line.text.contains("COPYUID")), "{reply:?}");
        assert_eq!(imap.select("INBOX").unwrap(), 2);
        assert_eq!(imap.messages("Archive").unwrap(), [letters[1].bytes()]);
    }
}

#[test]
fn a_household_behind_one_address_can_stay_connected() {
    for server in servers(REFUSING) {
        let sessions: Vec<Imap> = (0..30).map(|_| server.imap("anna")).collect();
        for mut imap in sessions {
            assert_eq!(imap.select("INBOX").unwrap(), 0);
        }
    }
}

#[test]
fn a_quota_is_shown_and_holds() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna, quota: 1MiB}
",
        logins: &["thomas", "anna"],
    };
    for server in servers(REFUSING) {
        let server = server.change(spec);
        let mut imap = server.imap("anna");
        let shown = imap.quota().unwrap().join("\n");
        assert!(shown.contains("STORAGE 0 1024"), "{shown}");
        let unlimited = server.imap("thomas").quota().unwrap().join("\n");
        assert!(!unlimited.contains("STORAGE"), "{unlimited}");

        let big = Letter::saying(&b"0123456789\r\n".repeat(10 * 1024));
        let mut refused = None;
        for taken in 0..20 {
            // As all servers do, with the size in front.
            let mut smtp = server.stranger();
            let mail = format!("MAIL FROM:<a@example.org> SIZE={}", big.bytes().len());
            smtp.command(&mail).unwrap().expect_code(250);
            let reply = smtp.rcpt("anna@example.org").unwrap();
            if !reply.is_positive() {
                refused = Some((taken, reply));
                break;
            }
            smtp.data(big.bytes()).unwrap().expect_code(250);
            server.settle();
        }
        let (taken, reply) = refused.expect("a full mailbox is refused");
        assert_eq!(reply.code, 552, "{reply}");
        // 120 KiB each.
        assert!((7..=8).contains(&taken), "{taken}");
        // The person was told in time, by a mail that counts, too.
        let told = || server.search("anna", "FROM postmaster@example.org");
        let told = wait_for("the warning", || Some(told()).filter(|it| !it.is_empty()));
        let [warning] = &told[..] else { panic!("{} warnings", told.len()) };
        let warning = String::from_utf8_lossy(warning);
        for line in [
            "Subject: Your mailbox is 80 % full",
            "Return-Path: <>",
            "d=example.org;",
            "is 80 % full.",
        ] {
            assert!(warning.contains(line), "no `{line}`: {warning}");
        }
        let all = imap.select("INBOX").unwrap();
        assert_eq!(all, taken + 1);

        // However the full mailbox is spelt, and no other.
        let announce = |sender: &str, to: &str| {
            let mut smtp = server.stranger();
            smtp.command(&format!("MAIL FROM:<{sender}> SIZE=200000")).unwrap().expect_code(250);
            smtp.rcpt(to).unwrap().code
        };
        for to in ["ANNA@example.net", "anna+tag@example.org"] {
            assert_eq!(announce("a@example.org", to), 552, "{to}");
        }
        assert_eq!(announce("a@example.org", "thomas@example.org"), 250);
        let reply = imap.append("INBOX", &b"x\r\n".repeat(100_000)).unwrap();
        assert!(reply.text.contains("[OVERQUOTA]"), "{reply:?}");

        for number in (1..=all).rev() {
            imap.delete(number).unwrap().ok().unwrap();
        }
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
    }
}

#[test]
fn a_full_mailbox_is_refused_whatever_leads_to_it_and_nothing_bounces() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, quota: 1MiB}
  anna: {password: HASH-anna, quota: 1MiB, aliases: [a.smith, \"o'brien\", sales@example.net]}
  carl: {password: HASH-carl, quota: 1MiB}
  bert: {password: HASH-bert}
catch_all: {example.org: thomas}
forwards:
  team@example.org: [anna, thomas]
  some@example.org: [anna, bert]
  one@example.org: a.smith
  anna@example.net: bob@elsewhere.example
system_mail: thomas
",
        logins: &["thomas", "anna", "carl", "bert"],
    };
    for server in servers(REFUSING) {
        let server = server.change(spec);
        let listed = server.debian.run(&["doveadm", "user", "*"]).success().stdout();
        assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), spec.logins);

        // What the host itself writes is always kept.
        let big = Letter::saying(&b"0123456789\r\n".repeat(120 * 1024));
        for name in ["anna@example.org", "thomas@example.org"] {
            let sendmail = ["/usr/sbin/sendmail", "-i", name];
            let _ = server.debian.run_with_input(&sendmail, big.bytes()).success();
        }
        server.settle();
        assert_eq!(server.readers(&big), ["thomas", "anna"]);
        for to in [
            "anna@example.org",
            "a.smith@example.org",
            "A.Smith+tag@example.net",
            "o'brien@example.org",
            "sales@example.net",
            "one@example.org",
            "team@example.org",
            "nobody-here@example.org",
            "sales+x@example.org",
            "postmaster@example.net",
            "root@mail.example.org",
        ] {
            let reply = server.answer_to(to);
            assert_eq!(reply.code, 552, "{to}: {reply}");
            let reply = server.answer_to_submission("bert", "bert@example.org", to);
            assert_eq!(reply.code, 552, "{to}: {reply}");
        }
        for to in ["some@example.org", "bert@example.org", "carl@example.net", "anna@example.net"] {
            assert_eq!(server.answer_to(to).code, 250, "{to}");
        }

        // A mail whose size nobody announced.
        let reply = server.stranger().send(STRANGER, &["carl@example.org"], big.bytes()).unwrap();
        let kept = server.debian.suite() == Suite::Bookworm;
        assert_eq!(reply.code, if kept { 250 } else { 552 }, "{reply}");
        server.settle();
        assert_eq!(server.readers(&big).contains(&"carl"), kept, "{reply}");
        if !kept {
            server.receive(&["carl@example.org", "bert@example.org"], &big);
        }
        server.receive(&["some@example.org", "bert@example.org"], &big);
        server.settle();
        assert_eq!(server.answer_to("carl@example.org").code, 552);
        assert!(!server.debian.journal().contains("non-delivery notification"));
    }
}
