//! What `explain` says is so: the ports, the sockets, the folder.

use std::collections::BTreeSet;

use crate::common::{Letter, REFUSING, Server, servers};

/// Returns the stops of all ways, as `explain --json` names them.
fn stops(server: &Server) -> BTreeSet<String> {
    let said = server.debian.mailprov(&["explain", "--json"]).success().stdout();
    let ways = said.lines().map(|line| {
        let way: serde_json::Value = serde_json::from_str(line).unwrap();
        way["stops"].as_array().unwrap().clone()
    });
    ways.flatten().map(|stop| stop["name"].as_str().unwrap().to_owned()).collect()
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
