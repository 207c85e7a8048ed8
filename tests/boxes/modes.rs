//! The same server in its other forms.

use std::io::{BufRead, BufReader};

use crate::common::{
    Letter, ONLY_THOMAS, REFUSING, STRANGER, Server, Spec, mail_yml, password_of, servers,
};
use crate::support::{Smtp, Suite};

#[test]
fn a_name_can_be_a_mailbox_of_its_own_in_each_domain() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
mailboxes: per-domain
accounts:
  thomas: {password: HASH-thomas, aliases: [info]}
  anna@example.net: {password: HASH-anna}
catch_all: {example.net: anna@example.net}
",
        logins: &["thomas@example.org", "thomas@example.net", "anna@example.net"],
    };
    for server in servers(REFUSING) {
        let server = server.change(spec);
        for (to, reader) in [
            ("thomas@example.org", "thomas@example.org"),
            ("Thomas+tag@EXAMPLE.net", "thomas@example.net"),
            ("info@example.org", "thomas@example.org"),
            ("info@example.net", "thomas@example.net"),
            ("anna@example.net", "anna@example.net"),
            ("nobody@example.net", "anna@example.net"),
        ] {
            assert_eq!(server.reached_by(to), [reader], "{to}");
        }
        server.answer_to("anna@example.org").expect_code(550);

        // Without a domain it is the first one's.
        let mut imap = server.imap("thomas");
        assert_eq!(imap.select("INBOX").unwrap(), 2);
        for (login, sender, code) in [
            ("thomas@example.org", "thomas@example.org", 250),
            ("thomas@example.org", "info@example.org", 250),
            ("thomas@example.org", "thomas@example.net", 553),
            ("thomas@example.net", "thomas@example.net", 250),
            ("thomas@example.net", "thomas@example.org", 553),
            ("anna@example.net", "nobody@example.net", 250),
            ("anna@example.net", "nobody@example.org", 553),
        ] {
            let reply = server.answer_to_submission(login, sender, "thomas@example.org");
            assert_eq!(reply.code, code, "{login} as {sender}");
        }
    }
}

#[test]
fn a_login_in_a_domain_outside_ascii_may_be_typed_as_it_is_read() {
    let spec = Spec {
        yaml: "\
hostname: mail.example.org
domains: [münchen.example, 例え.example, example.org]
accounts:
  anna: {password: HASH-anna}
",
        logins: &["anna"],
    };
    for suite in Suite::ALL {
        for mailboxes in ["shared", "per-domain"] {
            let server = Server::start(REFUSING, suite)
                .change_with(spec, &format!("mailboxes: {mailboxes}\n"));
            for login in [
                "anna@xn--mnchen-3ya.example",
                "anna@münchen.example",
                "Anna@MÜNCHEN.Example",
                "anna@例え.example",
            ] {
                server.imap(login);
                server.pop3(login);
                server.submissions(login);
                let from = login.to_lowercase().replace("münchen", "xn--mnchen-3ya");
                if from.is_ascii() {
                    let reply = server.answer_to_submission(login, &from, "bob@elsewhere.example");
                    assert!(reply.is_positive(), "{login} as {from}: {reply}");
                }
            }
            let mut imap = server.anonymous_imap();
            assert!(imap.login("anna@müller.example", "wrong").unwrap().ok().is_err());
        }
    }
}

#[test]
fn the_hosts_name_can_be_one_of_the_domains() {
    let spec = Spec {
        yaml: "\
hostname: example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna}
system_mail: anna
",
        logins: &["thomas", "anna"],
    };
    for server in servers(REFUSING) {
        let server = server.change(spec);
        assert_eq!(server.stranger().greeting().text(), "example.org ESMTP");
        assert_eq!(server.reached_by("thomas@example.org"), ["thomas"]);
        assert_eq!(server.reached_by("root@example.org"), ["anna"]);
        server.answer_to("www-data@example.org").expect_code(550);
        for (name, reader) in [("root", "anna"), ("www-data", "anna"), ("thomas", "thomas")] {
            let letter = server.write_from_host(name);
            assert_eq!(server.readers(&letter), [reader], "{name}");
        }
        let journal = server.debian.journal();
        assert!(!journal.contains("do not list domain"), "{journal}");
    }
}

#[test]
fn imap_and_pop3_can_each_be_switched_off() {
    for server in servers(REFUSING) {
        let is_open = |server: &Server, port| server.debian.connect(port).is_ok();
        assert!([110, 995, 143, 993].iter().all(|port| is_open(&server, *port)));
        let server = server.change_with(ONLY_THOMAS, "services: {pop3: false}\n");
        assert_eq!(server.reached_by("thomas@example.org"), ["thomas"]);
        assert!(!is_open(&server, 110) && !is_open(&server, 995));

        let server = server.change_with(ONLY_THOMAS, "services: {imap: false}\n");
        assert!(!is_open(&server, 143) && !is_open(&server, 993));
        assert_eq!(server.pop3("thomas").list().unwrap().len(), 1);
        server.submission("thomas").mail("thomas@example.org").unwrap().expect_code(250);
    }
}

#[test]
fn the_size_of_a_mail_can_be_limited() {
    for server in servers(REFUSING) {
        let server = server.change_with(ONLY_THOMAS, "message_size: 1MiB\n");
        assert!(server.stranger().ehlo().unwrap().contains(&"SIZE 1048576".to_owned()));
        for (lines, code) in [(1000, 250), (1100, 552)] {
            let letter = Letter::saying(&[&[b'x'; 998][..], b"\r\n"].concat().repeat(lines));
            let mut smtp = server.stranger();
            let reply = smtp.send(STRANGER, &["thomas@example.org"], letter.bytes());
            reply.unwrap().expect_code(code);
        }
    }
}

#[test]
fn extra_settings_win_and_nothing_warns_of_them() {
    let extra = "\
extra:
  postfix: {smtpd_banner: hello from $myhostname, smtpd_client_connection_rate_limit: \"300\"}
  dovecot: |
    login_greeting = good day
";
    for server in servers(REFUSING) {
        let server = server.change_with(ONLY_THOMAS, extra);
        assert_eq!(server.stranger().greeting().text(), "hello from mail.example.org");
        let mut greeting = String::new();
        let mut stream = BufReader::new(server.debian.connect(110).unwrap());
        stream.read_line(&mut greeting).unwrap();
        assert_eq!(greeting, "+OK good day\r\n");
        assert_eq!(server.debian.shell("postconf -n; doveconf -n").success().stderr(), "");
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn services_of_ones_own_run_beside_and_in_the_place_of_ours() {
    const LINES: &str = "\
extra:
  postfix:
    policyd_time_limit: \"3600\"
    postscreen_greet_wait: 1s
    smtpd_recipient_restrictions: >-
      reject_unlisted_recipient, permit_mynetworks, reject_non_fqdn_recipient,
      check_policy_service unix:private/policyd
  postfix_master:
    - policyd unix - n n - 0 spawn user=nobody argv=/usr/local/bin/policyd
    - 25 inet n - y - 1 postscreen
    - smtpd pass - - y - - smtpd
    - 2525 inet n - y - - smtpd -o syslog_name=postfix/2525 -o smtpd_sasl_auth_enable=yes
  dovecot: |
    service lmtp {
      inet_listener lmtp {
        port = 24
      }
    }
    service imap-login {
      inet_listener imap {
        port = 0
      }
    }
";
    const POLICY: &str = "\
#!/bin/sh
while read -r line; do
    case $line in
        recipient=thomas+no@*) answer='REJECT by our policy' ;;
        '') echo \"action=${answer:-DUNNO}\"; echo; answer= ;;
    esac
done
";
    for server in servers(REFUSING) {
        server.debian.write("/usr/local/bin/policyd", POLICY, 0o755);
        let server = server.change_with(ONLY_THOMAS, LINES);
        let debian = &server.debian;
        let reply = server.answer_to("thomas+no@example.org");
        assert!(reply.code == 554 && reply.text().contains("by our policy"), "{reply}");
        assert_eq!(server.reached_by("thomas@example.org"), ["thomas"]);
        assert!(debian.journal().contains("postfix/postscreen["));
        let mut smtp =
            Smtp::connect_starttls(debian.connect(2525).unwrap(), &Server::tls()).unwrap();
        smtp.auth_plain("thomas", &password_of("thomas")).unwrap().expect_code(235);
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        // What `extra` asks for is no intruder, what it closes is not missed.
        assert!(debian.connect(24).is_ok() && debian.connect(143).is_err());
        let _ = debian.mailprov(&["check", "--only", "ports"]).exits(0);
        assert_eq!(debian.run(&["postconf", "-n"]).success().stderr(), "");

        // What Postfix could not read is not put in place.
        let lines = LINES.replace("policyd_time_limit", "polycid_time_limit");
        debian.write("/root/mail.yml", mail_yml(&[ONLY_THOMAS.yaml, &lines].concat()), 0o600);
        let said = debian.mailprov(&["apply", "--yes", "/root/mail.yml"]).exits(1).stderr();
        assert!(said.contains("polycid_time_limit"), "{said}");

        let server = server.change(ONLY_THOMAS);
        assert!(server.debian.connect(2525).is_err());
        assert_eq!(server.reached_by("thomas@example.org"), ["thomas"]);
    }
}
