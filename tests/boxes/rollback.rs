//! All or back: a run that fails leaves the host as it was, and any run can be
//! taken back later.

use std::sync::LazyLock;

use crate::support::{Debian, Snapshot, Suite, sha512_crypt};

/// What a run may leave though it is undone: its own journal, and the logs and
/// locks of what it called; and what a look at the mail service leaves.
const NOT_THE_HOSTS: [&str; 13] = [
    // Where useradd and its like put what they replace.
    "/etc/group-",
    "/etc/gshadow-",
    "/etc/passwd-",
    "/etc/shadow-",
    // What dpkg's database was before it last wrote it.
    "/var/lib/dpkg/status-old",
    "/var/lib/mailprov",
    "/var/log",
    // Keys that sign mail are kept once they are made.
    "/etc/dkim",
    "/var/cache",
    "/var/lib/dovecot",
    "/var/lib/postfix",
    "/var/spool/postfix",
    // What Dovecot notes when somebody looks at their mail.
    "/var/vmail/thomas/Maildir/dovecot.index.log",
];

static MAIL_YML: LazyLock<String> = LazyLock::new(|| {
    format!(
        "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas:\n    \
         password: \"{}\"\ntls: {{self_signed: true}}\nban: false\nspam: false\n",
        sha512_crypt("secret")
    )
});

fn converged(suite: Suite) -> Debian {
    Debian::prepared("converged for rollback", suite, |debian| debian.mail_yml(&MAIL_YML).apply())
}

/// Compares two snapshots: type, content, owner, mode, attributes.
#[track_caller]
pub fn assert_same(before: &Snapshot, after: &Snapshot) {
    let diff = before.diff(after).without(&NOT_THE_HOSTS).without_times();
    diff.assert_empty();
}

#[test]
fn a_failed_run_leaves_the_host_as_it_was() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        // Postfix starts with it, but no caller is let in: only the last step can tell.
        let broken = MAIL_YML
            .replace("domains: [example.org]", "domains: [example.org, example.net]")
            + "extra: {postfix: {smtpd_relay_restrictions: permit}}\n";
        let debian = debian.mail_yml(&broken);
        let output = debian.mailprov(&["apply", "--yes"]).exits(1);
        assert!(output.stderr().contains("the host is as it was before this run"), "{output}");
        assert!(output.stderr().contains("port 25 does not answer"), "{output}");
        let debian = debian.mail_yml(&MAIL_YML);
        assert_same(&before, &debian.snapshot());
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let history = debian.mailprov(&["history"]).success().stdout();
        assert!(
            history.lines().next().is_some_and(|line| line.contains("failed, undone")),
            "{history}"
        );
    }
}

#[test]
fn a_run_is_rolled_back_and_the_rollback_too() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let before = debian.snapshot();
        let more = MAIL_YML.replace("tls:", "catch_all: thomas\nmessage_size: 64MiB\ntls:");
        let debian = debian.mail_yml(&more).apply();
        let between = debian.snapshot();
        let output = debian.mailprov(&["rollback", "--yes"]).success();
        let words = "/etc/mailprov/mail.yml stays as it is, and asks for ";
        assert!(output.stderr().contains(words), "{output}");
        assert!(output.stderr().contains("Each service answers where it must"), "{output}");
        let debian = debian.mail_yml(&MAIL_YML);
        assert_same(&before, &debian.snapshot());
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        // Nothing is said of one that asks for just this.
        let debian = debian.mail_yml(&more);
        let output = debian.mailprov(&["rollback", "--yes"]).success();
        assert!(!output.stderr().contains("stays as it is"), "{output}");
        assert!(output.stdout().contains("mail.example.org is well"), "{output}");
        assert_same(&between, &debian.snapshot());
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

#[test]
fn the_first_run_is_rolled_back_to_what_the_packages_brought() {
    for suite in Suite::ALL {
        let debian = Debian::with_mail_packages(suite);
        let before = debian.snapshot();
        let debian = debian.mail_yml(&MAIL_YML).apply();
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        let _ = debian.shell("rm /etc/mailprov/mail.yml && rmdir /etc/mailprov").success();
        assert_same(&before, &debian.snapshot());
    }
}

#[test]
fn a_saved_plan_is_applied_exactly_or_refused() {
    let debian = converged(Suite::Trixie);
    let more = MAIL_YML.replace("tls:", "catch_all: thomas\ntls:");
    let debian = debian.mail_yml(&more);
    let _ = debian.mailprov(&["plan", "--out", "/root/plan"]).success();
    let shown = debian.mailprov(&["plan", "--show", "/root/plan"]).success().stdout();
    assert!(shown.contains("file:/etc/postfix/virtual"), "{shown}");
    let hash = MAIL_YML.split('"').nth(1).unwrap_or_default();
    assert!(!debian.read_text("/root/plan").contains(hash));

    let edit = "cp -p /etc/postfix/virtual /root && echo '# by hand' >> /etc/postfix/virtual";
    let _ = debian.shell(edit).success();
    let refused = debian.mailprov(&["apply", "--yes", "--plan", "/root/plan"]).exits(3);
    assert!(refused.stderr().contains("file:/etc/postfix/virtual is not as it was"), "{refused}");
    let _ = debian.shell("cp -p /root/virtual /etc/postfix").success();
    let _ = debian.mailprov(&["apply", "--yes", "--plan", "/root/plan"]).success();
    let _ = debian.mailprov(&["apply", "--yes", "--plan", "/root/plan"]).exits(3);
}

#[test]
fn a_first_run_is_purged() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let output = debian.mailprov(&["rollback", "--yes", "--purge"]).success();
        for package in ["postfix", "dovecot-core", "dovecot-imapd"] {
            let status = debian.run(&["dpkg-query", "--show", package]);
            assert!(!status.is_success(), "{status}\n{output}");
        }
        for path in ["/etc/postfix/main.cf", "/etc/dovecot/users", "/etc/ssl/certs/mailprov.pem"] {
            assert!(!debian.exists(path), "{path}");
        }
        assert!(!debian.run(&["id", "vmail"]).is_success());
        assert!(debian.connect(25).is_err() && debian.connect(993).is_err());
        // Nothing stands in the way of beginning again.
        let debian = debian.apply();
        assert!(debian.connect(25).is_ok());
    }
}
