//! A host that serves mail already, by another program: that one goes, and comes
//! back; what is in the way and stays is named before anything is changed.

use super::agent::{events, greeting, mail_yml, nothing_to_do};
use crate::support::{Debian, Suite, wait_for};

/// A server that fails last of all: its port 25 lets nobody in.
const BROKEN: &str = "extra: {postfix: {smtpd_relay_restrictions: permit}}\n";

fn has(debian: &Debian, program: &str) -> bool {
    debian.run(&["pidof", program]).is_success()
}

fn has_exim(debian: &Debian) -> bool {
    has(debian, "exim4")
}

/// Returns the state of a package as `dpkg --list` has it, such as `ii`.
fn state_of(debian: &Debian, package: &str) -> String {
    let query = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", package];
    debian.run(&query).stdout().trim().to_owned()
}

fn with(suite: Suite, package: &'static str) -> Debian {
    Debian::prepared(package, suite, |debian| {
        debian.stock(&[package]);
        debian.install(&[package]);
        debian
    })
    .mail_yml(&mail_yml())
}

/// Waits until a server answers on port 25, and returns how it calls itself.
fn on_port_25(debian: &Debian) -> String {
    wait_for("port 25", || debian.connect(25).ok());
    greeting(debian, 25)
}

#[test]
fn exim_that_runs_is_stopped_with_its_package_and_comes_back() {
    for suite in Suite::ALL {
        let debian = with(suite, "exim4-daemon-light");
        // As Debian configures it, exim serves this machine only.
        wait_for("exim", || has_exim(&debian).then_some(()));
        let plan = debian.mailprov(&["plan"]).success().stdout();
        assert!(plan.contains("- package:exim4-daemon-light  in the way of the others"), "{plan}");

        // A run that fails brings it back.
        let broken = mail_yml() + BROKEN;
        let debian = debian.mail_yml(&broken);
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(!output.stderr().contains("stays as it is now"), "{output}");
        assert!(!output.stderr().contains("is not back"), "{output}");
        wait_for("exim again", || has_exim(&debian).then_some(()));
        let versions = |debian: &Debian| {
            debian.run(&["dpkg-query", "--show", "exim4-daemon-light"]).success().stdout()
        };
        let version = versions(&debian);

        let debian = debian.mail_yml(&mail_yml()).apply();
        assert!(!has_exim(&debian));
        assert!(on_port_25(&debian).starts_with("220 mail.example.org ESMTP"));
        nothing_to_do(&debian, "after the takeover");

        let output = debian.mailprov(&["rollback", "--yes"]).success();
        assert!(!output.stderr().contains("stays as it is now"), "{output}");
        assert!(output.stdout().contains("comes back"), "{output}");
        assert_eq!(versions(&debian), version);
        wait_for("exim once more", || has_exim(&debian).then_some(()));
        assert!(!has(&debian, "master"));

        // And the rollback can be taken back.
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert!(!has_exim(&debian));
        assert!(on_port_25(&debian).starts_with("220 mail.example.org ESMTP"));
        nothing_to_do(&debian, "after the rollback of the rollback");
    }
}

#[test]
fn another_server_is_stopped_as_well() {
    for suite in Suite::ALL {
        let debian = with(suite, "opensmtpd");
        // It too serves this machine only.
        wait_for("the server", || has(&debian, "smtpd").then_some(()));
        let debian = debian.apply();
        assert_ne!(state_of(&debian, "opensmtpd"), "ii");
        assert!(on_port_25(&debian).starts_with("220 mail.example.org ESMTP"));
    }
}

#[test]
fn packages_that_a_run_removed_come_back_with_a_purge_or_are_named() {
    for suite in Suite::ALL {
        let debian = with(suite, "msmtp-mta").apply();
        assert_ne!(state_of(&debian, "msmtp-mta"), "ii");
        let output = debian.mailprov(&["rollback", "1", "--purge", "--yes"]).success();
        let shown = output.stdout();
        assert!(shown.contains("+ package:msmtp-mta"), "{output}");
        assert!(shown.contains("- package:postfix  brought by what is taken back"), "{output}");
        assert!(!shown.contains("in the way"), "{output}");
        assert_eq!(state_of(&debian, "msmtp-mta"), "ii");
        assert!(debian.run(&["/usr/sbin/sendmail", "--version"]).stdout().contains("msmtp"));
        assert_eq!(state_of(&debian, "postfix"), "");

        // Where apt has it no more, that is said.
        let debian = debian.apply();
        let _ = debian.shell("rm /var/cache/apt/archives/msmtp*").success();
        let output = debian.mailprov(&["rollback", "--yes"]).success();
        let words = "msmtp-mta was removed and is not back: apt-get install msmtp-mta";
        assert!(output.stderr().contains(words), "{output}");
    }
}

/// Listens as another program does, until it is killed.
const LISTEN: &str = "use Socket; socket(S, PF_INET, SOCK_STREAM, 0) or die; \
    setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); \
    bind(S, sockaddr_in($ARGV[0], INADDR_ANY)) or die; listen(S, 5) or die; sleep 1000";

#[test]
fn a_port_that_another_program_keeps_is_named_before_anything_is_changed() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite).mail_yml(&mail_yml());
        for port in ["25", "993"] {
            let other = debian.spawn(&["perl", "-e", LISTEN, port]);
            let number = port.parse().unwrap();
            wait_for("the port", || debian.connect(number).ok());
            let before = debian.snapshot();
            for command in [&["plan"][..], &["apply", "--yes"]] {
                let output = debian.mailprov(command).exits(1);
                let said = output.stderr();
                assert!(
                    said.contains(&format!("port {port} is held by perl (process ")),
                    "{output}"
                );
                assert!(said.contains("kill "), "{output}");
            }
            let after = debian.snapshot();
            let own = ["/var/lib/mailprov", "/run", "/var/log", "/var/cache/apt"];
            before.diff(&after).without(&own).without_folder_times(&after).assert_empty();
            let _ = other.kill();
        }
        let debian = debian.apply();
        // A service that is to be started where another was faster.
        let _ = debian.run(&["systemctl", "stop", "postfix"]).success();
        wait_for("the port to be free", || debian.connect(587).is_err().then_some(()));
        let other = debian.spawn(&["perl", "-e", LISTEN, "587"]);
        wait_for("the port", || debian.connect(587).ok());
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains("port 587 is held by perl (process "), "{output}");
        let _ = other.kill();
        let debian = debian.apply();
        nothing_to_do(&debian, "once the port is free");
    }
}

/// What a person may have set up beside what Debian did.
const OWN: &str = r#"
set -eu
postconf -e 'smtpd_milters = inet:localhost:8891' 'non_smtpd_milters = inet:localhost:8891' \
    'milter_default_action = accept' 'mydestination = $myhostname, localhost, old.example' \
    'mynetworks = 127.0.0.0/8 192.168.1.0/24' 'home_mailbox = Maildir/' \
    'virtual_alias_maps = hash:/etc/postfix/virtual' 'maximal_queue_lifetime = 10d'
echo 'old@example.org anna' >/etc/postfix/virtual
echo 'root: me@elsewhere.example' >>/etc/aliases
printf 'policyd-spf unix - n n - 0 spawn\n  user=nobody argv=/usr/bin/policyd-spf\n' \
    >>/etc/postfix/master.cf
echo 'mail_plugins = quota' >/etc/dovecot/local.conf
echo 'a mail' >/var/mail/anna
"#;

#[test]
fn features_lost_with_the_old_server_are_named() {
    for suite in Suite::ALL {
        let debian = Debian::with_mail_packages(suite).mail_yml(&mail_yml());
        let title = "What the mail server of this host does now, and then no more";
        let prepare = "[ -e /etc/postfix/main.cf ] || \
                       cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf; \
                       [ -e /etc/aliases ] || echo 'postmaster: root' >/etc/aliases";
        let _ = debian.shell(prepare).success();
        let plan = debian.mailprov(&["plan"]).success().stdout();
        assert!(!plan.contains(title), "{plan}");

        let _ = debian.run_with_input(&["sh"], OWN.as_bytes()).success();
        let plan = debian.mailprov(&["plan"]).success().stdout();
        let (notes, _) = plan.split_once("Keep the originals").unwrap();
        assert!(notes.starts_with(title), "{notes}");
        for words in [
            "a milter, which signs",
            "extra: {postfix: {milter_default_action: \"accept\"",
            "takes mail for old.example",
            "without a password for 192.168.1.0/24",
            "home_mailbox = Maildir/",
            "leads mail for old@example.org",
            "maximal_queue_lifetime = 10d",
            "Mail for `root` on this machine goes to me@elsewhere.example",
            "policyd-spf unix (spawn)",
            "mail_plugins",
            "There is mail in /var/mail: anna (1 KiB)",
        ] {
            assert!(notes.contains(words), "{words}: {notes}");
        }
        let output = debian.mailprov(&["plan", "--json"]).success();
        let notes = events(&output).into_iter().filter(|event| event["event"] == "note");
        let notes: Vec<_> = notes.collect();
        assert!(notes.len() >= 8, "{notes:#?}");
        assert!(notes.iter().all(|note| note["text"].is_string() && note["keep"].is_string()));

        // What `extra` keeps is not lost; and afterwards there is nothing to say.
        let kept = mail_yml() + "extra: {postfix: {maximal_queue_lifetime: \"10d\"}}\n";
        let debian = debian.mail_yml(&kept);
        let plan = debian.mailprov(&["plan"]).success().stdout();
        let (notes, _) = plan.split_once("Keep the originals").unwrap();
        assert!(!notes.contains("maximal_queue_lifetime"), "{notes}");
        let debian = debian.apply().mail_yml(&mail_yml());
        let plan = debian.mailprov(&["plan"]).success().stdout();
        assert!(!plan.contains(title), "{plan}");
    }
}
