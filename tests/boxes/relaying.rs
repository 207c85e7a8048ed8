//! Nobody can send through this server to somebody else's.

use crate::common::{CATCHING, REFUSING, STRANGER, Server, servers};
use crate::support::Smtp;

/// All the ways in which a relay was ever talked into it, to a host elsewhere.
const WAYS: &[&str] = &[
    "bob@elsewhere.example",
    "bob@elsewhere.example.",
    "bob%elsewhere.example@example.org",
    "bob%elsewhere.example@mail.example.org",
    "bob%elsewhere.example@localhost",
    "bob%elsewhere.example@[10.77.0.2]",
    "bob%elsewhere.example",
    "\"bob%elsewhere.example\"",
    "elsewhere.example!bob",
    "elsewhere.example!bob@example.org",
    "elsewhere.example!bob@[10.77.0.2]",
    "\"elsewhere.example!bob\"@example.org",
    "@example.org:bob@elsewhere.example",
    "@example.org,@example.net:bob@elsewhere.example",
    "\"bob@elsewhere.example\"",
    "\"bob@elsewhere.example\"@example.org",
    "bob@elsewhere.example@example.org",
    "bob@[10.77.0.1]",
    "bob@[IPv6:fd00:77::1]",
    "bob@10.77.0.1",
    "bob@sub.example.org",
];

/// Senders that a relay might trust.
const SENDERS: &[&str] =
    &[STRANGER, "", "thomas@example.org", "root@mail.example.org", "root@localhost", "root"];

/// Returns the ways that are taken, and asserts that mail for our own is.
fn taken(server: &Server, mut connect: impl FnMut() -> Smtp) -> Vec<String> {
    let mut taken = Vec::new();
    for sender in SENDERS {
        // After ten errors Postfix answers late.
        for ways in WAYS.chunks(9) {
            let mut smtp = connect();
            smtp.mail(sender).unwrap().expect_code(250);
            for way in ways {
                let reply = smtp.rcpt(way).unwrap();
                if reply.is_positive() {
                    taken.push(format!("{sender} to {way}: {reply}"));
                }
            }
            smtp.rcpt("thomas@example.org").unwrap().expect_code(250);
        }
    }
    server.settle();
    taken
}

#[test]
fn nothing_is_relayed_for_strangers() {
    for server in servers(REFUSING) {
        let taken = taken(&server, || server.stranger());
        assert!(taken.is_empty(), "{taken:#?}");
    }
}

#[test]
fn nothing_is_relayed_for_strangers_who_come_by_ipv6_and_tls() {
    for server in servers(REFUSING) {
        let connect = || {
            let stream = server.debian.connect_v6(25).unwrap();
            Smtp::connect_starttls(stream, &Server::tls()).unwrap()
        };
        let taken = taken(&server, connect);
        assert!(taken.is_empty(), "{taken:#?}");
    }
}

#[test]
fn a_catch_all_does_not_make_a_relay() {
    for server in servers(CATCHING) {
        let taken = taken(&server, || server.stranger());
        // A quoted name in our own domain is one of ours.
        let relayed: Vec<_> = taken.iter().filter(|way| !way.contains("\"@example.org")).collect();
        assert!(relayed.is_empty(), "{relayed:#?}");
    }
}
