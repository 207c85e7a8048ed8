//! Packages come without a question, without a daemon that nobody configured,
//! and without a race for apt's locks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::agent::{converged, greeting, mail_yml, nothing_to_do, planned_keys};
use crate::support::{Debian, Suite, wait_at_most, wait_for};

/// What a host may say about starting services.
const POLICY: &str = "#!/bin/sh\n# the host's own\nexit 0\n";

/// Ports of each daemon with the file that makes it ours.
const LISTENERS: [(u16, &str); 2] =
    [(25, "/etc/postfix/main.cf"), (143, "/etc/dovecot/dovecot.conf")];

#[test]
fn nothing_asks_and_no_daemon_listens_before_it_is_ours() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        debian.write("/usr/sbin/policy-rc.d", POLICY, 0o750);
        let policy = debian.snapshot().get("/usr/sbin/policy-rc.d").unwrap().clone();
        let (over, heard) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for (port, file) in LISTENERS {
                        if debian.connect(port).is_ok() {
                            assert!(debian.read_text(file).contains("mailprov"), "port {port}");
                            heard.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
            // Who asks would ask here, in vain, and wait for ever.
            let ask = ["env", "DEBIAN_FRONTEND=readline", "DEBIAN_PRIORITY=low", "timeout", "300"];
            let output = debian.run(&[&ask[..], &["mailprov", "apply", "--yes"]].concat());
            // A watch that hears nothing of the finished server proves nothing.
            let works = wait_at_most(Duration::from_secs(20), || {
                heard.load(Ordering::Relaxed).then_some(())
            });
            over.store(true, Ordering::Relaxed);
            assert!(output.is_success() && works.is_some(), "{output}");
        });
        assert_eq!(debian.snapshot().get("/usr/sbin/policy-rc.d"), Some(&policy));
        assert!(!debian.exists("/usr/sbin/policy-rc.d.mailprov-kept"));
        nothing_to_do(&debian, "after apply");
    }
}

#[test]
fn a_host_whose_own_name_nobody_knows_becomes_a_mail_server_too() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        debian.write("/etc/hosts", "127.0.0.1 localhost\n", 0o644);
        let output = debian.mailprov(&["apply", "--yes"]);
        assert!(output.is_success(), "{output}");
        nothing_to_do(&debian, "after apply");
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
    }
}

#[test]
fn without_package_lists_and_network_it_says_so_and_leaves_nothing_half_done() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml()).without_package_lists();
        let output = debian.mailprov(&["plan"]).success();
        assert!(output.stdout().contains("package:postfix"), "{output}");
        let before = debian.snapshot();
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        let text = output.stderr();
        assert!(text.contains("apt-get") && text.contains("update"), "{output}");
        assert!(text.contains("resolv") || text.contains("connect"), "{output}");
        let after = debian.snapshot();
        before
            .diff(&after)
            .without(&[
                "/var/lib/mailprov",
                "/var/lib/apt",
                "/var/cache/apt",
                "/var/log",
                "/var/cache/debconf",
            ])
            .without_folder_times(&after)
            .assert_empty();
    }
}

/// Holds a lock as dpkg does (fcntl(2)), until it is killed.
const HOLD: &str = "open F, '>>', $ARGV[0] or die; \
    my $lock = pack('s s x4 q q i', 1, 0, 0, 0, 0); fcntl(F, 6, $lock) or die; sleep 1000";

#[test]
fn it_waits_for_whoever_holds_apt_s_lock_and_says_for_whom() {
    for suite in Suite::ALL {
        let debian = Debian::with_mail_packages(suite).mail_yml(&mail_yml());
        let _ = debian.shell("dpkg --remove dovecot-pop3d").success();
        for lock in ["/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock"] {
            let mut holder = debian.spawn(&["perl", "-e", HOLD, lock]);
            let line = "exec mailprov apply --yes >/root/said 2>&1";
            let mut run = debian.spawn(&["sh", "-c", line]);
            wait_for("it to wait", || {
                assert!(holder.is_running());
                assert!(run.is_running(), "{}", debian.read_text("/root/said"));
                let said = debian.exists("/root/said").then(|| debian.read_text("/root/said"))?;
                said.contains("waiting for perl (process ").then_some(())
            });
            let _ = holder.kill();
            assert!(run.wait().is_success(), "{}", debian.read_text("/root/said"));
            nothing_to_do(&debian, lock);
            let _ = debian.shell("dpkg --remove dovecot-pop3d");
        }
    }
}

/// Makes of the box's package cache a source of its own, beside sources that are
/// dead in one way each: without a release, unsigned, expired, out of reach.
const SOURCES: &str = r#"
set -eu
mkdir -p /srv/repo /srv/unsigned /srv/expired
cd /srv/repo
cp /var/cache/apt/archives/*.deb .
for deb in *.deb; do
    dpkg-deb -f "$deb"
    echo "Filename: ./$deb"
    echo "Size: $(stat -c %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d' ' -f1)"
    echo
done >Packages
: >/srv/unsigned/Packages
printf 'Origin: unsigned\nSuite: x\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n' >/srv/unsigned/Release
: >/srv/expired/Packages
sum=$(sha256sum /srv/expired/Packages | cut -d' ' -f1)
printf 'Origin: expired\nSuite: x\nDate: Thu, 01 Jan 2015 00:00:00 UTC\nValid-Until: Fri, 02 Jan 2015 00:00:00 UTC\nSHA256:\n %s 0 Packages\n' "$sum" >/srv/expired/Release
rm -rf /var/lib/apt/lists/* /etc/apt/sources.list.d/*
rm -f /var/cache/apt/archives/*.deb
cat >/etc/apt/sources.list <<END
deb cdrom:[Debian GNU/Linux 12 - Official amd64 DVD]/ stable main
deb file:/srv/unsigned ./
deb [trusted=yes] file:/srv/expired ./
deb http://127.0.0.1:9/vendor x main
deb [trusted=yes] file:/srv/repo ./
END
echo 'Acquire::Check-Valid-Until "true";' >/etc/apt/apt.conf.d/zz-valid
"#;

#[test]
fn a_dead_source_is_named_and_stops_nothing() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        let _ = debian.run_with_input(&["sh"], SOURCES.as_bytes()).success();
        assert!(!debian.run(&["apt-get", "update"]).is_success(), "all sources are alive");
        let _ = debian.shell("rm -rf /var/lib/apt/lists/*").success();
        let output = debian.mailprov(&["apply", "--yes"]).success();
        for source in ["cdrom:", "/srv/unsigned", "/srv/expired", "127.0.0.1:9"] {
            let is_named = |line: &str| {
                line.contains("apt cannot use one of its sources") && line.contains(source)
            };
            assert!(output.stderr().lines().any(is_named), "{source}: {output}");
        }
        nothing_to_do(&debian, "after apply");
    }
}

#[test]
fn a_package_whose_files_are_gone_is_mended() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let _ = debian.shell("systemctl stop postfix; rm -rf /etc/postfix").success();
        let plan = debian.mailprov(&["plan"]).success().stdout();
        let words = "~ package:postfix  files of it are missing: /etc/postfix";
        assert!(plan.contains(words), "{plan}");
        let debian = debian.apply();
        nothing_to_do(&debian, "after the folder was gone");
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));

        // A folder made by hand does not hide it, nor that it runs.
        let _ = debian.shell("rm -rf /etc/postfix && mkdir /etc/postfix").success();
        let debian = debian.apply();
        assert!(debian.exists("/etc/postfix/postfix-files"));
        nothing_to_do(&debian, "after its files were gone");

        let _ =
            debian.shell("rm -rf /etc/dovecot /usr/sbin/postmap /usr/lib/dovecot/pop3").success();
        let keys = planned_keys(&debian);
        for package in ["package:dovecot-core", "package:dovecot-pop3d", "package:postfix"] {
            assert!(keys.iter().any(|key| key == package), "{package}: {keys:?}");
        }
        let debian = debian.apply();
        nothing_to_do(&debian, "after programs were gone");
        assert!(greeting(&debian, 110).starts_with("+OK"));

        // Cut off while apt unpacked: dpkg cannot configure such a package any more.
        for (package, state) in
            [("dovecot-lmtpd", "half-installed"), ("libexttextcat-2.0-0", "unpacked")]
        {
            let half = format!(
                "sed -i '/^Package: {package}$/,/^$/s/^Status: .*/Status: install reinstreq \
                 {state}/' /var/lib/dpkg/status"
            );
            let _ = debian.shell(&half).success();
            assert_eq!(planned_keys(&debian), ["package:dovecot-lmtpd"]);
        }
        assert!(debian.run(&["dpkg", "--audit"]).stdout().contains("libexttextcat-2.0-0"));
        let debian = debian.apply();
        assert_eq!(debian.run(&["dpkg", "--audit"]).stdout(), "");
        nothing_to_do(&debian, "after packages were half-installed");

        // A file for another program, which a person may well remove, is none of ours.
        let _ =
            debian.shell("rm /etc/ppp/ip-up.d/postfix /etc/ufw/applications.d/postfix").success();
        nothing_to_do(&debian, "without files for others");

        // Where it cannot be mended, that is said with the command.
        let _ = debian.shell("rm -rf /etc/postfix /var/cache/apt/archives/postfix_*").success();
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains("--reinstall"), "{output}");
        assert!(!output.stderr().contains("add a `directory` step"), "{output}");
    }
}
