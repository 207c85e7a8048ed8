//! A mail ends where its sender ended it, whatever is inside.

use std::collections::HashSet;

use crate::common::{Letter, REFUSING, STRANGER, Server, servers};

/// What only looks like the end of a mail.
const FALSE_ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\r\n.\n",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\n.\r",
    b"\r\r.\r\n",
    b"\n\n.\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
];

/// Sends a mail with another one inside, after a false end; returns both, and
/// how many the server says that it took.
fn smuggle(server: &Server, false_end: &[u8]) -> (Letter, Letter, usize) {
    let (outer, inner) = (Letter::new(), Letter::new());
    let mut smtp = server.stranger();
    smtp.mail(STRANGER).unwrap().expect_code(250);
    smtp.rcpt("thomas@example.org").unwrap().expect_code(250);
    smtp.command("DATA").unwrap().expect_code(354);
    let commands = b"MAIL FROM:<admin@example.org>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n";
    let whole = [outer.bytes(), b"end", false_end, commands, inner.bytes(), b".\r\n"].concat();
    smtp.raw(&whole).unwrap();
    smtp.raw(b"QUIT\r\n").unwrap();
    let mut taken = 0;
    // Up to the end of the connection: the goodbye, or being thrown out.
    while let Ok(reply) = smtp.reply() {
        taken += usize::from(reply.text().contains("queued as"));
    }
    (outer, inner, taken)
}

#[test]
fn no_mail_can_be_hidden_in_another() {
    for server in servers(REFUSING) {
        let tries: Vec<_> = FALSE_ENDS.iter().map(|end| (end, smuggle(&server, end))).collect();
        server.settle();
        for (end, (outer, inner, taken)) in &tries {
            let end = String::from_utf8_lossy(end).escape_debug().to_string();
            assert!(*taken <= 1, "{end} split a mail");
            let inside = server.search("anna", &format!("TEXT {}", inner.token()));
            assert_eq!(inside.len(), 0, "{end} let a mail through");
            let copies = server.search("thomas", &format!("TEXT {}", outer.token()));
            assert!(copies.len() <= 1, "{end} doubled a mail");
        }
        let taken: HashSet<_> = tries.iter().map(|(_, (.., taken))| *taken).collect();
        assert!(taken.contains(&1), "not one mail was taken, so nothing was tried");

        // The right end ends a mail: what follows is then talking ahead.
        let (outer, _, taken) = smuggle(&server, b"\r\n.\r\n");
        server.settle();
        assert_eq!(taken, 1);
        let mail = server.copies("thomas", &outer).remove(0);
        assert!(mail.ends_with(b"end\r\n"), "{}", String::from_utf8_lossy(&mail));
    }
}

#[test]
fn an_early_talker_is_refused_and_a_careless_line_end_is_not() {
    for server in servers(REFUSING) {
        let mut smtp = server.stranger();
        smtp.raw(
            b"MAIL FROM:<a@b.example>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nearly\r\n.\r\n",
        )
        .unwrap();
        let mut codes = Vec::new();
        while let Ok(reply) = smtp.reply() {
            codes.push(reply.code);
            if reply.code >= 500 {
                break;
            }
        }
        assert!(codes.last().is_some_and(|code| *code >= 500), "{codes:?}");

        let letter = Letter::saying(b"a bare\nline feed\r\n");
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        assert_eq!(server.readers(&letter), ["anna"]);
        assert!(server.copies("anna", &letter)[0].ends_with(b"a bare\r\nline feed\r\n"));
    }
}
