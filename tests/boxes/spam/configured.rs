//! The filter's configuration: checked before it counts, and gone when it is
//! switched off.

use std::net::UdpSocket;

use super::{FILTERED, WORDS, filtered, from, serve, server, world};
use crate::agent::nothing_to_do;
use crate::common::{Server, mail_yml};
use crate::dkim::records;
use crate::resolver::begin_at;
use crate::support::{Network, Suite, judge, on_each};

#[test]
fn broken_settings_are_refused_and_good_ones_are_loaded_by_a_reload() {
    for server in filtered() {
        let with = |extra: &str| {
            mail_yml(&[FILTERED.yaml, "extra:\n  rspamd: |\n    ", extra, "\n"].concat())
        };
        let main = |server: &Server| server.debian.run(&["pidof", "-s", "rspamd"]).stdout();
        let before = server.debian.snapshot();
        let running = main(&server);
        for broken in ["actions { reject = ", "no_such_thing \"x\" {", "}"] {
            server.debian.write("/etc/mailprov/mail.yml", with(broken), 0o600);
            let output = server.debian.mailprov(&["apply", "--yes"]).exits(1);
            assert!(output.stderr().contains("does not accept"), "{output}");
        }
        assert_eq!(main(&server), running);
        let touched = before.diff(&server.debian.snapshot()).to_string();
        assert!(!touched.contains("/etc/rspamd"), "{touched}");

        let debian = server.debian.mail_yml(&with("max_message = 20Mb;")).apply();
        nothing_to_do(&debian, "with a setting of one's own");
        let log = debian.shell("journalctl -o cat -u rspamd | grep -c 'Reload'").stdout();
        assert_ne!(log.trim(), "", "{log}");
        let server = Server::of(debian, FILTERED);
        assert_eq!(main(&server), running, "it was restarted");
        let debian = server.debian.mail_yml(&mail_yml(FILTERED.yaml)).apply();
        assert!(!debian.exists("/etc/rspamd/rspamd.conf.local"));
        nothing_to_do(&debian, "without it");
    }
}

#[test]
fn thresholds_are_those_of_mail_yml_and_names_come_from_its_resolver() {
    for suite in Suite::ALL {
        let server = Server::start(FILTERED, suite);
        let zone = world(&server).signed();
        begin_at(&server.debian, &zone.anchor());
        let _dns = zone.serve(server.debian.network(), &[&server.debian]);
        let text = FILTERED.yaml.replace("{allow:", "{junk: 1, reject: 2, allow:");
        let text = mail_yml(&[&text, "resolver: true\n"].concat());
        let debian = server.debian.mail_yml(&text).apply();
        nothing_to_do(&debian, "with a resolver");
        // Postfix asks elsewhere from now on, the filter does not.
        let elsewhere = format!("nameserver {}\n", Network::client().v4);
        debian.write("/etc/resolv.conf", elsewhere, 0o644);
        let _ = debian.run(&["systemctl", "restart", "rspamd"]).success();
        let server = Server::of(debian, FILTERED);
        server.wait_for_filter();
        let before = questions(&server);
        // Forged, which counts 9.5.
        let letter = from("boss@strict.test", "", WORDS);
        let mut smtp = server.good_server();
        let sent = smtp.send("boss@strict.test", &["thomas@example.org"], letter.bytes());
        sent.unwrap().expect_code(554);
        assert!(questions(&server) > before);
    }
}

/// Counts what the resolver of a host was asked.
fn questions(server: &Server) -> u32 {
    let numbers = server.debian.run(&["unbound-control", "stats_noreset"]).success().stdout();
    let mut lines = numbers.lines();
    let total = lines.find_map(|line| line.strip_prefix("total.num.queries="));
    total.unwrap().parse().unwrap()
}

/// The lists that answer in this way those who ask through a public resolver or are
/// not registered.
const LISTS: [&str; 9] = [
    "spamhaus.org",
    "score.senderscore.com",
    "mailspike.net",
    "spameatingmonkey.net",
    "dnswl.org",
    "virusfree.cz",
    "manitu.net",
    "blocklist.de",
    "msbl.org",
];

#[test]
fn blocklists_that_block_everyone_do_not_count() {
    for suite in Suite::ALL {
        for answer in ["127.255.255.254", "127.255.255.255"] {
            let server = Server::start(FILTERED, suite);
            let blocked = answer.parse().unwrap();
            let zone = LISTS.iter().fold(world(&server), |zone, list| zone.below(list, blocked));
            // These two say it like this.
            let zone = ["multi.uribl.com", "multi.surbl.org"]
                .iter()
                .fold(zone, |zone, list| zone.below(list, "127.0.0.1".parse().unwrap()));
            let _dns = serve(&server, zone);
            let letter = from("Ida <ida@good.test>", "", WORDS);
            let (folder, mail) = server.filed("ida@good.test", &letter);
            assert_eq!(folder, "INBOX", "{suite:?} {answer} {mail}");
        }
    }
}

#[test]
fn without_dns_mail_is_taken_and_the_check_says_so() {
    on_each(filtered(), |server| {
        // It takes the questions and says nothing, so that each lookup takes as long as it can.
        let dead = Network::client().v4;
        let silent = || UdpSocket::bind((dead, 53)).unwrap();
        let _silent = server.debian.network().enter(silent);
        server.debian.write("/etc/resolv.conf", format!("nameserver {dead}\n"), 0o644);
        let _ = server.debian.run(&["systemctl", "restart", "rspamd", "postfix"]).success();
        server.wait_for_filter();
        // From a domain of ours, as Postfix asks for no other; thomas finds it in Junk.
        let letter = from("stranger@example.org", "", WORDS);
        let _ = server.filed("stranger@example.org", &letter);
        let refused = from("stranger@example.org", "", super::judged::GTUBE);
        let mut smtp = server.good_server();
        let sent = smtp.send("stranger@example.org", &["thomas@example.org"], refused.bytes());
        sent.unwrap().expect_code(554);
        // What people send is signed.
        let letter = from("thomas@example.org", "", WORDS);
        let mut smtp = server.submission("thomas");
        let sent = smtp.send("thomas@example.org", &["anna@example.org"], letter.bytes());
        sent.unwrap().expect_code(250);
        server.settle();
        let signatures = judge(&server.copies("anna", &letter)[0], &records(&server.debian));
        assert!(matches!(&signatures[..], [one] if one.valid), "{signatures:?}");
        let check = server.debian.mailprov(&["check", "--json", "--only", "spam,mail"]);
        let found = crate::well::findings(&check);
        // The test mails are found all the same.
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].starts_with("spam.resolver: wrong: "), "{found:#?}");
    });
}

#[test]
fn nothing_is_left_once_it_is_switched_off() {
    for suite in Suite::ALL {
        let (server, _dns) = server(suite);
        let yaml = FILTERED.yaml.lines().filter(|line| !line.starts_with("spam:"));
        let yaml: String = yaml.map(|line| format!("{line}\n")).collect();
        let debian = server.debian.mail_yml(&mail_yml(&yaml)).apply();
        nothing_to_do(&debian, "without a spam filter");
        let left = debian.shell(
            "pgrep rspamd; ls -d /var/spool/postfix/rspamd/* /var/lib/rspamd-learn \
             /etc/rspamd/local.d/* /etc/rspamd/override.d/* /etc/rspamd/rspamd.local.lua \
             /etc/systemd/system/rspamd.service.d /etc/dovecot/sieve-bin \
             /etc/dovecot/sieve/learn-*; postconf -n | grep rspamd; \
             systemctl is-enabled rspamd",
        );
        // Debian 13 brings examples.
        let stdout = left.stdout();
        let left = stdout.lines().filter(|it| *it != "disabled" && !it.ends_with(".example"));
        assert_eq!(left.collect::<Vec<_>>(), [""; 0]);
        let server = Server::of(debian, FILTERED);
        let letter = from("Ida <ida@good.test>", "", WORDS);
        let (folder, mail) = server.filed("ida@good.test", &letter);
        assert_eq!(folder, "INBOX");
        assert!(!mail.contains("Authentication-Results:"), "{mail}");
        // And on again.
        let debian = server.debian.mail_yml(&mail_yml(FILTERED.yaml)).apply();
        nothing_to_do(&debian, "with a spam filter again");
    }
}
