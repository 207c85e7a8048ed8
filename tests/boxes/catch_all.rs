//! A catch-all gets what is nobody's, and nothing else.

use crate::common::{CATCHING, Letter, REFUSING, Spec, servers};

#[test]
fn unknown_addresses_are_refused_where_there_is_no_catch_all() {
    for server in servers(REFUSING) {
        for name in ["nobody", "user3", "annax", "nobody+anna", "vmail", "www-data", "postfix"] {
            for domain in ["example.org", "example.net"] {
                server.answer_to(&format!("{name}@{domain}")).expect_code(550);
            }
        }
        let (from, to) = ("thomas@example.org", "nobody@example.org");
        server.answer_to_submission("thomas", from, to).expect_code(550);
        server.answer_to_submission("thomas", from, "anna@example.org").expect_code(250);
        assert_eq!(server.reached_by("auser3@example.net"), ["auser3"]);
    }
}

#[test]
fn unknown_addresses_of_every_domain_reach_the_catch_all() {
    for server in servers(CATCHING) {
        for to in ["nobody@example.org", "user3@example.net", "annax+tag@example.org"] {
            assert_eq!(server.reached_by(to), ["thomas"], "{to}");
        }
        server.answer_to("nobody@sub.example.org").expect_code(554);
        server.answer_to("nobody@elsewhere.example").expect_code(554);
    }
}

#[test]
fn the_owner_of_many_addresses_can_tell_which_a_mail_was_for_and_nobody_else() {
    for server in servers(CATCHING) {
        let header = |login: &str, letter: &Letter| {
            let copies = server.copies(login, letter);
            assert_eq!(copies.len(), 1);
            String::from_utf8_lossy(&copies[0]).into_owned()
        };
        for to in ["one-shop@example.org", "info+x@example.net", "o'neill@example.net"] {
            let letter = Letter::new();
            server.receive(&[to], &letter);
            server.settle();
            let mail = header("thomas", &letter);
            assert!(mail.contains(&format!("\nX-Original-To: {to}\r\n")), "{mail}");
        }
        let letter = Letter::new();
        server.receive(&["anna@example.org", "one-shop@example.org"], &letter);
        server.settle();
        assert!(!header("anna", &letter).contains("one-shop"));
        assert!(!header("thomas", &letter).contains("anna"));
        // Not for others' addresses, which are no business of this server.
        let mut smtp = server.submission("anna");
        let letter = Letter::new();
        let to = ["bob@elsewhere.example"];
        smtp.send("anna@example.org", &to, letter.bytes()).unwrap().expect_code(250);
        let queue = server.debian.shell("postcat -q $(postqueue -j | cut -d'\"' -f8 | tail -1)");
        assert!(!queue.success().stdout().contains("X-Original-To"));
    }
}

#[test]
fn a_catch_all_never_gets_what_is_an_accounts_an_aliases_or_a_tags() {
    for server in servers(CATCHING) {
        for name in ["anna", "ANNA", "anna+tag", "Anna+Tag+More", "fun", "Fun+tag", "anna+"] {
            for domain in ["example.org", "EXAMPLE.net"] {
                let to = format!("{name}@{domain}");
                assert_eq!(server.reached_by(&to), ["anna"], "{to}");
            }
        }
        assert_eq!(server.reached_by("auser3@example.org"), ["auser3"]);
    }
}

#[test]
fn each_domain_can_have_a_catch_all_of_its_own_or_none() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org, example.net, example.edu]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna}
catch_all: {example.org: thomas, example.net: anna}
",
        logins: &["thomas", "anna"],
    };
    for server in servers(REFUSING) {
        let server = server.change(spec);
        assert_eq!(server.reached_by("nobody@example.org"), ["thomas"]);
        assert_eq!(server.reached_by("nobody@example.net"), ["anna"]);
        server.answer_to("nobody@example.edu").expect_code(550);
        assert_eq!(server.reached_by("thomas@example.net"), ["thomas"]);
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
        assert_eq!(server.reached_by("thomas@example.edu"), ["thomas"]);
    }
}

#[test]
fn an_account_deleted_beside_one_whose_name_contains_its_own_takes_nothing_along() {
    let with_user3 = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  auser3: {password: HASH-auser3}
  user3: {password: HASH-user3}
",
        logins: &["auser3", "user3"],
    };
    let without = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  auser3: {password: HASH-auser3}
",
        logins: &["auser3"],
    };
    for server in servers(REFUSING) {
        let server = server.change(with_user3);
        assert_eq!(server.reached_by("user3@example.org"), ["user3"]);
        let server = server.change(without);
        server.answer_to("user3@example.org").expect_code(550);
        assert_eq!(server.reached_by("auser3@example.org"), ["auser3"]);
    }
}
