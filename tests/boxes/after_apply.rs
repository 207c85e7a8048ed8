//! After an `apply` that changed something, it is looked whether the server is
//! well: soon, without noise, and without a word too many. It never makes of a
//! good run a failed one.

use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::common::{REFUSING, Server, servers};
use crate::support::{Output, wait_for};
use crate::well::trust;

const APPLY: [&str; 3] = ["mailprov", "apply", "--yes"];

const STAYS: &str = "The changes stay applied, but something is wrong";

/// Makes servers whose certificate their own authorities vouch for.
fn trusting() -> impl Iterator<Item = Server> {
    servers(REFUSING).inspect(|server| trust(&server.debian))
}

/// Changes something by hand that the next apply puts back.
fn change(server: &Server, file: &str) {
    let _ = server.debian.shell(&format!("echo '# mine' >>{file}")).success();
}

fn apply(server: &Server, more: &[&str]) -> Output {
    server.debian.run(&[&APPLY, more].concat()).success()
}

/// Returns how many findings are well, as the last lines say.
fn ok(output: &Output) -> usize {
    let said = output.stdout();
    let before = said.rsplit_once(" ok.").unwrap().0;
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Returns how many lines the journal has, and those that warn.
fn journal(server: &Server) -> (usize, String) {
    let all = server.debian.shell("journalctl -q -o cat | wc -l").success().stdout();
    let warnings = "journalctl -q -o cat -p warning -u 'postfix*' -u dovecot";
    (all.trim().parse().unwrap(), server.debian.shell(warnings).success().stdout())
}

#[test]
fn all_is_well_takes_a_line_and_a_moment() {
    for server in trusting() {
        // Nothing to do, nothing to look at.
        let output = apply(&server, &[]);
        assert!(!output.stdout().contains("is well"), "{output}");

        // Whatever has just begun anew, there is no false alarm.
        for file in ["/etc/postfix/main.cf", "/etc/dovecot/dovecot.conf", "/etc/aliases"] {
            change(&server, file);
            thread::sleep(Duration::from_millis(1100));
            let output = apply(&server, &[]);
            let lines = output.stdout();
            let last: Vec<_> = lines.lines().rev().take(2).collect();
            assert!(last[1].starts_with("Done: "), "{output}");
            assert!(last[0].starts_with("mail.example.org is well: "), "{output}");
            let asked = last[0].split_once("`mailprov check`").unwrap().1;
            for check in [
                "relay",
                "spoofing",
                "resolver",
                "sieve",
                "ban",
                "send-limit",
                "spam",
                "mail",
                "dns",
            ] {
                assert!(asked.contains(&format!(" {check}")), "{check}: {output}");
            }
        }
        // Five in a row: a password for a moment is never taken for the one before. Dovecot
        // looks at it once a second.
        let (lines, warnings) = journal(&server);
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(1100));
            change(&server, "/etc/aliases");
            let output = apply(&server, &[]);
            assert!(ok(&output) > 30, "{output}");
            assert!(output.stdout().contains("is well: "), "{output}");
        }
        let (more, later) = journal(&server);
        assert!(more - lines < 5 * 130, "{} lines", more - lines);
        assert_eq!(warnings, later);
        let failed = server
            .debian
            .shell("journalctl -q -o short-precise | grep -iE 'auth(entication)? failed'");
        assert_eq!(failed.stdout(), "");
        let left = "ls -A /var/vmail; ls -A /run/mailprov-check 2>/dev/null";
        assert_eq!(server.debian.shell(left).stdout(), "");

        change(&server, "/etc/aliases");
        let all = ok(&apply(&server, &[]));
        change(&server, "/etc/aliases");
        let output = apply(&server, &["--json"]);
        let lines: Vec<Value> =
            output.stdout().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |event: &str| lines.iter().filter(|it| it["event"] == event).count();
        assert_eq!([of("applied"), of("finding"), of("checked")], [1, all, 1], "{output}");
        assert_eq!(lines.last().unwrap()["wrong"], 0);

        for silent in ["--no-check", "--quiet"] {
            change(&server, "/etc/aliases");
            assert!(!apply(&server, &[silent]).stdout().contains("well"));
        }
    }
}

#[test]
fn a_wrong_setting_is_named_and_changes_nothing() {
    for server in trusting() {
        let debian = &server.debian;
        // What lies between the daemons and the world is not apply's.
        debian.firewall(&["meta nfproto ipv6 tcp dport 993 reject"]);
        change(&server, "/etc/aliases");
        let output = apply(&server, &[]);
        let said = output.stdout();
        assert!(said.contains("✗ Port 993 at fd00:77::2: wrong: "), "{output}");
        assert!(!said.contains('✓'), "{output}");
        assert!(said.contains("1 wrong at mail.example.org: "), "{output}");
        assert!(ok(&output) > 30, "{output}");
        assert!(said.contains(STAYS), "{output}");
        assert!(said.ends_with("Then check again: mailprov check\n"), "{output}");
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);

        change(&server, "/etc/aliases");
        let output = apply(&server, &["--quiet"]);
        assert!(output.stdout().contains(STAYS), "{output}");
        change(&server, "/etc/aliases");
        let output = apply(&server, &["--json"]);
        let last: Value = serde_json::from_str(output.stdout().lines().last().unwrap()).unwrap();
        assert_eq!([&last["event"], &last["wrong"]], [&Value::from("checked"), &Value::from(1)]);
    }
}

#[test]
fn ctrl_c_ends_the_look_only() {
    for server in trusting() {
        let debian = &server.debian;
        // Nothing comes back: the look would take seconds.
        debian.firewall(&["meta nfproto ipv6 tcp dport 993 drop"]);
        change(&server, "/etc/aliases");
        let mut run = debian.spawn(&APPLY);
        wait_for("the look", || debian.exists("/run/mailprov-check/imap").then_some(()));
        run.signal(Signal::SIGINT);
        let start = Instant::now();
        let output = run.wait().success();
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        let said = output.stderr();
        assert!(said.contains("told to stop: the changes are made and stay"), "{output}");
        assert!(said.contains("was interrupted: it was told to stop"), "{output}");
        assert!(!debian.exists("/run/mailprov-check"));
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        assert_eq!(debian.run(&["ls", "-A", "/var/vmail"]).stdout(), "");
    }
}

#[test]
fn a_look_that_cannot_be_made_does_no_harm() {
    for server in trusting() {
        let debian = &server.debian;
        // Where a password for a moment would be written, nothing can be.
        let mount = "mkdir /run/mailprov-check && mount -t tmpfs none /run/mailprov-check && \
                     touch /run/mailprov-check/there";
        let _ = debian.shell(mount).success();
        change(&server, "/etc/aliases");
        let output = apply(&server, &[]);
        assert!(output.stdout().contains("? Logins: "), "{output}");
        assert!(output.stdout().contains(" ok, 1 not checked."), "{output}");
    }
}
