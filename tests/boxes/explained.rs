//! What `explain` says is so: the ports, the sockets, the folder.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::common::{Letter, REFUSING, Server, servers};

/// Returns the ways, as `explain --json` tells them.
fn ways(server: &Server) -> Vec<Value> {
    let said = server.debian.mailprov(&["explain", "--json"]).success().stdout();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns the names and the purposes of the stops on a way.
fn stops_on(way: &Value) -> Vec<(String, String)> {
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    let stops = way["stops"].as_array().unwrap().iter();
    stops.map(|stop| (text(&stop["name"]), text(&stop["about"]))).collect()
}

/// Returns the stops of all ways.
fn stops(server: &Server) -> BTreeSet<String> {
    ways(server).iter().flat_map(stops_on).map(|(name, _)| name).collect()
}

/// Returns the programs to which Postfix hands mail on a way, with their purposes.
pub(crate) fn milters(server: &Server, title: &str) -> Vec<(String, String)> {
    let ways = ways(server);
    let way = ways.iter().find(|way| way["title"] == title).unwrap();
    let stops = stops_on(way).into_iter();
    stops.filter(|(name, _)| name.ends_with("/milter.sock")).collect()
}

#[test]
fn the_ports_it_names_are_those_that_are_open() {
    for server in servers(REFUSING) {
        let named: BTreeSet<u16> = stops(&server)
            .iter()
            .filter_map(|stop| stop.strip_prefix("port "))
            .flat_map(|ports| ports.split(", "))
            .filter_map(|port| port.parse().ok())
            .collect();
        let listing = server.debian.shell("ss --listening --tcp --numeric --no-header");
        let listing = listing.success().stdout();
        let open: BTreeSet<u16> = listing
            .lines()
            .filter_map(|line| line.split_whitespace().nth(3)?.rsplit(':').next()?.parse().ok())
            // The boxes' own way in.
            .filter(|port| *port != 22 && server.debian.connect(*port).is_ok())
            .collect();
        assert_eq!(named, open);
    }
}

#[test]
fn the_files_and_sockets_it_names_are_there_and_have_their_reasons() {
    for server in servers(REFUSING) {
        server.receive(&["anna@example.org"], &Letter::new());
        server.settle();
        // Its directory comes with the first script.
        server.managesieve("anna").activate("mine", "keep;\r\n").unwrap();
        let paths = stops(&server).into_iter().filter(|stop| stop.starts_with('/'));
        let paths: Vec<String> = paths.map(|path| path.replace("NAME", "anna")).collect();
        assert!(paths.len() >= 6, "{paths:?}");
        for path in &paths {
            let _ = server.debian.run(&["test", "-e", path]).success();
        }
        let opendkim = "/var/spool/postfix/opendkim/milter.sock";
        let signs = [(opendkim.to_owned(), "OpenDKIM signs it".to_owned())];
        for title in ["Mail that people send", "Mail from programs on this host"] {
            assert_eq!(milters(&server, title), signs, "{title}");
        }
        assert_eq!(milters(&server, "Mail from other servers"), []);
        let explain = |what: &str| server.debian.mailprov(&["explain", what]);
        for (what, words) in [
            ("587", "people's mail programs"),
            ("smtpd_forbid_bare_newline", "SMTP smuggling"),
            ("main.cf", "How Postfix receives, routes and sends mail."),
            ("/etc/dovecot/dovecot.conf", "Dovecot keeps the mailboxes"),
            ("auth_mechanisms", "The password itself is sent, but under TLS"),
            ("service lmtp", "Only Postfix may deliver."),
        ] {
            let output = explain(what).success();
            assert!(output.stdout().contains(words), "{what}: {output}");
        }
        let users = explain("/etc/dovecot/users").success();
        assert!(!users.stdout().contains("$6$"), "{users}");
        let _ = explain("smtpd_helo_requird").exits(64);
        let _ = explain("26").exits(64);
    }
}
