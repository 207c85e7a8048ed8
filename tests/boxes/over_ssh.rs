//! From a laptop to a bare host: real OpenSSH in between, two boxes in one
//! network.

use std::process::Command;
use std::sync::LazyLock;

use crate::agent::mail_yml;
use crate::support::{Debian, Imap, Output, Process, Suite, Tls, wait_for};

/// A key of this run's own, and what is written in `authorized_keys` for it.
static KEY: LazyLock<(String, String)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let read = |path| std::fs::read_to_string(path).unwrap();
    (read(key.clone()), read(key.with_extension("pub")))
});

/// Where the program is on a host that it was brought to.
const PROGRAM: &str = "/usr/local/bin/mailprov";

/// A machine that somebody sits before, with `/root/mail.yml`.
pub struct Laptop {
    /// The box.
    pub debian: Debian,
}

/// A host as it is rented: sshd, root's key, and nothing else.
pub fn bare(suite: Suite) -> Debian {
    let debian = Debian::prepared("rented", suite, |debian| {
        debian.write("/root/.ssh/authorized_keys", &KEY.1, 0o600);
        let _ = debian.run(&["rm", PROGRAM]).success();
        debian
    });
    wait_for("sshd", || debian.connect(22).ok());
    debian
}

impl Laptop {
    /// Puts one into the network of a host.
    pub fn beside(host: &Debian) -> Self {
        let debian = host.prepared_neighbour("laptop", Suite::Bookworm, |debian| {
            debian.write("/root/.ssh/key", &KEY.0, 0o600);
            let config = "Host *\n  StrictHostKeyChecking accept-new\n  IdentityFile ~/.ssh/key\n";
            debian.write("/root/.ssh/config", config, 0o600);
            debian.write("/root/mail.yml", mail_yml(), 0o600);
            debian
        });
        Self { debian }
    }

    /// Runs a command of mailprov in root's home.
    pub fn mailprov(&self, arguments: &[&str]) -> Output {
        self.debian.run(&[&["env", "-C", "/root", "mailprov"], arguments].concat())
    }

    /// Starts one, to be watched or killed.
    pub fn spawn(&self, arguments: &[&str]) -> Process {
        self.debian.spawn(&[&["env", "-C", "/root", "mailprov"], arguments].concat())
    }
}

/// Returns how to log in as root, over IPv4.
pub fn root_at(host: &Debian) -> String {
    format!("root@{}", host.addresses().v4)
}

/// Asserts that anna gets in.
#[track_caller]
fn assert_serves(host: &Debian) {
    let tls = Tls::unverified("mail.example.org");
    let mut imap = Imap::connect_tls(host.connect(993).unwrap(), &tls).unwrap();
    imap.login("anna", "secret").unwrap().ok().unwrap();
}

/// Asserts that a host is as it was before anybody wanted to do anything.
#[track_caller]
fn assert_untouched(host: &Debian) {
    for path in [PROGRAM, "/etc/mailprov", "/var/lib/mailprov", "/etc/postfix"] {
        assert!(!host.exists(path), "{path} is there");
    }
}

#[test]
fn a_bare_host_becomes_a_mail_server_that_looks_after_itself() {
    for suite in Suite::ALL {
        let host = bare(suite);
        let laptop = Laptop::beside(&host);
        let at = root_at(&host);
        let output = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
        for said in ["file:/etc/mailprov/mail.yml", "file:/etc/postfix/main.cf", "✓ Postfix runs"]
        {
            assert!(output.to_string().contains(said), "{output}");
        }
        assert!(output.stderr().contains("now looks after itself"), "{output}");
        assert_serves(&host);
        let mode = |path: &str| host.run(&["stat", "--format=%a %U", path]).success().stdout();
        assert_eq!(mode(PROGRAM), "755 root\n");
        assert_eq!(mode("/etc/mailprov/mail.yml"), "600 root\n");
        assert_eq!(host.read("/etc/mailprov/mail.yml"), laptop.debian.read("/root/mail.yml"));
        let digest = |debian: &Debian| debian.run(&["sha256sum", PROGRAM]).success().stdout();
        assert_eq!(digest(&host), digest(&laptop.debian));

        // From either side, nothing is left to do, and nothing is done.
        let _ = host.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let before = host.snapshot();
        let _ = laptop.mailprov(&["plan", "--detailed-exitcode", "--on", &at]).exits(0);
        let output = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
        assert!(output.stdout().contains("Nothing to do"), "{output}");
        assert!(!output.to_string().contains("Send mailprov"), "{output}");
        before.diff(&host.snapshot()).without(&["/var/log"]).assert_empty();

        let history = laptop.mailprov(&["history", "--on", &at]).success().stdout();
        assert!(history.contains("apply by root from"), "{history}");
        let lines = laptop.mailprov(&["history", "--json", "--on", &at]).success().stdout();
        let run: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((&run["host"], &run["outcome"]), (&at.into(), &"applied".into()));
    }
}

#[test]
fn a_changed_mail_yml_is_sent_shown_and_rolled_back_from_afar() {
    let host = bare(Suite::Trixie);
    let laptop = Laptop::beside(&host);
    let at = root_at(&host);
    let _ = laptop.mailprov(&["bootstrap", &at, "mail.yml", "--yes"]).success();
    let secret = "{SHA512-CRYPT}$6$urnbXEj0hISg5pM0$g9g569mITDaxS.YITMi5RzPHxGLOKrjdyuAkHGlV5Km8GsflP1S62BhFr9NXPedOc5MgU94KdZ2/zb2ba/QeN0";
    laptop.debian.write("/root/secrets/bob", secret, 0o600);
    let more = mail_yml().replace("catch_all", "  bob: {password_file: secrets/bob}\ncatch_all");
    laptop.debian.write("/root/more.yml", more, 0o600);

    let output =
        laptop.mailprov(&["plan", "more.yml", "--detailed-exitcode", "--on", &at]).exits(2);
    for said in ["file:/etc/mailprov/secrets/bob", "file:/etc/postfix/mailboxes", "bob@example.org"]
    {
        assert!(output.stdout().contains(said), "no {said}: {output}");
    }
    assert!(!output.to_string().contains("$6$"), "{output}");
    assert!(!host.exists("/etc/mailprov/secrets"));
    let _ = laptop.mailprov(&["apply", "more.yml", "--yes", "--on", &at]).success();
    assert_eq!(host.read("/etc/mailprov/secrets/bob"), secret.as_bytes());
    let mode = host.run(&["stat", "--format=%a", "/etc/mailprov/secrets/bob"]).stdout();
    assert_eq!(mode, "600\n");
    let _ = host.mailprov(&["plan", "--detailed-exitcode"]).exits(0);

    let output = laptop.mailprov(&["rollback", "--yes", "--on", &at]).success();
    assert!(output.stderr().contains("✓"), "{output}");
    assert_eq!(host.read("/etc/mailprov/mail.yml"), laptop.debian.read("/root/mail.yml"));
    assert!(!host.exists("/etc/mailprov/secrets/bob"));
    let _ = laptop.mailprov(&["plan", "--detailed-exitcode", "--on", &at]).exits(0);

    // A mistake is found here, before there is a connection.
    laptop.debian.write("/root/wrong.yml", "hostname: mail.example.org\n", 0o600);
    let output = laptop.mailprov(&["apply", "wrong.yml", "--yes", "--on", "nowhere.invalid"]);
    let output = output.exits(65);
    assert!(output.stderr().contains("wrong.yml"), "{output}");
    // Off a terminal nothing is done unasked.
    let _ = laptop.mailprov(&["apply", "more.yml", "--on", &at]).exits(64);
    let _ = laptop.mailprov(&["bootstrap", &at, "more.yml"]).exits(64);
}
