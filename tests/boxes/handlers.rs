//! A restart that is owed is paid, whenever the run that owed it died; and none
//! happens that is not owed.

use super::agent::{
    converged, greeting, mail_yml, managed, masters, mends, nothing_to_do, planned_keys,
};
use crate::support::{Debian, Suite, wait_for};

/// Changes Postfix's configuration in mail.yml, so that port 25 tells.
fn with_another_size(debian: &Debian) {
    let text = mail_yml() + "message_size: 1MiB\n";
    debian.write("/etc/mailprov/mail.yml", text, 0o600);
}

/// Tells whether port 25 announces the message size of [`with_another_size`].
fn announces_another_size(debian: &Debian) -> bool {
    let mut smtp = crate::support::Smtp::connect(debian.connect(25).unwrap()).unwrap();
    smtp.ehlo().unwrap().contains(&"SIZE 1048576".to_owned())
}

#[cfg(feature = "faults")]
#[test]
fn a_run_killed_after_it_wrote_a_file_leaves_a_restart_that_the_next_one_makes() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        assert!(!announces_another_size(&debian));
        with_another_size(&debian);
        let all = ["file:/etc/dovecot/users", "file:/etc/postfix/main.cf", "service:postfix"];
        assert_eq!(planned_keys(&debian), all);
        let killed = super::provoked::apply_with(&debian, "kill change 2");
        assert_eq!(killed.code(), super::provoked::KILLED, "{killed}");
        assert_eq!(planned_keys(&debian), ["service:postfix"]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert!(announces_another_size(&debian));
        nothing_to_do(&debian, "after the second run");
    }
}

#[test]
fn a_restart_that_failed_is_made_by_the_next_run() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let old = debian.shell("systemctl show --property=FragmentPath --value postfix").stdout();
        let drop_in = "/run/systemd/system/postfix.service.d/broken.conf";
        debian.write(
            drop_in,
            "[Service]\nExecStart=\nExecStart=/bin/false\nExecReload=\nExecReload=/bin/false\n",
            0o644,
        );
        let _ = debian.shell("systemctl daemon-reload; systemctl stop postfix").success();
        with_another_size(&debian);
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains("Run Postfix"), "{old} {output}");
        let _ = debian.shell(&format!("rm {drop_in}; systemctl daemon-reload")).success();
        assert!(planned_keys(&debian).contains(&"service:postfix".to_owned()));
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert!(announces_another_size(&debian));
        nothing_to_do(&debian, "after the next run");
    }
}

#[test]
fn a_run_killed_at_any_moment_is_finished_by_the_next() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        // Each is a moment that a run comes by: it is killed there, and started again.
        let moments = [
            "test -e /usr/sbin/policy-rc.d",
            "pgrep -x dpkg",
            "grep -q '^Package: dovecot-lmtpd' /var/lib/dpkg/status",
            "test -e /etc/ssl/private/mailprov.key",
            "grep -q mailprov /etc/postfix/main.cf",
            "test -e /etc/postfix/virtual.db",
            "pgrep -x dovecot",
        ];
        for moment in moments {
            let mut run = debian.spawn(&["mailprov", "apply", "--yes"]);
            let come = wait_for(moment, || match debian.shell(moment).is_success() {
                true => Some(true),
                false => (!run.is_running()).then_some(false),
            });
            let output = run.kill();
            assert!(come, "the run ended before `{moment}`: {output}");
            // What it had started goes on by itself, as apt does.
            wait_for("apt to end", || {
                (!debian.shell("pgrep -x 'apt-get|dpkg'").is_success()).then_some(())
            });
        }
        let output = debian.mailprov(&["apply", "--yes"]);
        assert!(output.is_success(), "{output}");
        nothing_to_do(&debian, "after a run that was left alone");
        assert!(!debian.exists("/usr/sbin/policy-rc.d"));
        let left = debian.shell("find /etc /usr/sbin /var/lib/mailprov -name '*mailprov-new*'");
        assert_eq!(left.success().stdout(), "");
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
        assert!(greeting(&debian, 143).starts_with("* OK"));
    }
}

#[test]
fn a_reload_keeps_the_process_and_a_restart_does_not() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let _ = debian.shell(
            "kill -9 $(cat /run/dovecot/master.pid) $(cat /var/spool/postfix/pid/master.pid)",
        );
        mends(&debian, "killed", &["service:dovecot", "service:postfix"]);
        let ours = masters(&debian);
        // Processes that the program started itself take up files by a reload, once a run.
        let line = "for f in postfix/main.cf postfix/master.cf dovecot/dovecot.conf; do echo >>/etc/$f; done";
        let since = debian.shell(&format!("{line}; date +%s.%N")).success().stdout();
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(masters(&debian), ours);
        let log = ["journalctl", "--no-pager", "--output=cat", "--since"];
        let log =
            debian.run(&[&log[..], &[&format!("@{}", since.trim())]].concat()).success().stdout();
        let reloads = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        assert_eq!(reloads("reload -- version"), 1, "{log}");
        assert_eq!(reloads("SIGHUP received - reloading"), 1, "{log}");
        nothing_to_do(&debian, "after a reload");
        // One that somebody else started is not known to run with what was on disk.
        let _ = debian.shell("echo >>/etc/postfix/main.cf; systemctl restart postfix").success();
        let theirs = masters(&debian);
        mends(&debian, "started by hand", &["file:/etc/postfix/main.cf", "service:postfix"]);
        assert_ne!(masters(&debian)["postfix"], theirs["postfix"]);
        assert_eq!(masters(&debian)["dovecot"], theirs["dovecot"]);
    }
}

#[test]
fn a_start_that_is_under_way_is_waited_for() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        debian.write(
            "/run/systemd/system/dovecot.service.d/slow.conf",
            "[Service]\nExecStartPre=/bin/sleep 2\n",
            0o644,
        );
        let start =
            "systemctl daemon-reload; systemctl stop dovecot; systemctl --no-block start dovecot";
        let _ = debian.shell(start).success();
        nothing_to_do(&debian, "while it starts");
        assert!(greeting(&debian, 143).starts_with("* OK"));
    }
}

#[test]
fn an_account_more_restarts_and_reloads_nothing() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = masters(&debian);
        let anna = mail_yml().replace("  anna:", "  berta:\n    password: \"HASH\"\n  anna:");
        let text = anna.replace("HASH", &crate::support::sha512_crypt("other"));
        debian.write("/etc/mailprov/mail.yml", text, 0o600);
        let of_accounts = ["/users", "/mailboxes", "/virtual", "/senders", "/aliases"];
        let mut keys = managed(&debian);
        keys.retain(|key| of_accounts.iter().any(|name| key.ends_with(name)));
        assert!(keys.len() > of_accounts.len(), "{keys:?}");
        mends(&debian, "an account more", &keys);
        assert_eq!(masters(&debian), before);
        let tls = crate::support::Tls::unverified("mail.example.org");
        let mut imap =
            crate::support::Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
        assert!(imap.login("berta", "other").unwrap().is_ok());
    }
}
