//! Days, weeks and changes of mind: nothing gets lost.

use std::collections::BTreeSet;
use std::thread;

use crate::common::{
    CATCHING, Letter, ONLY_THOMAS, REFUSING, STRANGER, Server, Spec, password_of, servers,
};
use crate::support::wait_for;

#[test]
fn of_200_mails_at_once_none_is_lost_and_none_arrives_twice() {
    for server in servers(REFUSING) {
        let sent: BTreeSet<String> = thread::scope(|scope| {
            let senders: Vec<_> = (0..20)
                .map(|_| {
                    scope.spawn(|| {
                        let mut smtp = server.stranger();
                        let mut send = |_| {
                            let letter = Letter::new();
                            let reply = smtp.send(STRANGER, &["anna@example.org"], letter.bytes());
                            reply.unwrap().expect_code(250);
                            letter.token().to_owned()
                        };
                        (0..10).map(&mut send).collect::<Vec<_>>()
                    })
                })
                .collect();
            senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
        });
        assert_eq!(sent.len(), 200);
        server.settle();
        let mails = server.imap("anna").messages("INBOX").unwrap();
        assert_eq!(mails.len(), 200);
        let subject = |mail: &Vec<u8>| {
            let text = String::from_utf8_lossy(mail).into_owned();
            let line = text.lines().find_map(|line| line.strip_prefix("Subject: "));
            line.unwrap().to_owned()
        };
        let arrived: BTreeSet<String> = mails.iter().map(subject).collect();
        assert_eq!(arrived, sent);
    }
}

#[test]
fn mail_that_waits_survives_a_restart_and_a_reboot() {
    for mut server in servers(REFUSING) {
        let _ = server.debian.run(&["systemctl", "disable", "--now", "dovecot"]).success();
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        let waits = |server: &Server| {
            let queue = server.debian.run(&["postqueue", "-p"]).success().stdout();
            assert!(!queue.contains("Mail queue is empty"), "{queue}");
            queue.contains("anna@example.org") && queue.contains("connect to")
        };
        wait_for("Postfix to see that Dovecot is gone", || waits(&server).then_some(()));
        let _ = server.debian.run(&["systemctl", "restart", "postfix"]).success();
        server.debian.reboot();
        assert!(waits(&server));

        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        let _ = server.debian.run(&["postqueue", "-f"]).success();
        server.settle();
        assert_eq!(server.readers(&letter), ["anna"]);
    }
}

#[test]
fn a_rebooted_server_serves_and_has_nothing_left_to_do() {
    for mut server in servers(CATCHING) {
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
        server.debian.reboot();
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
        assert_eq!(server.imap("anna").select("INBOX").unwrap(), 2);
        let reply =
            server.answer_to_submission("anna", "anna@example.org", "bob@elsewhere.example");
        reply.expect_code(250);
    }
}

/// What the two programs complain about since the box last booted.
fn complaints(server: &Server) -> Vec<String> {
    let is_complaint = |line: &&str| {
        let line = line.to_lowercase();
        let ours = ["postfix", "dovecot", "mailprov"].iter().any(|name| line.contains(name));
        // While Postfix reads its settings again, one process of it asks another that ends; it
        // asks once more a second later.
        let is_in_passing = line.contains("problem talking to service rewrite");
        let is_bad = ["warning", "error", "fatal", "panic"].iter().any(|word| line.contains(word));
        ours && is_bad && !is_in_passing
    };
    server.debian.journal().lines().filter(is_complaint).map(str::to_owned).collect()
}

#[test]
fn a_days_work_leaves_no_warning_and_no_error_in_the_log() {
    for mut server in servers(CATCHING) {
        // Not the log of how the box came to be.
        server.debian.reboot();
        for to in ["anna@example.org", "info@example.net", "nobody@example.org", "postmaster"] {
            assert_eq!(server.reached_by(to).len(), 1, "{to}");
        }
        for mut smtp in [server.submission("thomas"), server.submissions("thomas")] {
            let letter = Letter::new();
            let to = ["anna@example.org", "auser3@example.org"];
            let reply = smtp.send("info@example.org", &to, letter.bytes()).unwrap();
            reply.expect_code(250);
            server.settle();
            assert_eq!(server.readers(&letter), ["anna", "auser3"]);
            smtp.quit().unwrap().expect_code(221);
        }
        server.answer_to("bob@elsewhere.example").expect_code(554);
        server.answer_to_submission("anna", "thomas@example.org", "anna@example.org");

        let mut pop3 = server.pop3("anna");
        pop3.delete(1).unwrap();
        pop3.quit().unwrap();
        let mut imap = server.imap("anna");
        imap.select("INBOX").unwrap();
        imap.move_to(1, "Trash").unwrap().ok().unwrap();
        imap.append("Sent", Letter::new().bytes()).unwrap().ok().unwrap();
        imap.idle(|| server.receive(&["anna@example.org"], &Letter::new())).unwrap();
        imap.logout().unwrap();

        let _ = server.debian.shell("echo done | /usr/sbin/sendmail root").success();
        server.settle();
        let _ = server.debian.run(&["systemctl", "reload", "postfix"]).success();
        assert_eq!(server.reached_by("auser3@example.org"), ["auser3"]);
        let complaints = complaints(&server);
        assert!(complaints.is_empty(), "{complaints:#?}");
        // A complaint would have been seen.
        let _ = server.debian.run(&["systemd-cat", "-t", "postfix/test", "echo", "warning: !"]);
        wait_for("a complaint", || (!self::complaints(&server).is_empty()).then_some(()));
    }
}

#[test]
fn an_account_that_is_removed_and_added_again_has_its_mail() {
    for server in servers(REFUSING) {
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        let server = server.change(ONLY_THOMAS);
        server.answer_to("anna@example.org").expect_code(550);
        let reply = server.anonymous_imap().login("anna", &password_of("anna")).unwrap();
        assert!(!reply.is_ok(), "{reply:?}");

        let server = server.change(REFUSING);
        assert_eq!(server.readers(&letter), ["anna"]);
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
    }
}

#[test]
fn a_host_that_gets_another_name_keeps_its_mail() {
    let renamed = Spec {
        yaml: "\
hostname: mx.elsewhere.example
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna}
",
        logins: &["thomas", "anna"],
    };
    for server in servers(REFUSING) {
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        let server = server.change(renamed);
        assert_eq!(server.stranger().greeting().text(), "mx.elsewhere.example ESMTP");
        assert_eq!(server.readers(&letter), ["anna"]);
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
        assert_eq!(server.reached_by("root@mx.elsewhere.example"), ["thomas"]);
        server.answer_to("root@mail.example.org").expect_code(554);
    }
}

#[test]
fn mail_and_settings_survive_new_versions_of_the_packages() {
    for server in servers(REFUSING) {
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        let packages = ["--reinstall", "postfix", "dovecot-core", "dovecot-imapd", "dovecot-lmtpd"];
        server.debian.install(&packages);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        assert_eq!(server.readers(&letter), ["anna"]);
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
    }
}
