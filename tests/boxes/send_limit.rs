//! An account writes to so many recipients, and a thief of its password to no more.

use std::thread;
use std::time::{Duration, Instant};

use crate::agent::planned_keys;
use crate::common::{Letter, Server, Spec, mail_yml, servers};
use crate::support::{Smtp, SmtpReply, wait_for};
use crate::well::findings;

/// Thomas gets the system's mail.
const LIMITED: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna, aliases: [fun], send_limit: 6/day}
  auser3: {password: HASH-auser3, send_limit: none}
send_limit: 4/day
",
    logins: &["thomas", "anna", "auser3"],
};

const UNLIMITED: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna, aliases: [fun]}
  auser3: {password: HASH-auser3}
send_limit: none
",
    logins: LIMITED.logins,
};

const STATE: &str = "/var/lib/mailprov-send-limit";
const LIMITS: &str = "/etc/postfix/send_limits";

/// Sends a mail to so many recipients, and returns the answer to it.
#[track_caller]
fn send(smtp: &mut Smtp, login: &str, recipients: usize) -> SmtpReply {
    let to: Vec<_> = (0..recipients).map(|number| format!("auser3+{number}@example.org")).collect();
    let to: Vec<_> = to.iter().map(String::as_str).collect();
    smtp.send(&format!("{login}@example.org"), &to, Letter::new().bytes()).unwrap()
}

#[track_caller]
fn assert_refused(reply: &SmtpReply, words: &str) {
    let text = reply.to_string();
    assert!(reply.code == 450 && text.contains("4.7.1") && text.contains(words), "{text}");
}

/// Returns the notices that have come.
fn notices(server: &Server) -> Vec<String> {
    server.settle();
    let found = server.search("thomas", "SUBJECT \"reached its send limit\"");
    found.into_iter().map(|mail| String::from_utf8(mail).unwrap()).collect()
}

/// Returns what the check finds, with its exit code.
fn check(server: &Server) -> (Vec<String>, i32) {
    let output = server.debian.mailprov(&["check", "--json", "--only", "send-limit"]);
    (findings(&output), output.code())
}

#[test]
fn a_thief_of_a_password_sends_no_more_than_the_limit_and_the_owner_of_the_host_is_told() {
    for server in servers(LIMITED) {
        assert_eq!(check(&server), (Vec::new(), 0));
        let mut one = server.submission("thomas");
        let mut other = server.submissions("thomas@example.org");
        for _ in 0..2 {
            send(&mut one, "thomas", 1).expect_code(250);
            send(&mut other, "thomas", 1).expect_code(250);
        }
        for _ in 0..3 {
            let refused = send(&mut one, "thomas", 1);
            assert_refused(&refused, "may send to 4 recipients in a day; try again in 6 hours");
            one.command("RSET").unwrap().expect_code(250);
        }
        // Recipients count, and nobody else suffers.
        let mut anna = server.submission("anna");
        send(&mut anna, "anna", 5).expect_code(250);
        assert_refused(&send(&mut anna, "fun", 2), "6 recipients in a day; try again in 4 hours");
        anna.command("RSET").unwrap().expect_code(250);
        send(&mut anna, "fun", 1).expect_code(250);
        assert_refused(&send(&mut anna, "anna", 7), "and this mail has 7");
        let mut unlimited = server.submission("auser3");
        for _ in 0..8 {
            send(&mut unlimited, "auser3", 1).expect_code(250);
        }
        let letter = Letter::new();
        server.receive(&["thomas@example.org"], &letter);
        let from_host = server.write_from_host("thomas@example.org");
        assert_eq!([server.readers(&letter), server.readers(&from_host)], [["thomas"], ["thomas"]]);

        // One mail about each, and no more of them.
        let told = wait_for("two notices", || {
            let told = notices(&server);
            (told.len() == 2).then_some(told)
        });
        let about_anna = told.iter().find(|mail| mail.contains("The account anna ")).unwrap();
        assert!(about_anna.contains("mailprov account passwd anna"), "{about_anna}");
        assert!(about_anna.contains("\r\nFrom: mailprov-limit@mail.example.org"), "{about_anna}");
        assert!(about_anna.contains("\r\nSubject: mailprov: anna has reached"), "{about_anna}");
        assert!(told.iter().any(|mail| mail.contains("The account thomas ")), "{told:#?}");
        let (found, code) = check(&server);
        let beginnings = [
            "send-limit.reached thomas: wrong: reached; 3 mails were refused within a day, the last",
            "send-limit.reached anna: wrong: reached; 2 mails were refused within a day, the last",
        ];
        assert_eq!((found.len(), code), (2, 1), "{found:#?}");
        for (line, beginning) in found.iter().zip(beginnings) {
            assert!(line.starts_with(beginning), "{line}");
            assert!(line.contains(": If this was not the person"), "{line}");
        }
        let log = server.debian.run(&["journalctl", "-u", "postfix*", "-p", "warning"]).stdout();
        assert!(!log.contains("send-limit") && !log.contains("policy"), "{log}");
    }
}

#[test]
fn the_count_survives_a_reboot_and_only_root_and_the_program_may_write_it() {
    for mut server in servers(LIMITED) {
        send(&mut server.submission("thomas"), "thomas", 4).expect_code(250);
        server.debian.reboot();
        wait_for("Postfix", || server.debian.connect(587).ok());
        assert_refused(&send(&mut server.submission("thomas"), "thomas", 1), "4 recipients");
        let stat = server.debian.run(&["stat", "-c", "%U:%G %a", STATE]).success().stdout();
        assert_eq!(stat.trim(), "mailprov-limit:mailprov-limit 600");
        let as_mail = ["setpriv", "--reuid=vmail", "--regid=vmail", "--clear-groups"];
        let read = [&as_mail[..], &["cat", STATE]].concat();
        assert!(!server.debian.run(&read).is_success());
        let user = server.debian.run(&["getent", "passwd", "mailprov-limit"]).success().stdout();
        assert!(user.trim().ends_with(":/nonexistent:/usr/sbin/nologin"), "{user}");
        // It may read neither the accounts nor mail.yml.
        let as_it = ["setpriv", "--reuid=mailprov-limit", "--regid=mailprov-limit"];
        for secret in ["/etc/dovecot/users", "/etc/mailprov/mail.yml", "/var/vmail/thomas"] {
            let read = [&as_it[..], &["--clear-groups", "ls", "-d"], &[secret]].concat();
            let cat = [&as_it[..], &["--clear-groups", "head", "-c1"], &[secret]].concat();
            let output = server.debian.run(&cat);
            assert!(!output.is_success(), "{output}{}", server.debian.run(&read));
        }

        // A raised limit counts at once, a lowered one as well, and a plan is empty.
        let raised = LIMITED.yaml.replace("send_limit: 4/day", "send_limit: 6/day");
        let apply = |text: &str| {
            server.debian.write("/etc/mailprov/mail.yml", mail_yml(text), 0o600);
            let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        };
        apply(&raised);
        assert_eq!(planned_keys(&server.debian), Vec::<String>::new());
        send(&mut server.submission("thomas"), "thomas", 2).expect_code(250);
        assert_refused(&send(&mut server.submission("thomas"), "thomas", 1), "6 recipients");

        // A damaged file counts anew.
        server.debian.write(STATE, b"\xff\xff\n0 0 thomas\n00000000000000", 0o600);
        send(&mut server.submission("thomas"), "thomas", 6).expect_code(250);
        assert_refused(&send(&mut server.submission("thomas"), "thomas", 1), "6 recipients");
    }
}

#[test]
fn mails_that_are_sent_at_the_same_time_are_all_counted() {
    for server in servers(LIMITED) {
        let text = LIMITED.yaml.replace("send_limit: 4/day", "send_limit: 20/day");
        server.debian.write("/etc/mailprov/mail.yml", mail_yml(&text), 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        let sent: usize = thread::scope(|scope| {
            let send = |_| {
                let server = &server;
                scope.spawn(move || {
                    let mut smtp = server.submission("thomas");
                    let codes = (0..5).map(|_| {
                        let code = send(&mut smtp, "thomas", 1).code;
                        smtp.command("RSET").unwrap().expect_code(250);
                        code
                    });
                    codes.filter(|code| *code == 250).count()
                })
            };
            let threads: Vec<_> = (0..8).map(send).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(sent, 20);
        assert_eq!(notices(&server).len(), 1);
    }
}

#[test]
fn mail_goes_on_without_the_program_and_the_limit_goes_with_its_key() {
    for server in servers(LIMITED) {
        let debian = &server.debian;
        let runs = |line: &str| debian.shell(line).success();
        let _ = runs("mv /usr/local/bin/mailprov /root/mailprov");
        let begun = Instant::now();
        for _ in 0..6 {
            send(&mut server.submission("thomas"), "thomas", 1).expect_code(250);
        }
        assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
        let check = ["/root/mailprov", "check", "--json", "--only", "send-limit"];
        let found = findings(&debian.run(&check));
        assert!(
            found[0].starts_with("send-limit.counted: wrong: the program that counts"),
            "{found:?}"
        );
        let _ = runs("mv /root/mailprov /usr/local/bin/mailprov");
        // So does it where the count cannot be written.
        let _ = runs(&format!("chown root: {STATE} && chmod 600 {STATE}"));
        send(&mut server.submission("thomas"), "thomas", 6).expect_code(250);
        assert!(debian.journal().contains("the send limit is not kept"));
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_refused(&send(&mut server.submission("thomas"), "thomas", 5), "has 5");

        debian.write("/etc/mailprov/mail.yml", mail_yml(UNLIMITED.yaml), 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(planned_keys(debian), Vec::<String>::new());
        for path in [STATE, LIMITS] {
            assert!(!debian.exists(path), "{path}");
        }
        let config =
            debian.read_text("/etc/postfix/master.cf") + &debian.read_text("/etc/postfix/main.cf");
        assert!(!config.contains("send-limit"), "{config}");
        let mut thomas = server.submission("thomas");
        send(&mut thomas, "thomas", 10).expect_code(250);
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert!(debian.exists(STATE) && debian.exists(LIMITS));
    }
}

#[test]
fn an_address_names_no_more_recipients_a_minute_however_many_accounts_it_has() {
    for server in servers(LIMITED) {
        let mut codes = Vec::new();
        for login in ["thomas", "anna"] {
            let mut smtp = server.submission(login);
            smtp.mail(&format!("{login}@example.org")).unwrap().expect_code(250);
            codes.extend((0..501).map(|_| smtp.rcpt("auser3@example.org").unwrap().code));
        }
        assert!(codes[..1000].iter().all(|code| *code == 250), "{codes:?}");
        assert_eq!(codes[1000..], [450, 450]);
    }
}

/// Returns how long a mail to one recipient takes, in milliseconds: the middle of many.
fn latency(server: &Server) -> u128 {
    let mut smtp = server.submission("auser3");
    let mut times: Vec<_> = (0..40)
        .map(|_| {
            let begun = Instant::now();
            send(&mut smtp, "auser3", 1).expect_code(250);
            begun.elapsed().as_millis()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
#[expect(clippy::print_stderr, reason = "the figures, for `--nocapture`")]
fn counting_keeps_no_process_and_little_time() {
    for server in servers(LIMITED) {
        let text = LIMITED.yaml.replace("send_limit: none}", "send_limit: 10000/day}");
        server.debian.write("/etc/mailprov/mail.yml", mail_yml(&text), 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        let with = latency(&server);
        wait_for("the end of the last process", || {
            let processes = server.debian.run(&["ps", "-e", "-o", "comm="]).success().stdout();
            (!processes.contains("mailprov")).then_some(())
        });
        let server = server.change(UNLIMITED);
        let without = latency(&server);
        eprintln!(
            "{}: {with} ms a mail with the limit, {without} ms without",
            server.debian.name()
        );
        assert!(with < without + 150, "{with} ms, without it {without} ms");
    }
}
