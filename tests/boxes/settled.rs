//! That nothing is to be done is found from what `mail.yml` last came to; yet
//! nothing that counts is overlooked for it.

use super::agent::{changes, converged, mail_yml, mends, nothing_to_do, planned_keys};
use crate::support::{Debian, Suite, sha512_crypt};

/// Where it is noted what mail.yml came to.
const NOTE: &str = "/var/lib/mailprov/resolved.json";

fn note(debian: &Debian) -> String {
    debian.read_text(NOTE)
}

#[test]
fn the_note_of_the_settled_host_has_no_secret() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        // The box was set up by another copy of the program.
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert!(!note(&debian).contains("$6$"), "{}", note(&debian));
        let mode = debian.run(&["stat", "--format=%a %U", NOTE]).success();
        assert_eq!(mode.stdout().trim(), "600 root");
        let before = debian.snapshot();
        nothing_to_do(&debian, "with the note");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let written = before.diff(&debian.snapshot());
        let written = written.without(&["/var/log", "/var/lib/systemd", "/tmp", "/run"]);
        assert!(written.changes().is_empty(), "{:?}", written.changes());
    }
}

#[test]
fn a_note_that_does_not_fit_is_no_note() {
    let debian = converged(Suite::Trixie);
    for damage in ["", "{", "{\"inputs\":{}}", "null"] {
        debian.write(NOTE, damage, 0o600);
        nothing_to_do(&debian, damage);
    }
    let _ = debian.run(&["rm", NOTE]).success();
    nothing_to_do(&debian, "without it");
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    assert!(debian.exists(NOTE), "noted again");
    // A comment changes nothing but the text that the note is of.
    let before = note(&debian);
    let text = debian.read_text("/etc/mailprov/mail.yml");
    let debian = debian.mail_yml(&format!("# A comment.\n{text}"));
    nothing_to_do(&debian, "a comment");
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    assert_ne!(note(&debian), before, "the note is of the new text");
}

#[test]
fn everything_that_mail_yml_names_counts() {
    let more = "  bob: {password_file: bob.hash}\ncatch_all";
    let text = mail_yml().replace("catch_all", more);
    let debian = converged(Suite::Bookworm).mail_yml(&text);
    debian.write("/etc/mailprov/bob.hash", sha512_crypt("one"), 0o600);
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    nothing_to_do(&debian, "with a password file");
    debian.write("/etc/mailprov/bob.hash", sha512_crypt("two"), 0o600);
    mends(&debian, "another password", &["file:/etc/dovecot/users"]);
    // The same text elsewhere names another file.
    debian.write("/root/other/mail.yml", &text, 0o600);
    debian.write("/root/other/bob.hash", sha512_crypt("three"), 0o600);
    let elsewhere = debian.mailprov(&["plan", "--json", "/root/other/mail.yml"]).success();
    let keys: Vec<_> = changes(&elsewhere).into_iter().map(|change| change.key).collect();
    assert_eq!(keys, ["file:/etc/dovecot/users"]);
    // A file that is gone is said to be gone.
    let _ = debian.run(&["rm", "/etc/mailprov/bob.hash"]).success();
    let gone = debian.mailprov(&["plan"]);
    assert_eq!(gone.code(), 65, "{gone}");
    assert!(gone.stderr().contains("bob.hash"), "{gone}");
}

#[test]
fn a_certificate_that_goes_bad_is_told_of_all_the_same() {
    for suite in Suite::ALL {
        goes_bad(&converged(suite));
    }
}

fn goes_bad(debian: &Debian) {
    let copy = "install -D -m 600 /etc/ssl/private/mailprov.key /etc/tls/key.pem && \
                install -D -m 644 /etc/ssl/certs/mailprov.pem /etc/tls/chain.pem";
    let _ = debian.shell(copy).success();
    let files = "tls: {certificate: /etc/tls/chain.pem, key: /etc/tls/key.pem}";
    let text = mail_yml().replace("tls: {self_signed: true}", files);
    debian.write("/etc/mailprov/mail.yml", text, 0o600);
    let _ = debian.mailprov(&["apply", "--yes"]).success();
    nothing_to_do(debian, "with a certificate from elsewhere");
    // systemd, which watches the certificate, is asked without a program.
    let _ = debian.shell("mv /usr/bin/systemctl /usr/bin/systemctl.away").success();
    nothing_to_do(debian, "without systemctl");
    let _ = debian.shell("mv /usr/bin/systemctl.away /usr/bin/systemctl").success();
    let _ = debian.shell("truncate --size=0 /etc/tls/chain.pem").success();
    let empty = debian.mailprov(&["plan"]);
    assert_eq!(empty.code(), 0, "{empty}");
    for words in ["warning: ", "/etc/tls/chain.pem", "It is not loaded"] {
        assert!(empty.stderr().contains(words), "{words}: {empty}");
    }
}

#[test]
fn another_host_than_noted_is_looked_at_anew() {
    let debian = converged(Suite::Bookworm);
    let noted = note(&debian);
    // As after an upgrade of Dovecot, or by another mailprov.
    for (old, new) in [
        ("\\\"version\\\":\\\"2.", "\\\"version\\\":\\\"1."),
        ("\"program\":\"", "\"program\":\"1"),
    ] {
        let other = noted.replacen(old, new, 1);
        assert_ne!(other, noted, "{old}");
        // What it says is to be done is then not believed.
        let other = other.replace("/etc/dovecot/dovecot.conf", "/etc/dovecot/elsewhere.conf");
        debian.write(NOTE, other, 0o600);
        assert_eq!(planned_keys(&debian), [""; 0], "{old}");
    }
}

#[test]
fn a_playbook_of_ones_own_is_noted_with_its_files() {
    for suite in Suite::ALL {
        let debian = converged(suite);
        let part = "/root/mine/main.cf.part";
        let _ = debian.run(&["mkdir", "/root/mine"]).success();
        debian.write("/root/mine/playbook.yml", "- include: {playbook: postmaster}\n", 0o644);
        debian.write(part, "smtpd_junk_command_limit = 3\n", 0o644);
        let run = |arguments: &[&str]| {
            debian.mailprov(&[arguments, &["--playbook", "/root/mine"]].concat())
        };
        let _ = run(&["apply", "--yes"]).success();
        let _ = run(&["plan", "--detailed-exitcode"]).exits(0);
        // What is noted of the host is compared with it, and nothing is rendered.
        let noted = note(&debian);
        debian.write(
            NOTE,
            noted.replacen("\"hostname\":\"mail.", "\"hostname\":\"noted.", 1),
            0o600,
        );
        let output = run(&["plan", "--detailed-exitcode"]).exits(0);
        assert!(output.to_string().contains("noted.example.org"), "{output}");
        let _ = debian.shell("echo '# mine' >>/etc/postfix/main.cf").success();
        let output = run(&["plan", "--detailed-exitcode"]).exits(2);
        assert!(!output.to_string().contains("noted.example.org"), "{output}");
        let _ = run(&["apply", "--yes"]).success();

        debian.write(part, "smtpd_junk_command_limit = 4\n", 0o644);
        let _ = run(&["plan", "--detailed-exitcode"]).exits(2);
        let _ = run(&["apply", "--yes"]).success();
        let limit = debian.run(&["postconf", "-h", "smtpd_junk_command_limit"]).success();
        assert_eq!(limit.stdout(), "4\n");
        // Without the playbook the usual one counts.
        let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(2);
        let _ = run(&["plan", "--detailed-exitcode"]).exits(0);
    }
}
