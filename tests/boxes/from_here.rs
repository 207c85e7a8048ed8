//! `mailprov check --from-here` sees from another machine, without root and
//! without a login on the host, what the world sees: a server that is well, and
//! each thing that is not.

use std::time::{Duration, Instant};

use crate::common::{CERTIFICATE, KEY, REFUSING, Server, mail_yml, password_of};
use crate::support::{Algorithm, Authority, Debian, Network, Output, Zone, sha512_crypt};
use crate::well::{findings, on_each, set, trust, unset, zone};

/// The parts of a check that only the host can do.
const UNSEEN: [&str; 11] = [
    "configuration",
    "queue",
    "disk",
    "clock",
    "log",
    "outward",
    "ban",
    "send-limit",
    "self-service",
    "spam",
    "resolver",
];

/// A machine elsewhere, with a mail.yml that everybody there may read.
pub(crate) fn laptop(server: &Server) -> Debian {
    server.debian.prepared_neighbour("laptop for checks", server.debian.suite(), |it| {
        trust(&it);
        it.write("/srv/mail.yml", mail_yml(REFUSING.yaml), 0o644);
        it.write("/srv/password", password_of("thomas"), 0o644);
        it
    })
}

/// Checks from there, as somebody who is not root.
pub(crate) fn check(laptop: &Debian, arguments: &[&str]) -> Output {
    let mailprov = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "mailprov"];
    laptop.run(&[&mailprov, &["check", "--from-here", "/srv/mail.yml"][..], arguments].concat())
}

/// Asserts that findings begin like these, and the exit code that follows.
#[track_caller]
fn assert_found(laptop: &Debian, arguments: &[&str], beginnings: &[&str]) {
    let output = check(laptop, &[arguments, &["--json"]].concat());
    let found = findings(&output);
    for beginning in beginnings {
        let is_there = found.iter().any(|it| it.starts_with(beginning));
        assert!(is_there, "{beginning}: {found:#?}\n{output}");
    }
    let is_wrong = found.iter().any(|it| it.contains(": wrong: "));
    assert_eq!(output.code(), i32::from(is_wrong), "{output}");
}

pub(crate) const LOGIN: [&str; 4] = ["--login", "thomas", "--password-file", "/srv/password"];

#[test]
fn a_server_that_is_well_is_well_from_outside_too() {
    on_each(|server| {
        let laptop = laptop(server);
        let _dns = zone(server).serve(server.debian.network(), &[&server.debian, &laptop]);
        let output = check(&laptop, &[&LOGIN[..], &["--json"]].concat()).success();
        let unseen = UNSEEN.map(|part| format!("{part}: not_checked: only the host knows"));
        let found = findings(&output);
        assert_eq!(found.len(), unseen.len(), "{found:#?}");
        assert!(
            unseen.iter().all(|it| found.iter().any(|line| line.starts_with(it))),
            "{found:#?}"
        );
        let mails = "find /var/vmail -type f -path '*Maildir/*/*' -size +0 ! -name 'dovecot*'";
        assert_eq!(server.debian.shell(mails).success().stdout(), "");

        let people = check(&laptop, &[]).success();
        let lines: Vec<String> = people.stdout().lines().map(str::to_owned).collect();
        let unseen = lines.iter().find(|line| line.starts_with("Not checked: ")).unwrap();
        assert!(unseen.contains("mail (needs a login: --login NAME)"), "{people}");
        assert!(lines.last().unwrap().starts_with("mail.example.org is well: "), "{people}");

        // A password that is not the right one; then of nobody's.
        laptop.write("/srv/other", "something else", 0o644);
        let other = ["--login", "anna", "--password-file", "/srv/other", "--only", "login"];
        let refused = ["login.right-password 993: wrong: "];
        assert_found(&laptop, &other, &refused);
        let nobody = check(&laptop, &["--login", "bob", "--password-file", "/srv/other"]).exits(64);
        assert!(nobody.stderr().contains("no account with the login `bob`"), "{nobody}");
        let _ = check(&laptop, &["--password-file", "/srv/other"]).exits(64);
        let _ = check(&laptop, &["--on", "root@10.77.0.2"]).exits(64);
        let _ = laptop.mailprov(&["check", "--login", "thomas", "/srv/mail.yml"]).exits(64);
    });
}

#[test]
fn a_firewall_is_told_of_and_not_waited_for() {
    on_each(|server| {
        let laptop = laptop(server);
        let boxes = [&server.debian, &laptop];
        let dns = zone(server).serve(server.debian.network(), &boxes);
        server.debian.firewall(&[
            "iifname eth0 tcp dport { 465, 993, 12340 } drop",
            "iifname eth0 meta nfproto ipv6 tcp dport 995 reject",
        ]);
        let start = Instant::now();
        let shut = [
            "ports.465 10.77.0.2: wrong: ",
            "ports.993 fd00:77::2: wrong: ",
            "ports.995 fd00:77::2: wrong: ",
            "tls.served 993: wrong: ",
            "mail.sent: wrong: ",
        ];
        assert_found(&laptop, &LOGIN, &shut);
        // One wait for all that is dropped, and one for what should not be there.
        assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
        let people = check(&laptop, &["--only", "ports"]).exits(1);
        let said = people.stdout();
        assert!(said.contains("A firewall on the way drops the connection"), "{people}");
        assert!(!said.contains("✗ Port 587"), "{people}");

        // Port 25 does not answer, while that of others does: so it is the server.
        server.debian.firewall(&["iifname eth0 tcp dport 25 drop"]);
        let open = Zone::default().host("gmail-smtp-in.l.google.com", laptop.addresses());
        let listens = "systemd-run --quiet systemd-socket-activate --accept --inetd -l 25 cat";
        let _ = laptop.shell(listens).success();
        drop(dns);
        let hosts = "10.77.0.2 mail.example.org\nfd00:77::2 mail.example.org\n";
        laptop.write("/etc/hosts", hosts, 0o644);
        let dns = open.serve(server.debian.network(), &boxes);
        let shut = ["ports.25 10.77.0.2: wrong: "];
        assert_found(&laptop, &["--only", "ports,relay"], &shut);
        drop(dns);
        // Neither does that of others: so it may be the network here.
        let shut = Zone::default().host("gmail-smtp-in.l.google.com", Network::client());
        let _dns = shut.serve(server.debian.network(), &boxes);
        let barred = [
            "ports.25 10.77.0.2: not_checked: the network of this machine",
            "tls.served 25: not_checked: ",
            "relay.accepts postmaster@example.org: not_checked: ",
        ];
        assert_found(&laptop, &["--only", "ports,tls,relay"], &barred);
    });
}

#[test]
fn certificates_that_people_s_programs_refuse_turn_red() {
    let authority = Authority::new();
    on_each(|server| {
        let laptop = laptop(server);
        let _dns = zone(server).serve(server.debian.network(), &[&server.debian, &laptop]);
        laptop.write("/usr/local/share/ca-certificates/other.crt", authority.root_pem(), 0o644);
        let _ = laptop.run(&["update-ca-certificates"]).success();
        let show = |chain: &str, key: &str| {
            server.debian.write(CERTIFICATE, chain, 0o644);
            server.debian.write(KEY, key, 0o600);
            let _ = server.debian.shell("systemctl restart dovecot; postfix reload; sleep 1");
        };
        let issue = |names: &[&str], days| authority.issue_for_days(names, Algorithm::Ec, days);
        let on_25_and_993 =
            |words: &str| [25, 993].map(|port| format!("tls.served {port}: {words}"));
        let assert_shown = |words: &str| {
            let lines = on_25_and_993(words);
            assert_found(&laptop, &["--only", "tls"], &lines.each_ref().map(String::as_str));
        };
        let expired = issue(&["mail.example.org"], -1);
        show(&expired.chain_pem(), &expired.key_pem());
        assert_shown("wrong: it expired ");
        // One certificate, told once, with all that hangs on it.
        let people = check(&laptop, &[&LOGIN[..], &["--only", "tls,login,mail"]].concat());
        let people = people.exits(1).stdout();
        let crosses = people.lines().filter(|it| it.contains('✗')).count();
        assert!(crosses == 1 && people.contains(" more depend on it"), "{people}");
        // Its names do not command the terminal.
        let odd = issue(&["a\u{1b}]0;x\u{7}.example"], 90);
        show(&odd.chain_pem(), &odd.key_pem());
        let people = check(&laptop, &["--only", "tls"]).exits(1).stdout();
        assert!(
            people.contains(r"\u{1b}]0;x\u{7}.example") && !people.contains('\u{1b}'),
            "{people}"
        );
        let strange = issue(&["www.example.org"], 90);
        show(&strange.chain_pem(), &strange.key_pem());
        assert_shown("wrong: it is for www.example.org, not for mail.example.org");
        let old = issue(&["mail.example.org"], 20);
        show(&old.chain_pem(), &old.key_pem());
        assert_shown("warning: ");
        // Without the rest of the chain; no password goes to who cannot be known.
        let chain = old.chain_pem();
        let end = chain.find("-----END CERTIFICATE-----\n").unwrap() + 26;
        show(&chain[..end], &old.key_pem());
        assert_shown("wrong: it is signed by no authority that this machine knows");
        let refused = ["login.right-password 993: wrong: TLS failed: "];
        assert_found(&laptop, &[&LOGIN[..], &["--only", "login"]].concat(), &refused);

        let yaml = format!("{}tls: {{self_signed: true}}\n", REFUSING.yaml);
        let yaml = yaml.replace("HASH-", "");
        let yaml = ["thomas", "anna", "auser3"].iter().fold(yaml, |yaml, name| {
            let hash = format!("password: \"{}\"", sha512_crypt(&password_of(name)));
            yaml.replace(&format!("password: {name}"), &hash)
        });
        laptop.write("/srv/mail.yml", yaml, 0o644);
        let alone = ["login: not_checked: its certificate is self-signed"];
        assert_found(&laptop, &[&LOGIN[..], &["--only", "login,tls"]].concat(), &alone);
    });
}

#[test]
fn an_open_relay_and_a_wrong_record_turn_red() {
    on_each(|server| {
        let laptop = laptop(server);
        let boxes = [&server.debian, &laptop];
        let network = server.debian.network();
        let dns = zone(server).serve(network, &boxes);
        set(server, "'mynetworks = 0.0.0.0/0'");
        assert_found(
            &laptop,
            &["--only", "relay"],
            &["relay.closed IPv4: wrong: it accepts mail for bob@far.example"],
        );
        unset(server);
        set(
            server,
            "mua_client_restrictions=permit mua_sender_restrictions= \
             'mua_relay_restrictions=check_client_access static:OK, reject'",
        );
        let mut login = LOGIN.to_vec();
        login.extend(["--only", "spoofing"]);
        let taken = [
            "spoofing.unauthenticated 587: wrong: it accepts mail from postmaster",
            "spoofing.foreign-sender 465: wrong: thomas@example.org may send as somebody@far.example",
        ];
        assert_found(&laptop, &login, &taken);
        unset(server);
        set(server, "smtpd_recipient_restrictions=reject");
        let refused = ["relay.accepts postmaster@example.net: wrong: "];
        assert_found(&laptop, &["--only", "relay"], &refused);
        unset(server);
        drop(dns);
        let clear = match server.debian.suite() {
            crate::support::Suite::Trixie => "auth_allow_cleartext = yes",
            _ => "disable_plaintext_auth = no",
        };
        let line = format!(
            "echo 'ssl = yes\n{clear}' >>/etc/dovecot/dovecot.conf; systemctl restart dovecot; sleep 1"
        );
        let _ = server.debian.shell(&line).success();
        let taken = ["login.plaintext: wrong: port 143 accepts LOGIN without"];
        let dns = zone(server).serve(network, &boxes);
        assert_found(&laptop, &["--only", "login"], &taken);
        drop(dns);

        let addresses = server.debian.addresses();
        let elsewhere = Zone::default()
            .host("mail.example.org", addresses)
            .mx("example.org", "mail.example.com");
        let dns = elsewhere.serve(network, &boxes);
        let wrong = [
            "dns.mx example.org: wrong: it leads to 10 mail.example.com: ",
            "dns.mx example.net: wrong: there is none: ",
        ];
        assert_found(&laptop, &["--only", "dns"], &wrong);
        drop(dns);
        let _dns = Zone::default().serve(network, &boxes);
        let nowhere = [
            "ports.address mail.example.org: wrong: the name leads to no address",
            "dns.address mail.example.org: wrong: there are none: ",
            "tls: not_checked: the server's name leads to no address",
        ];
        assert_found(&laptop, &["--only", "ports,tls,dns"], &nowhere);
    });
}
