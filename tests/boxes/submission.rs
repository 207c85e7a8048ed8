//! People send: only with a password, and only as themselves.

use crate::common::{CATCHING, Letter, REFUSING, STRANGER, Server, password_of, servers};
use crate::support::Smtp;

/// Returns the code that the sender gets, at once or with the recipient.
fn code_for_sender(server: &Server, login: &str, sender: &str) -> u16 {
    let mut smtp = server.submission(login);
    let reply = smtp.mail(sender).unwrap();
    if reply.is_positive() { smtp.rcpt("anna@example.org").unwrap().code } else { reply.code }
}

#[test]
fn everyone_may_send_as_each_address_that_is_theirs() {
    for server in servers(REFUSING) {
        for sender in [
            "thomas@example.org",
            "Thomas@EXAMPLE.net",
            "thomas+shop@example.org",
            "info@example.net",
            "Info+tag@example.org",
            "sales@example.net",
            "both@example.org",
            "postmaster@example.org",
        ] {
            for login in ["thomas", "THOMAS@example.net"] {
                assert_eq!(code_for_sender(&server, login, sender), 250, "{login}: {sender}");
            }
        }
    }
}

#[test]
fn an_account_may_not_send_as_another_or_from_a_foreign_domain() {
    for server in servers(REFUSING) {
        for (login, sender) in [
            ("thomas", "anna@example.org"),
            ("thomas", "ANNA@example.net"),
            ("thomas", "anna+thomas@example.org"),
            ("thomas", "\"anna\"@example.org"),
            ("thomas", "@example.org:anna@example.org"),
            ("thomas", "anna@example.org."),
            ("thomas", "nobody@example.org"),
            ("thomas", "sales@example.org"),
            ("thomas", "thomas@elsewhere.example"),
            ("thomas", "thomas@sub.example.org"),
            ("thomas", "root@mail.example.org"),
            ("anna", "info@example.org"),
            ("anna", "postmaster@example.org"),
            ("auser3", "user3@example.org"),
        ] {
            let code = code_for_sender(&server, login, sender);
            assert!([501, 553].contains(&code), "{login} as {sender}: {code}");
        }
        for bare in ["thomas", "anna"] {
            assert_eq!(code_for_sender(&server, "thomas", bare), 504);
        }
        assert_eq!(code_for_sender(&server, "anna", "anna@example.org"), 250);
    }
}

#[test]
fn the_owner_of_the_catch_all_may_use_every_address_it_catches() {
    for server in servers(CATCHING) {
        for (login, sender, code) in [
            ("thomas", "nobody@example.org", 250),
            ("thomas@example.net", "some.shop+tag@example.net", 250),
            ("thomas", "anna@example.org", 553),
            ("thomas", "anna+x@example.net", 553),
            ("thomas", "fun@example.org", 553),
            ("thomas", "auser3@example.org", 553),
            ("thomas", "nobody@elsewhere.example", 553),
            ("thomas", "nobody@sub.example.org", 553),
            ("anna", "nobody@example.org", 553),
            ("anna", "fun@example.org", 250),
            // These would look like another's, or lead somewhere else.
            ("thomas", "anna@example.org@example.org", 553),
            ("thomas", "\"anna@example.org\"@example.org", 553),
            ("thomas", "bob@elsewhere.example@example.net", 553),
            ("thomas", "anna%example.org@example.org", 553),
            ("thomas", "\"example.net!anna\"@example.org", 553),
            ("thomas", "example.net!anna@example.org", 553),
            ("thomas", "\"a b\"@example.org", 250),
            ("thomas", "", 250),
        ] {
            assert_eq!(code_for_sender(&server, login, sender), code, "{login} as {sender}");
        }
    }
}

#[test]
fn where_people_sit_is_told_to_no_receiver_and_where_servers_are_is() {
    for server in servers(REFUSING) {
        let far = "Received: from far.example (far.example [192.0.2.7])\r\n\tby mx.far.example \
                   with ESMTPSA id 1; Sun, 1 Nov 2026 10:00:00 +0000\r\n";
        for mut smtp in [server.submission("anna"), server.submissions("anna")] {
            smtp.command("EHLO annas-laptop.home").unwrap().expect_code(250);
            let letter = Letter::with_header(far, b"Hello.\r\n");
            let reply = smtp.send("anna@example.org", &["thomas@example.org"], letter.bytes());
            reply.unwrap().expect_code(250);
            server.settle();
            let mail = server.copies("thomas", &letter).remove(0);
            let text = String::from_utf8_lossy(&mail);
            assert!(!text.contains("annas-laptop") && !text.contains("10.77.0."), "{text}");
            assert!(text.contains("\nReceived: by mail.example.org (Postfix) id "), "{text}");
            assert!(text.contains(far), "{text}");
        }
        let letter = Letter::new();
        server.receive(&["thomas@example.org"], &letter);
        server.settle();
        let mail = server.copies("thomas", &letter).remove(0);
        assert!(String::from_utf8_lossy(&mail).contains("[10.77.0.1]"));
    }
}

#[test]
fn port_25_never_asks_for_a_password() {
    for server in servers(REFUSING) {
        let mut clear = server.stranger();
        let stream = server.debian.connect(25).unwrap();
        let mut encrypted = Smtp::connect_starttls(stream, &Server::tls()).unwrap();
        for smtp in [&mut clear, &mut encrypted] {
            let keywords = smtp.ehlo().unwrap();
            let offers = |word: &str| keywords.iter().any(|line| line.starts_with(word));
            assert!(offers("SIZE") && !offers("AUTH"), "{keywords:?}");
            let reply = smtp.auth_plain("thomas", &password_of("thomas")).unwrap();
            reply.expect_code(503);
        }
    }
}

#[test]
fn submission_takes_nothing_before_tls_and_nothing_without_a_password() {
    for server in servers(REFUSING) {
        let mut clear = Smtp::connect(server.debian.connect(587).unwrap()).unwrap();
        let keywords = clear.ehlo().unwrap();
        assert!(keywords.contains(&"STARTTLS".to_owned()), "{keywords:?}");
        assert!(!keywords.iter().any(|line| line.starts_with("AUTH")), "{keywords:?}");
        let reply = clear.auth_plain("thomas", &password_of("thomas")).unwrap();
        assert!([503, 530, 538].contains(&reply.code), "{reply}");
        clear.mail("thomas@example.org").unwrap().expect_code(530);

        let stream = server.debian.connect(465).unwrap();
        let implicit = Smtp::connect_tls(stream, &Server::tls()).unwrap();
        for mut smtp in [server.anonymous_submission(), implicit] {
            let keywords = smtp.ehlo().unwrap();
            let auth = keywords.iter().find(|line| line.starts_with("AUTH")).unwrap();
            assert!(auth.contains("PLAIN") && auth.contains("LOGIN"), "{auth}");
            for to in ["anna@example.org", "bob@elsewhere.example"] {
                smtp.mail(STRANGER).unwrap();
                smtp.rcpt(to).unwrap().expect_code(554);
                smtp.command("RSET").unwrap().expect_code(250);
            }
            smtp.auth_plain("thomas", &password_of("thomas")).unwrap().expect_code(235);
            smtp.mail("thomas@example.org").unwrap().expect_code(250);
            smtp.rcpt("bob@elsewhere.example").unwrap().expect_code(250);
        }
    }
}

#[test]
fn the_greeting_names_the_host_and_nothing_tells_which_addresses_exist() {
    for server in servers(REFUSING) {
        let mut smtp = server.stranger();
        assert_eq!(smtp.greeting().text(), "mail.example.org ESMTP");
        let keywords = smtp.ehlo().unwrap();
        for keyword in ["VRFY", "ETRN", "DSN", "SMTPUTF8"] {
            let offered = keywords.iter().any(|line| line == keyword);
            assert_eq!(offered, keyword == "ETRN", "{keywords:?}");
        }
        for name in ["thomas@example.org", "nobody@example.org"] {
            smtp.command(&format!("VRFY {name}")).unwrap().expect_code(502);
        }
        smtp.command("EXPN postmaster").unwrap().expect_code(500);
        smtp.command("MAIL FROM:<a@b.example> SMTPUTF8").unwrap().expect_code(555);

        let keywords = server.submission("thomas").ehlo().unwrap();
        assert!(keywords.contains(&"DSN".to_owned()), "{keywords:?}");
        assert!(!keywords.contains(&"SMTPUTF8".to_owned()), "{keywords:?}");
    }
}
