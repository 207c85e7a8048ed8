//! The filter learns from what people move into and out of Junk.

use super::{CONTROLLER, FILTERED, WORDS, filtered, from, server};
use crate::agent::nothing_to_do;
use crate::common::{Server, mail_yml};
use crate::support::{Suite, wait_for};

/// Returns how many mails the filter has learnt as spam and as wanted.
fn learnt(server: &Server) -> (u64, u64) {
    let stat = ["rspamc", "-h", CONTROLLER, "stat"];
    let text = server.debian.run(&stat).success().stdout();
    let count = |symbol: &str| {
        let line = text.lines().find(|line| line.contains(symbol)).unwrap();
        let (_, rest) = line.split_once("learned: ").unwrap();
        rest.split(';').next().unwrap().trim().parse().unwrap()
    };
    (count("BAYES_SPAM"), count("BAYES_HAM"))
}

/// Moves the only mail of a folder of thomas's.
#[track_caller]
fn move_all(server: &Server, source: &str, target: &str) {
    let mut imap = server.imap("thomas");
    assert_eq!(imap.select(source).unwrap(), 1, "{source}");
    imap.move_to(1, target).unwrap().ok().unwrap();
}

#[test]
fn a_mail_that_is_moved_into_or_out_of_junk_is_an_example() {
    for server in filtered() {
        let words = "Cheap watches and cheap pills for you alone, dear friend of our house: order \
                     now, pay later, and win a journey to the islands of the southern sea.\r\n";
        let letter = from("thomas@example.org", "", words);
        let mut smtp = server.submission("thomas");
        let sent = smtp.send("thomas@example.org", &["thomas@example.org"], letter.bytes());
        sent.unwrap().expect_code(250);
        server.settle();
        let before = learnt(&server);
        assert_eq!(before, (0, 0));
        move_all(&server, "INBOX", "Junk");
        assert_eq!(learnt(&server), (1, 0));
        move_all(&server, "Junk", "INBOX");
        assert_eq!(learnt(&server), (0, 1));
        move_all(&server, "INBOX", "Junk");
        assert_eq!(learnt(&server), (1, 0));
        // To throw it away says nothing.
        move_all(&server, "Junk", "Trash");
        assert_eq!(learnt(&server), (1, 0));
        let journal = server.debian.shell("journalctl -o cat -u dovecot | grep -i sieve:").stdout();
        for bad in ["not newer", "Read-only", "Permission denied", "failed", "rror:"] {
            assert!(!journal.contains(bad), "{journal}");
        }

        // A filter that is down is no trouble of a person who moves a mail.
        let _ = server.debian.run(&["systemctl", "stop", "rspamd"]).success();
        move_all(&server, "Trash", "Junk");
        move_all(&server, "Junk", "INBOX");
        let _ = server.debian.run(&["systemctl", "start", "rspamd"]).success();

        // Nobody's own filter may run a program.
        let mut sieve = server.managesieve("anna");
        let script = "require \"vnd.dovecot.pipe\"; pipe \"learn\" [\"spam\"];";
        assert!(sieve.put("mine", script).is_err());
    }
}

#[test]
fn its_learning_counts() {
    for server in filtered() {
        server.wait_for_filter();
        let learn = |kind: &str, text: &str| {
            let command = ["rspamc", "-h", CONTROLLER, kind];
            let output = server.debian.run_with_input(&command, text.as_bytes());
            assert!(output.is_success(), "{output}");
        };
        let good = |n: u32| {
            format!(
                "From: ida@good.test\nSubject: minutes {n}\n\nThe minutes of our meeting number {n} on \
             the garden fence are attached, please read them until Friday and tell me.\n"
            )
        };
        let bad = |n: u32| {
            format!(
                "From: win@bad.test\nSubject: watches {n}\n\nCheap watches number {n} and cheap pills \
             for you alone, dear friend, order now and win a journey to the southern sea.\n"
            )
        };
        for n in 0..4 {
            learn("learn_ham", &good(n));
            learn("learn_spam", &bad(n));
        }
        let symbols = wait_for("the examples to count", || {
            let command = ["rspamc", "-h", CONTROLLER, "symbols"];
            let output = server.debian.run_with_input(&command, bad(9).as_bytes()).stdout();
            output.contains("BAYES_SPAM").then_some(output)
        });
        assert!(!symbols.contains("BAYES_HAM"), "{symbols}");
    }
}

#[test]
fn spam_is_filed_where_people_have_no_filters_of_their_own() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        let script = "require \"fileinto\"; fileinto \"Trash\";";
        server.managesieve("thomas").activate("mine", script).unwrap();
        let text = mail_yml(&[FILTERED.yaml, "sieve: false\n"].concat());
        let debian = server.debian.mail_yml(&text).apply();
        nothing_to_do(&debian, "with a spam filter, without filters");
        let server = Server::of(debian, FILTERED);
        assert!(server.debian.connect(4190).is_err());
        for (sender, folder) in [("boss@strict.test", "Junk"), ("ida@good.test", "INBOX")] {
            let (found, mail) = server.filed(sender, &from(sender, "", WORDS));
            assert_eq!(found, folder, "{suite:?} {mail}");
        }
    }
}
