//! Somebody reads what is written to the machine itself.

use crate::common::{CATCHING, Letter, REFUSING, Spec, servers};
use crate::support::wait_for;

/// Names that every mail server must or should have.
const ROLES: [&str; 6] = ["root", "postmaster", "abuse", "hostmaster", "webmaster", "Postmaster"];

#[test]
fn the_names_of_rfc_2142_reach_system_mail_in_every_domain() {
    for server in servers(REFUSING) {
        for role in ROLES {
            for domain in ["example.org", "example.net", "mail.example.org"] {
                let to = format!("{role}@{domain}");
                assert_eq!(server.reached_by(&to), ["thomas"], "{to}");
            }
        }
        assert_eq!(server.reached_by("postmaster"), ["thomas"]);
        server.answer_to("www-data@mail.example.org").expect_code(550);
        server.answer_to("nobody@mail.example.org").expect_code(550);
    }
}

#[test]
fn system_mail_can_be_anyone() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas, aliases: [abuse]}
  anna: {password: HASH-anna}
system_mail: anna
",
        logins: &["thomas", "anna"],
    };
    for server in servers(CATCHING) {
        let server = server.change(spec);
        assert_eq!(server.reached_by("root@example.org"), ["anna"]);
        assert_eq!(server.reached_by("postmaster@mail.example.org"), ["anna"]);
        // An alias that somebody asked for is theirs.
        assert_eq!(server.reached_by("abuse@example.org"), ["thomas"]);
    }
}

#[test]
fn mail_of_programs_to_system_users_reaches_system_mail() {
    for server in servers(REFUSING) {
        for name in ["root", "www-data", "root@localhost", "unheard-of", "MAILER-DAEMON"] {
            let letter = server.write_from_host(name);
            assert_eq!(server.readers(&letter), ["thomas"], "{name}");
        }
        for name in ["anna", "anna@example.org"] {
            let letter = server.write_from_host(name);
            assert_eq!(server.readers(&letter), ["anna"], "{name}");
        }
        let files = server.debian.run(&["find", "/var/mail/", "/root/Maildir", "-type", "f"]);
        assert_eq!(files.stdout(), "", "nobody would look there");
    }
}

#[test]
fn output_of_a_cron_job_reaches_system_mail() {
    for server in servers(CATCHING) {
        let letter = Letter::new();
        let job = format!("@reboot root echo {}\n", letter.token());
        server.debian.write("/etc/cron.d/talker", job, 0o644);
        // Else cron has done its part of this boot already.
        let _ = server.debian.shell("rm /run/crond.reboot && systemctl restart cron").success();
        let mails = wait_for("the mail of a cron job", || {
            let mails = server.search("thomas", &format!("BODY {}", letter.token()));
            (!mails.is_empty()).then_some(mails)
        });
        let mail = String::from_utf8_lossy(&mails[0]).into_owned();
        assert!(mail.contains("From: root@mail.example.org"), "{mail}");
        assert_eq!(mails.len(), 1);
    }
}
