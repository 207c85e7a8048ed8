//! Secrets stay secret: hashes, the relay's password and private keys are in
//! nothing that is said or kept for others, and never in a file, not for a
//! moment, that another user could open.

use std::fs;
use std::process::{Child, Command};

use crate::agent;
use crate::provoked::{ONE, OTHER, converged};
use crate::support::{Debian, Output, Suite, sha512_crypt, wait_for};

/// What is secret, before and after.
struct Secrets(Vec<String>);

impl Secrets {
    /// Asserts that none of them is in a text.
    #[track_caller]
    fn assert_not_in(&self, what: &str, text: &str) {
        for (number, secret) in self.0.iter().enumerate() {
            assert!(!text.contains(secret), "secret {number} is in {what}");
        }
    }

    /// Asserts that a command says none of them.
    #[track_caller]
    fn run(&self, debian: &Debian, arguments: &[&str]) -> Output {
        let output = debian.mailprov(arguments);
        self.assert_not_in(&format!("{arguments:?}"), &format!("{output}"));
        output
    }

    /// Adds the private key that is in use.
    fn add_key(&mut self, debian: &Debian) {
        let key = debian.read_text("/etc/ssl/private/mailprov.key");
        let line = key.lines().find(|line| !line.starts_with('-')).expect("a private key");
        self.0.push(line.to_owned());
    }
}

/// Watches from outside what a process and its children open, make and run.
pub(crate) fn watch(process: u32, log: &str) -> Child {
    const CALLS: &str = "trace=open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,chown,fchown,\
                         fchownat,execve";
    let process = process.to_string();
    let argv = ["-f", "-y", "-qq", "-v", "-s", "65536", "-e", CALLS, "-o", log, "-p", &process];
    let child = Command::new("strace").args(argv).spawn().unwrap();
    wait_for("strace to watch", || {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
            .then_some(())
    });
    child
}

/// Asserts that what mailprov made was nobody else's to read from its first
/// moment to the last before it was complete.
#[track_caller]
fn assert_closed(calls: &str) {
    let (mut files, mut folders) = (0, 0);
    let mut owned: Vec<&str> = Vec::new();
    for line in calls.lines() {
        let is_new = line.contains(".mailprov-new\"") || line.contains("/var/lib/mailprov/runs");
        if line.contains("openat(") && line.contains("O_CREAT") && is_new {
            assert!(line.contains(", 0600) ="), "made for others to read: {line}");
            files += 1;
        }
        if line.contains("mkdirat(") {
            assert!(line.contains(", 0700) ="), "made for others to enter: {line}");
            folders += 1;
        }
        let secret = ["users.mailprov-new>", "relay_password.mailprov-new>"];
        let Some(secret) = secret.iter().find(|secret| line.contains(**secret)) else { continue };
        if line.contains("fchown(") {
            owned.push(secret);
        }
        if line.contains("fchmod(") {
            let mode = line.rsplit_once(", ").unwrap().1;
            assert!(mode.split(')').next().unwrap().ends_with('0'), "open to others: {line}");
            let is_for_root = mode.starts_with("0600");
            assert!(is_for_root || owned.contains(secret), "opened before its owner: {line}");
        }
    }
    assert!(files > 20 && folders > 0, "{files} files and {folders} folders were seen");
}

#[test]
fn no_secret_is_ever_where_another_could_find_it() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let hash = |text: &str| text.split('"').nth(1).unwrap()[30..].to_owned();
        let other = OTHER
            .replace("mail.example.org", "mx.example.org")
            .replace(ONE.split('"').nth(1).unwrap(), &sha512_crypt("another"));
        let mut secrets =
            Secrets(vec![hash(&ONE), hash(&other), "relay password".into(), "relay canary".into()]);
        secrets.add_key(&debian);
        debian.write("/etc/mailprov/relay.secret", "relay canary\n", 0o600);
        let debian = debian.mail_yml(&other);

        for arguments in [&["plan"][..], &["plan", "-v"], &["plan", "--json"]] {
            let _ = secrets.run(&debian, arguments).success();
        }
        let _ = secrets.run(&debian, &["plan", "--out", "/root/plan"]).success();
        secrets.assert_not_in("a saved plan", &debian.read_text("/root/plan"));
        let _ = secrets.run(&debian, &["plan", "--show", "/root/plan"]).success();
        let fault = "MAILPROV_FAULT=fail change 14";
        let failed = debian.run(&["env", fault, "mailprov", "apply", "--yes", "-v", "--json"]);
        secrets.assert_not_in("a failed run", &format!("{}", failed.exits(1)));

        let log = tempfile::NamedTempFile::new().unwrap();
        let log = log.path().to_str().unwrap();
        let _ = debian.run(&["mkfifo", "/root/go"]).success();
        let run = "cat /root/go && exec mailprov apply --yes -v --plan /root/plan";
        let run = debian.spawn(&["sh", "-c", run]);
        let mut watcher = watch(run.id(), log);
        let _ = debian.shell("echo > /root/go").success();
        secrets.assert_not_in("a run", &format!("{}", run.wait().success()));
        let _ = watcher.wait().unwrap();
        secrets.add_key(&debian);
        let calls = fs::read_to_string(log).unwrap();
        // Arguments and environment of all that was run are in it.
        assert!(calls.contains("postmap") && calls.contains("openssl"), "{calls}");
        secrets.assert_not_in("what was run", &calls);
        assert_closed(&calls);

        for arguments in [&["history"][..], &["history", "3"], &["history", "3", "--json", "-v"]] {
            let _ = secrets.run(&debian, arguments).success();
        }
        let _ = secrets.run(&debian, &["rollback", "--yes", "-v", "--json"]).success();
        let kept = "cd /var/lib/mailprov && find . -type f ! -path './contents/*' \
                    ! -path './originals/*' -exec cat {} +";
        secrets.assert_not_in("what is kept", &debian.shell(kept).success().stdout());
        secrets.assert_not_in("the system's journal", &debian.journal());
        let open = "cd /var/lib/mailprov && stat -c %a . && \
                    find . -path ./originals -prune -o \\( -perm /077 -o ! -user root \\) -print";
        assert_eq!(debian.shell(open).success().stdout(), "700\n");
    }
}

/// A relay that asks for a password.
const RELAY: &str = "\
relay:
  host: \"[smtp.provider.example]:587\"
  username: me
  password_file: /root/relay.secret
";

#[test]
fn a_secret_that_is_of_no_use_any_more_goes() {
    for suite in Suite::ALL {
        let plain = agent::mail_yml();
        let relayed = plain.clone() + RELAY;
        let debian = agent::converged(suite).mail_yml(&plain).apply();
        debian.write("/root/relay.secret", "hunter2hunter2\n", 0o600);
        let debian = debian.mail_yml(&relayed).apply();
        let with = debian.snapshot();
        let find = "grep -rl hunter2hunter2 /etc /var/spool; true";
        assert!(debian.shell(find).stdout().contains("/etc/postfix/relay_password"));

        let debian = debian.mail_yml(&plain);
        let plan = debian.mailprov(&["plan"]).success();
        assert!(plan.stdout().contains("- file:/etc/postfix/relay_password"), "{plan}");
        assert!(plan.stdout().contains("- table:/etc/postfix/relay_password"), "{plan}");
        assert!(!plan.to_string().contains("hunter2"), "{plan}");
        let debian = debian.apply();
        assert_eq!(debian.shell(find).stdout(), "");
        let left = debian.shell("ls -d /etc/postfix/relay_password*; true").stdout();
        assert_eq!(left, "");
        agent::nothing_to_do(&debian, "without the relay");

        // A rollback needs it again.
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        let debian = debian.mail_yml(&relayed);
        agent::nothing_to_do(&debian, "with the relay again");
        let files = ["/etc/postfix/relay_password", "/etc/postfix/relay_password.db"];
        for file in files {
            assert_eq!(debian.snapshot().get(file).is_some(), with.get(file).is_some(), "{file}");
        }
        let debian = debian.mail_yml(&plain).apply();
        let left = debian.shell("ls -d /etc/postfix/relay_password*; true").stdout();
        assert_eq!(left, "", "what the rollback brought back");

        // The key of the self-signed certificate, once another is served.
        let copy = "install -D -m 600 /etc/ssl/private/mailprov.key /etc/tls/key.pem && \
                    install -D -m 644 /etc/ssl/certs/mailprov.pem /etc/tls/cert.pem";
        let _ = debian.shell(copy).success();
        let other = "tls: {certificate: /etc/tls/cert.pem, key: /etc/tls/key.pem}";
        let text = plain.replace("tls: {self_signed: true}", other);
        let debian = debian.mail_yml(&text).apply();
        for file in ["/etc/ssl/private/mailprov.key", "/etc/ssl/certs/mailprov.pem"] {
            assert!(!debian.exists(file), "{file}");
        }
        agent::nothing_to_do(&debian, "with another certificate");
    }
}
