//! `watch: daily`: somebody looks each day, and tells only if something is off.

use crate::agent::planned_keys;
use crate::common::{REFUSING, Server, servers};
use crate::support::{Debian, Dns, wait_for};
use crate::well::{serve, trust, zone};

const TIMER: &str = "mailprov-watch.timer";
const SERVICE: &str = "mailprov-watch.service";

/// Has a server watched that is well.
fn watched(server: &Server) -> Dns {
    trust(&server.debian);
    let dns = serve(zone(server), server);
    let text = server.debian.read_text("/etc/mailprov/mail.yml") + "watch: daily\n";
    server.debian.write("/etc/mailprov/mail.yml", text, 0o600);
    let _ = server.debian.mailprov(&["apply", "--yes"]).success();
    dns
}

/// Looks, as the timer has it done.
#[track_caller]
pub(super) fn look(debian: &Debian) {
    let output = debian.run(&["systemctl", "start", SERVICE]);
    let log = debian.run(&["journalctl", "--no-pager", "--output=cat", "--unit", SERVICE]);
    assert!(output.is_success(), "{output}\n{log}");
}

/// Returns the mails of the watch that are in the mailbox of the system's mail.
pub(super) fn mails(server: &Server) -> Vec<String> {
    let found = server.search("thomas", "SUBJECT \"something is off\"");
    found.into_iter().map(|mail| String::from_utf8(mail).unwrap()).collect()
}

#[track_caller]
fn mails_come(server: &Server, count: usize) -> String {
    server.settle();
    let mails = mails(server);
    assert_eq!(mails.len(), count, "{mails:#?}");
    let last = mails.last().unwrap().clone();
    assert!(last.contains("Subject: mailprov: something is off at mail.example.org"), "{last}");
    assert!(!last.contains("$6$") && !last.contains("\u{1b}"), "{last}");
    last
}

#[test]
fn a_mail_comes_if_something_is_off_and_none_else() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let _dns = watched(&server);
        look(debian);
        server.settle();
        let all = mails(&server);
        assert!(all.is_empty(), "{all:#?}");

        let _ = debian.shell("echo '# mine' >>/etc/postfix/main.cf").success();
        look(debian);
        let mail = mails_come(&server, 1);
        for words in ["file:/etc/postfix/main.cf", "changed by hand", "- # mine", "mailprov apply"]
        {
            assert!(mail.contains(words), "{words}: {mail}");
        }
        let _ = debian.mailprov(&["apply", "--yes"]).success();

        let _ = debian.run(&["systemctl", "stop", "mailprov-certificate.path"]).success();
        look(debian);
        let mail = mails_come(&server, 2);
        assert!(mail.contains("service:mailprov-certificate.path  start"), "{mail}");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        look(debian);
        server.settle();
        let all = mails(&server);
        assert_eq!(all.len(), 2, "{}", all.last().unwrap());

        // A person sees the same, and the exit code tells.
        let output = debian.mailprov(&["watch"]).exits(0);
        assert!(output.stdout().contains("Nothing to do"), "{output}");
        let _ = debian.run(&["systemctl", "stop", TIMER]).success();
        let output = debian.mailprov(&["watch"]).exits(2);
        assert!(output.stdout().contains(&format!("service:{TIMER}  start")), "{output}");

        // What is wrong with mail.yml itself is told as well, if only to root.
        let text = debian.read_text("/etc/mailprov/mail.yml");
        let broken = text.replace("hostname:", "hostnme:");
        debian.write("/etc/mailprov/mail.yml", broken, 0o600);
        look(debian);
        server.settle();
        let mails = mails(&server);
        assert!(mails.len() == 3 && mails[2].contains("hostnme"), "{mails:#?}");
        debian.write("/etc/mailprov/mail.yml", text, 0o600);

        // Where no mail can be sent, the unit fails, and the journal has the text.
        let _ = debian.shell("mv /usr/sbin/sendmail /usr/sbin/sendmail.gone").success();
        let _ = debian.run(&["systemctl", "start", SERVICE]).exits(1);
        let log = debian.run(&["journalctl", "--no-pager", "--output=cat", "--unit", SERVICE]);
        let log = log.success().stdout();
        for words in ["no mail could be sent to thomas@example.org", &format!("service:{TIMER}")] {
            assert!(log.contains(words), "{words}: {log}");
        }
    }
}

#[test]
fn the_timer_comes_and_goes_with_the_key() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let is = |what: &str| debian.run(&["systemctl", what, TIMER]).stdout().trim().to_owned();
        let without = debian.read_text("/etc/mailprov/mail.yml");
        assert_eq!(is("is-active"), "inactive");
        debian.write("/etc/mailprov/mail.yml", without.clone() + "watch: daily\n", 0o600);
        let unit = |name: &str| format!("file:/etc/systemd/system/{name}");
        let timer = format!("service:{TIMER}");
        assert_eq!(planned_keys(debian), [unit(SERVICE), unit(TIMER), timer.clone()]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!((&*is("is-active"), &*is("is-enabled")), ("active", "enabled"));
        assert_eq!(planned_keys(debian), [""; 0]);
        let list = || debian.run(&["systemctl", "list-timers", "--no-pager", TIMER]).stdout();
        let next = ["systemctl", "show", "--property=NextElapseUSecRealtime", "--value", TIMER];
        let next = debian.run(&next).success().stdout();
        assert!(next.contains(" 00:"), "after midnight: {next}");
        assert!(list().contains(SERVICE), "{}", list());
        for name in [TIMER, SERVICE] {
            let path = format!("/etc/systemd/system/{name}");
            let output = debian.run(&["systemd-analyze", "verify", &path]);
            assert!(output.is_success() && output.stderr().is_empty(), "{output}");
        }

        debian.write("/etc/mailprov/mail.yml", without.clone() + "watch: hourly\n", 0o600);
        assert_eq!(planned_keys(debian), [unit(TIMER), timer.clone()]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let show = ["systemctl", "show", "--property=TimersCalendar", "--value", TIMER];
        let shown = debian.run(&show).success().stdout();
        assert!(shown.contains("*-*-* *:00:00"), "{shown}");
        for (damage, line) in [
            ("stopped", format!("systemctl stop {TIMER}")),
            ("disabled", format!("systemctl disable {TIMER}")),
        ] {
            let _ = debian.shell(&line).success();
            assert_eq!(planned_keys(debian), [&*timer], "{damage}");
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            assert_eq!(planned_keys(debian), [""; 0], "{damage}");
        }

        debian.write("/etc/mailprov/mail.yml", without.clone(), 0o600);
        assert_eq!(planned_keys(debian), [timer.clone(), unit(TIMER), unit(SERVICE)]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(planned_keys(debian), [""; 0]);
        assert_eq!(is("is-active"), "inactive");
        assert!(!list().contains(SERVICE), "{}", list());
        let left = debian.shell("find /etc/systemd -name 'mailprov-watch*'").success().stdout();
        assert_eq!(left, "");
        // And the way back from that.
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert_eq!((&*is("is-active"), &*is("is-enabled")), ("active", "enabled"));
        let shown = debian.run(&show).success().stdout();
        assert!(shown.contains("*-*-* *:00:00"), "{shown}");
        // To before there was one.
        let _ = debian.mailprov(&["rollback", "2", "--yes"]).success();
        assert_eq!(is("is-active"), "inactive");
        let left = debian.shell("find /etc/systemd -name 'mailprov-watch*'").success().stdout();
        assert_eq!(left, "");
        debian.write("/etc/mailprov/mail.yml", without, 0o600);
        assert_eq!(planned_keys(debian), [""; 0]);
    }
}

#[test]
fn the_next_look_waits_for_a_run_that_is_under_way() {
    let server = servers(REFUSING).next().unwrap();
    let _dns = watched(&server);
    let debian = &server.debian;
    // Holds the lock and stands still, with something off.
    let _ = debian.shell("echo '# mine' >>/etc/postfix/main.cf").success();
    let lock = "exec 9>>/run/mailprov/lock; flock 9; echo held; sleep 60";
    let holder = debian.spawn(&["sh", "-c", lock]);
    wait_for("the lock to be held", || (debian.mailprov(&["watch"]).code() == 75).then_some(()));
    look(debian);
    server.settle();
    assert!(mails(&server).is_empty());
    let _ = holder.kill();
}
