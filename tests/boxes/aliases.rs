//! One person, many addresses; one address, many people.

use crate::common::{Letter, REFUSING, password_of, servers};
use crate::support::wait_for;

#[test]
fn an_alias_reaches_its_account_in_the_domains_it_is_for() {
    for server in servers(REFUSING) {
        for to in ["info@example.org", "INFO@example.net", "info+tag@example.org"] {
            assert_eq!(server.reached_by(to), ["thomas"], "{to}");
        }
        assert_eq!(server.reached_by("sales@example.net"), ["thomas"]);
        server.answer_to("sales@example.org").expect_code(550);
    }
}

#[test]
fn an_address_can_lead_to_several_accounts() {
    for server in servers(REFUSING) {
        assert_eq!(server.reached_by("both@example.org"), ["thomas", "anna"]);
        assert_eq!(server.reached_by("Both+tag@example.org"), ["thomas", "anna"]);
        server.answer_to("both@example.net").expect_code(550);
    }
}

#[test]
fn upper_and_lower_case_and_tags_are_one_mailbox() {
    for server in servers(REFUSING) {
        for to in ["THOMAS@example.org", "Thomas@EXAMPLE.NET", "thomas+x@example.org"] {
            assert_eq!(server.reached_by(to), ["thomas"], "{to}");
        }
        for login in ["THOMAS", "Thomas@example.org", "thomas@EXAMPLE.net"] {
            let mut imap = server.anonymous_imap();
            let reply = imap.login(login, &password_of("thomas")).unwrap();
            reply.ok().unwrap();
            assert_eq!(imap.select("INBOX").unwrap(), 3, "{login}");
        }
    }
}

#[test]
fn a_forward_to_another_host_waits_there_and_the_copy_stays_here() {
    for server in servers(REFUSING) {
        let letter = Letter::new();
        server.receive(&["club@example.org"], &letter);
        let queued = wait_for("only the mail for elsewhere in the queue", || {
            let queue = server.debian.run(&["postqueue", "-j"]).success().stdout();
            (!queue.contains("example.org\"}") && queue.contains("deferred")).then_some(queue)
        });
        assert!(queued.contains("bob@elsewhere.example"), "{queued}");
        assert_eq!(server.readers(&letter), ["thomas"]);
    }
}
