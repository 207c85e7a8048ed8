//! Mail from other servers is judged: where it goes, and what is written on it.

use super::{WORDS, from, server};
use crate::agent::nothing_to_do;
use crate::common::Letter;
use crate::support::Suite;

/// What a filter must refuse, to be seen to work (https://spamassassin.apache.org/gtube/).
pub(super) const GTUBE: &str =
    "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n";

#[test]
fn good_mail_arrives_and_forged_mail_is_in_junk() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        nothing_to_do(&server.debian, "with a spam filter");

        // What other hosts, and ours, are said to have found counts for nothing.
        let forged = "Authentication-Results: mail.example.org; dkim=pass header.d=bank.test\r\n\
                      Authentication-Results: mx.bank.test; spf=pass\r\n\
                      X-Spam: Yes\r\nX-Spam-Flag: YES\r\n";
        for lines in ["", forged] {
            let letter = from("Ida <ida@good.test>", lines, WORDS);
            let (folder, mail) = server.filed("ida@good.test", &letter);
            assert_eq!(folder, "INBOX", "{suite:?}: {mail}");
            let results: Vec<_> =
                mail.lines().filter(|it| it.starts_with("Authentication-Results:")).collect();
            assert_eq!(results.len(), 1, "{mail}");
            assert!(results[0].contains("mail.example.org"), "{mail}");
            let all = mail.replace("\r\n\t", " ");
            assert!(all.contains("spf=pass") && all.contains("dmarc=pass"), "{mail}");
            assert!(!mail.contains("bank.test") && !mail.contains("X-Spam:"), "{mail}");
            // Nothing else of it is changed.
            assert!(mail.ends_with(WORDS), "{mail}");
        }

        // Forged: by envelope and From:, by From: alone, in a domain of ours.
        for (envelope, sender) in [
            ("boss@strict.test", "boss@strict.test"),
            ("ida@good.test", "boss@strict.test"),
            ("ida@good.test", "boss@careful.test"),
            ("thomas@example.org", "thomas@example.org"),
            // In the list of those who are allowed, which counts only with DMARC.
            ("ida@good.test", "friend@strict.test"),
        ] {
            let letter = from(sender, "", WORDS);
            let (folder, mail) = server.filed(envelope, &letter);
            assert_eq!(folder, "Junk", "{suite:?} {sender}: {mail}");
            assert!(mail.contains("X-Spam: Yes"), "{mail}");
        }

        // What is refused is nowhere, and its sender learns of it.
        let letter = from("ida@good.test", "", GTUBE);
        let mut smtp = server.good_server();
        let refused = smtp.send("ida@good.test", &["thomas@example.org"], letter.bytes());
        refused.unwrap().expect_code(554);
        let own = from("anna@example.org", "", GTUBE);
        let mut smtp = server.submission("anna");
        let refused = smtp.send("anna@example.org", &["thomas@example.org"], own.bytes());
        refused.unwrap().expect_code(554);
        server.settle();
        assert_eq!(server.readers(&letter), [""; 0]);
    }
}

#[test]
fn senders_that_are_allowed_come_through_if_they_are_proved() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        // As bad as mail can look without being refused for sure.
        let bad = |sender: &str| {
            let text = "Content-Type: text/html\r\nMIME-Version: 1.0\r\n\
                        X-Mailer: The Bat! (v2.00.6) Personal\r\nPrecedence: bulk\r\n";
            let words = "<html><body><a href=\"http://192.0.2.7/x\">http://www.bank.test/</a> \
                         <img src=\"http://192.0.2.7/y.gif\"></body></html>\r\n";
            from(sender, text, words)
        };
        let stranger = bad("Ida <ida@good.test>");
        let score = |letter: &Letter| {
            let log = server
                .debian
                .shell(&format!("journalctl -t rspamd -o cat | grep {}", letter.token()));
            log.stdout()
        };
        let _ = server.filed("ida@good.test", &stranger);
        let friend = bad("Friend <someone@friends.test>");
        let (folder, mail) = server.filed("someone@friends.test", &friend);
        assert_eq!(folder, "INBOX", "{mail}");
        assert!(score(&friend).contains("ALLOWED_DOMAIN"), "{}", score(&friend));
        assert!(!score(&stranger).contains("ALLOWED_DOMAIN"), "{}", score(&stranger));
    }
}
