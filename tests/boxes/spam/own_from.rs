//! People write with a From: that is theirs, on both ports that they send by.

use super::{FILTERED, WORDS, filtered, from};
use crate::common::{Letter, Server};
use crate::support::{Smtp, wait_for};

/// Sends as a mail program does, to thomas.
#[track_caller]
fn code(mut smtp: Smtp, envelope: &str, letter: &Letter) -> u16 {
    smtp.send(envelope, &["thomas@example.org"], letter.bytes()).unwrap().code
}

/// A letter without a From: of its own, with these lines.
fn with(lines: &str) -> Letter {
    let letter = from("x", "", WORDS);
    let text = String::from_utf8_lossy(letter.bytes()).into_owned();
    let (_, rest) = text.split_once("\r\n").unwrap();
    letter.with_bytes(format!("{lines}{rest}").as_bytes())
}

const REPORT: &str = "MIME-Version: 1.0\r\nContent-Type: multipart/report; \
                      report-type=disposition-notification; boundary=b\r\n";

#[test]
fn a_from_or_sender_of_another_is_refused_and_ones_own_is_not() {
    for server in filtered() {
        for port in [465, 587] {
            let smtp = |login: &str| match port {
                465 => server.submissions(login),
                _ => server.submission(login),
            };
            let own = [
                "From: Thomas <thomas@example.org>\r\n",
                "From: THOMAS@Example.Org\r\n",
                "From: thomas+shop@example.org\r\n",
                "From: info@example.org\r\n",
                "From: <sales@example.net>\r\n",
                "From: thomas@example.net\r\n",
                "From: thomas@example.org, info@example.org\r\nSender: thomas@example.org\r\n",
                "From: \"anna@example.org\" <thomas@example.org>\r\n",
            ];
            for lines in own {
                for envelope in ["thomas@example.org", ""] {
                    let letter = with(lines);
                    assert_eq!(code(smtp("thomas"), envelope, &letter), 250, "{port} {lines}");
                }
            }
            // The owner of a catch-all has all that is left over.
            let letter = with("From: whatever@example.net\r\n");
            assert_eq!(code(smtp("anna"), "anna@example.org", &letter), 250);

            for lines in [
                "From: anna@example.org\r\n",
                "From: anna+x@example.org\r\n",
                "From: somebody@far.example\r\n",
                "From: nobody@example.org\r\n",
                "From: thomas@example.org, anna@example.org\r\n",
                "From: thomas@example.org\r\nFrom: anna@example.org\r\n",
                "From: anna@example.org\r\nFrom: thomas@example.org\r\n",
                "From: thomas@example.org\r\nfrom : anna@example.org\r\n",
                "From: thomas@example.org\r\nSender: anna@example.org\r\n",
                "From: thomas@example.org\r\nSender: thomas@example.org, anna@example.org\r\n",
                "From: friends: thomas@example.org, anna@example.org;\r\n",
                "From: Anna\r\n",
                "From: =?utf-8?q?thomas=40example.org?= <anna@example.org>\r\n",
                "From: <thomas@example.org> <anna@example.org>\r\n",
                "From: thomas@example.org\r\n <anna@example.org>\r\n",
                "From: <@example.org:anna@example.org>\r\n",
                "From: thomas@example.org@example.net\r\n",
            ] {
                for envelope in ["thomas@example.org", ""] {
                    let letter = with(lines);
                    let found = code(smtp("thomas"), envelope, &letter);
                    assert_eq!(found, 554, "{:?} {port} {lines}", server.debian.suite());
                }
            }
            // Receipts have no sender on their way, and a From: of their writer.
            for (sender, expected) in [("thomas@example.org", 250), ("anna@example.org", 554)] {
                let letter = with(&format!("From: {sender}\r\n{REPORT}"));
                assert_eq!(code(smtp("thomas"), "", &letter), expected, "{sender}");
            }
        }
        // Programs of the host are not asked.
        let text = "From: anna@example.org\nTo: thomas@example.org\nSubject: x\n\nHello.\n";
        let sendmail = ["/usr/sbin/sendmail", "-i", "-t"];
        let _ = server.debian.run_with_input(&sendmail, text.as_bytes()).success();
        server.settle();
        assert_eq!(server.search("thomas", "FROM anna@example.org SUBJECT x").len(), 1);
        let server = new_addresses_count_at_once(server);
        the_check_tries_it(&server);
    }
}

/// `check` finds nothing, unless the rule is gone, and leaves no mail.
fn the_check_tries_it(server: &Server) {
    let check = || {
        let output = server.debian.mailprov(&["check", "--json", "--only", "spoofing"]);
        crate::well::findings(&output)
    };
    assert_eq!(check(), [""; 0]);
    let settings = "/etc/rspamd/local.d/settings.conf";
    let text = server.debian.read_text(settings);
    server.debian.write(settings, text.replace("NOT_OWN_FROM", "NO_SUCH_RULE"), 0o644);
    let _ = server.debian.run(&["systemctl", "restart", "rspamd"]).success();
    server.wait_for_filter();
    let found = check();
    for port in [465, 587] {
        let begins = format!("spoofing.header {port}: wrong");
        assert!(found.iter().any(|it| it.starts_with(&begins)), "{found:#?}");
    }
    server.settle();
    assert_eq!(server.search("anna", "SUBJECT Disguised").len(), 0);
    assert_eq!(server.search("thomas", "SUBJECT Disguised").len(), 0);
}

/// Nobody with a new address waits for the filter to notice.
fn new_addresses_count_at_once(server: Server) -> Server {
    let yaml = FILTERED.yaml.replace("[info,", "[info, new,");
    let debian = server.debian.mail_yml(&crate::common::mail_yml(&yaml)).apply();
    let server = Server::of(debian, FILTERED);
    let letter = with("From: new@example.org\r\n");
    let begun = std::time::Instant::now();
    wait_for("the new address", || {
        (code(server.submission("thomas"), "new@example.org", &letter) == 250).then_some(())
    });
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    server
}
