//! The right password opens every door, whatever is in it, and no other does.

use std::net::TcpStream;
use std::thread;

use crate::common::{CERTIFICATE, KEY, REFUSING, Server, password_of, servers};
use crate::support::{Imap, Pop3, Smtp, Suite, Tls, sha512_crypt};

/// Accounts and passwords: two have the same.
fn accounts() -> [(&'static str, String); 5] {
    [
        ("percent", "100%u %n %% %{user} $6$ {PLAIN}x".to_owned()),
        ("quotes", "\"it's\" a \\ back\\\\slash: #no comment".to_owned()),
        ("utf8", "Grüße, 世界 ñ 🔑".to_owned()),
        ("long", "0123456789abcdef".repeat(8)),
        ("twin", "0123456789abcdef".repeat(8)),
    ]
}

/// A server for these accounts.
fn server(suite: Suite) -> Server {
    let mut yaml = "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n".to_owned();
    for (name, password) in accounts() {
        yaml += &format!("  {name}: {{password: \"{}\"}}\n", sha512_crypt(&password));
    }
    let server = Server::start(REFUSING, suite);
    yaml += &format!("ban: false\nspam: false\ntls: {{certificate: {CERTIFICATE}, key: {KEY}}}\n");
    server.debian.write("/etc/mailprov/mail.yml", yaml, 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    server
}

/// Logs in with a name and a password at one of the ports.
type Door = fn(&Server, &str, &str) -> bool;

/// All ports with a password, in all the ways to tell it.
const DOORS: [Door; 7] = [
    |server, name, password| {
        let imap = Imap::connect_tls(connect(server, 993), &Server::tls());
        imap.unwrap().login(name, password).unwrap().is_ok()
    },
    |server, name, password| {
        let imap = Imap::connect_starttls(connect(server, 143), &Server::tls());
        imap.unwrap().login(name, password).unwrap().is_ok()
    },
    |server, name, password| {
        let pop3 = Pop3::connect_tls(connect(server, 995), &Server::tls());
        pop3.unwrap().login(name, password).is_ok()
    },
    |server, name, password| {
        let pop3 = Pop3::connect_stls(connect(server, 110), &Server::tls());
        pop3.unwrap().login(name, password).is_ok()
    },
    |server, name, password| {
        server.anonymous_submission().auth_plain(name, password).unwrap().code == 235
    },
    |server, name, password| {
        server.anonymous_submission().auth_login(name, password).unwrap().code == 235
    },
    |server, name, password| {
        let mut smtp = Smtp::connect_tls(connect(server, 465), &Server::tls()).unwrap();
        smtp.ehlo().unwrap();
        smtp.auth_plain(name, password).unwrap().code == 235
    },
];

fn connect(server: &Server, port: u16) -> TcpStream {
    server.debian.connect(port).unwrap()
}

#[test]
fn a_password_of_any_letters_opens_every_door() {
    for suite in Suite::ALL {
        let server = server(suite);
        for (name, password) in accounts() {
            for (index, door) in DOORS.iter().enumerate() {
                assert!(door(&server, name, &password), "{name} at door {index}");
            }
        }
    }
}

#[test]
fn a_wrong_password_opens_none() {
    for suite in Suite::ALL {
        let server = server(suite);
        let accounts = accounts();
        let (name, password) = &accounts[3];
        // A refusal takes its time, and more so each time: so all at once.
        thread::scope(|scope| {
            for (index, door) in DOORS.iter().enumerate() {
                for wrong in [&password[1..], "{PLAIN}", &accounts[0].1] {
                    let server = &server;
                    scope.spawn(move || assert!(!door(server, name, wrong), "{index}: {wrong}"));
                }
            }
        });
        assert!(DOORS.iter().all(|door| door(&server, name, password)));
    }
}

#[test]
fn no_mailbox_opens_before_tls() {
    for server in servers(REFUSING) {
        let password = password_of("thomas");
        let mut imap = Imap::connect(connect(&server, 143)).unwrap();
        let capabilities = imap.capabilities().unwrap();
        assert!(capabilities.contains(&"LOGINDISABLED".to_owned()), "{capabilities:?}");
        assert!(!capabilities.iter().any(|word| word.starts_with("AUTH=")), "{capabilities:?}");
        assert!(!imap.login("thomas", &password).unwrap().is_ok());
        imap.starttls(&Server::tls()).unwrap();
        assert!(imap.login("thomas", &password).unwrap().is_ok());

        let mut pop3 = Pop3::connect(connect(&server, 110)).unwrap();
        let capabilities = pop3.capabilities().unwrap();
        assert!(capabilities.contains(&"STLS".to_owned()), "{capabilities:?}");
        assert!(!capabilities.contains(&"USER".to_owned()), "{capabilities:?}");
        assert!(pop3.login("thomas", &password).is_err());
        pop3.stls(&Server::tls()).unwrap();
        pop3.login("thomas", &password).unwrap();
    }
}

#[test]
fn a_user_of_the_system_has_no_mailbox_and_a_mailbox_no_login_on_the_system() {
    for server in servers(REFUSING) {
        let secret = "a system user's secret";
        let _ = server.debian.run(&["useradd", "--create-home", "--shell=/bin/bash", "sam"]);
        let line = format!("sam:{secret}\nroot:{secret}\n");
        let _ = server.debian.run_with_input(&["chpasswd"], line.as_bytes()).success();
        let _ = server.debian.shell("getent passwd sam").success();
        server.answer_to("sam@example.org").expect_code(550);
        server.answer_to("sam@mail.example.org").expect_code(550);
        for name in ["sam", "root"] {
            assert!(!server.anonymous_imap().login(name, secret).unwrap().is_ok(), "{name}");
        }
        let mut imap = server.imap("anna");
        assert_eq!(imap.select("INBOX").unwrap(), 0);
        for name in ["thomas", "anna", "auser3"] {
            assert_eq!(server.debian.run(&["getent", "passwd", name]).code(), 2, "{name}");
        }
    }
}

#[test]
fn every_scheme_that_mail_yml_takes_opens_the_mailbox() {
    let password = "the secret of thomas";
    for server in servers(REFUSING) {
        for scheme in ["SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "SSHA512", "PBKDF2", "CRYPT"] {
            let hash = server.debian.run(&["doveadm", "pw", "-s", scheme, "-p", password]);
            let yaml = format!(
                "hostname: mail.example.org\ndomains: [example.org]\ntls: {{self_signed: true}}\n\
                 ban: false\nspam: false\naccounts:\n  thomas: {{password: '{}'}}\n",
                hash.success().stdout().trim(),
            );
            server.debian.write("/etc/mailprov/mail.yml", yaml, 0o600);
            let applied = server.debian.mailprov(&["apply", "--yes"]);
            assert!(applied.is_success(), "{scheme}: {applied}");
            let tls = Tls::unverified("mail.example.org");
            let connect = |port| server.debian.connect(port).unwrap();
            let mut imap = Imap::connect_tls(connect(993), &tls).unwrap();
            assert!(imap.login("thomas", password).unwrap().is_ok(), "{scheme}");
            let mut smtp = Smtp::connect_starttls(connect(587), &tls).unwrap();
            smtp.auth_plain("thomas", password).unwrap().expect_code(235);
        }
    }
}

#[test]
fn one_accounts_password_is_not_anothers() {
    for server in servers(REFUSING) {
        let thomas = password_of("thomas");
        assert!(!server.anonymous_imap().login("anna", &thomas).unwrap().is_ok());
        assert!(server.anonymous_imap().login("thomas", &thomas).unwrap().is_ok());
    }
}
