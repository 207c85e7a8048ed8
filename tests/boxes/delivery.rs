//! Mail arrives: once, where it should, and as it was written.

use crate::common::{CATCHING, Letter, REFUSING, STRANGER, servers};
use crate::support::Smtp;

/// What careless servers change: dots, blanks, blank lines, letters beyond
/// ASCII, and lines longer than the standard allows.
fn awkward_letter() -> Letter {
    let long = "x".repeat(20_000);
    let body =
        format!(".dot\r\n..two\r\näöü ß €\r\ntrailing  \r\n\t\r\n{long}\r\n\r\nFrom here\r\n.\r\n");
    let header = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                  Content-Transfer-Encoding: 8bit\r\n";
    Letter::with_header(header, body.as_bytes())
}

#[test]
fn a_submitted_mail_arrives_once_and_byte_for_byte() {
    for server in servers(REFUSING) {
        for mut smtp in [server.submission("anna"), server.submissions("anna")] {
            let letter = awkward_letter();
            let reply = smtp.send("anna@example.org", &["thomas@example.net"], letter.bytes());
            reply.unwrap().expect_code(250);
            server.settle();
            assert_eq!(server.readers(&letter), ["thomas"]);
            assert!(server.copies("thomas", &letter)[0].ends_with(letter.bytes()));

            let mut pop3 = server.pop3("thomas");
            let (newest, _) = *pop3.list().unwrap().last().unwrap();
            assert!(pop3.retrieve(newest).unwrap().ends_with(letter.bytes()));
        }
        assert_eq!(server.pop3("thomas").list().unwrap().len(), 2);
    }
}

#[test]
fn a_stranger_s_mail_arrives_once_and_byte_for_byte() {
    for server in servers(REFUSING) {
        for stream in [server.debian.connect(25), server.debian.connect_v6(25)] {
            let letter = awkward_letter();
            let mut smtp = Smtp::connect(stream.unwrap()).unwrap();
            smtp.ehlo().unwrap();
            let reply = smtp.send(STRANGER, &["anna@example.org"], letter.bytes()).unwrap();
            reply.expect_code(250);
            server.settle();
            assert_eq!(server.readers(&letter), ["anna"]);
            let mail = server.copies("anna", &letter).remove(0);
            assert!(mail.ends_with(letter.bytes()));
            assert!(mail.starts_with(format!("Return-Path: <{STRANGER}>\r\n").as_bytes()));

            let mut pop3 = server.pop3("anna");
            let (newest, _) = *pop3.list().unwrap().last().unwrap();
            assert_eq!(pop3.retrieve(newest).unwrap(), mail);
        }
    }
}

#[test]
fn people_get_the_headers_they_forgot_and_strangers_keep_their_mail_as_it_is() {
    for server in servers(REFUSING) {
        let to = ["anna@example.org"];
        let (ours, theirs) = (b"Subject: ours\r\n\r\nhi\r\n", b"Subject: theirs\r\n\r\nhi\r\n");
        let mut smtp = server.submission("thomas");
        smtp.send("thomas@example.org", &to, ours).unwrap().expect_code(250);
        server.stranger().send(STRANGER, &to, theirs).unwrap().expect_code(250);
        server.settle();

        let header = |subject: &str| {
            let mail = server.search("anna", &format!("SUBJECT {subject}")).remove(0);
            String::from_utf8(mail).unwrap()
        };
        let (ours, theirs) = (header("ours"), header("theirs"));
        for name in ["\r\nDate: ", "\r\nMessage-Id: <", "\r\nFrom: thomas@example.org"] {
            let has = |mail: &str| mail.to_lowercase().contains(&name.to_lowercase());
            assert!(has(&ours), "{name} is missing: {ours}");
            assert!(!has(&theirs), "{name} was added: {theirs}");
        }
    }
}

#[test]
fn a_mail_to_two_addresses_of_one_mailbox_arrives_once() {
    for server in servers(CATCHING) {
        let letter = Letter::new();
        let to = ["thomas@example.org", "Thomas@example.net", "info@example.org", "x@example.org"];
        server.receive(&to, &letter);
        server.settle();
        assert_eq!(server.readers(&letter), ["thomas"]);

        let letter = Letter::new();
        server.receive(&["thomas@example.org", "anna@example.org"], &letter);
        server.settle();
        assert_eq!(server.readers(&letter), ["thomas", "anna"]);
    }
}

#[test]
fn a_mail_of_120_mebibytes_arrives_whole_and_a_larger_one_than_allowed_is_refused() {
    for server in servers(REFUSING) {
        let limit: u64 = 128 * 1024 * 1024;
        let keywords = server.stranger().ehlo().unwrap();
        assert!(keywords.contains(&format!("SIZE {limit}")), "{keywords:?}");
        for mut smtp in [server.stranger(), server.submission("thomas")] {
            let announce = |size: u64| format!("MAIL FROM:<thomas@example.org> SIZE={size}");
            smtp.command(&announce(limit + 1)).unwrap().expect_code(552);
            smtp.command(&announce(limit)).unwrap().expect_code(250);
        }

        let line = [&[b'x'; 998][..], b"\r\n"].concat();
        let letter = Letter::saying(&line.repeat(120 * 1024 * 1024 / line.len()));
        let mut smtp = server.submissions("anna");
        let reply = smtp.send("anna@example.org", &["thomas@example.org"], letter.bytes());
        reply.unwrap().expect_code(250);
        server.settle();
        assert!(server.copies("thomas", &letter)[0].ends_with(letter.bytes()));
    }
}
