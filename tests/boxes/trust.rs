//! Another user of the host plants files where root may work, and asks for what
//! only root may read.

use crate::common::{REFUSING, Server, servers};

/// What would run as root, had root taken it.
const PLANTED: &str = "\
hostname: mail.example.org
domains: [example.org]
accounts: {anna: {password: \"{SHA512-CRYPT}$6$abcdefgh$N1cMHyaWvSTpjaEAXkvXTfRSFgXcN0v8vrp3n7CXWgW8hmUPGgbaUk/4cmVWf6nfmUBEs2BsRHbgMPeHQWZ9N/\"}}
tls: {self_signed: true}
extra: {dovecot: \"service x { executable = /usr/bin/touch /root/taken }\"}
";

fn plant(server: &Server, path: &str, content: &str) {
    server.debian.write(path, content, 0o644);
    let _ = server.debian.run(&["chown", "nobody:", path]).success();
}

#[test]
fn root_takes_nothing_that_another_user_has_planted() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        plant(&server, "/tmp/mail.yml", PLANTED);
        plant(&server, "/tmp/postmaster/playbook.yml", "[]\n");
        let before = debian.snapshot();
        let in_tmp = |arguments: &[&str], input: &str| {
            let argv = [&["env", "-C", "/tmp", "mailprov"], arguments].concat();
            debian.run_with_input(&argv, input.as_bytes())
        };
        let passwd: &[&str] = &["account", "passwd", "anna", "--password-stdin", "--yes"];
        for command in [&["plan"][..], &["apply", "--yes"], &["check"], passwd] {
            let output = in_tmp(command, "a new secret\n").exits(65);
            let said = output.stderr();
            assert!(said.contains("/tmp/mail.yml: it belongs to the user `nobody`"), "{output}");
            assert!(said.contains("chown root: /tmp/mail.yml"), "{output}");
        }
        before.diff(&debian.snapshot()).without(&["/var/log"]).assert_empty();

        // The file that counts is told, and a folder is not taken for a playbook.
        let mail = "/etc/mailprov/mail.yml";
        let output = in_tmp(&["plan", mail, "--playbook", "postmaster"], "").success();
        assert!(output.stdout().contains("Nothing to do"), "{output}");
        assert!(output.stderr().contains("from /etc/mailprov/mail.yml"), "{output}");

        // An ordinary user learns that it is there.
        let _ = debian.run(&["chmod", "0700", "/etc/mailprov"]).success();
        let output = debian.run(&["runuser", "-u", "nobody", "--", "mailprov", "plan"]).exits(77);
        assert!(output.stderr().contains("/etc/mailprov/mail.yml"), "{output}");
        assert!(output.stderr().contains("sudo"), "{output}");
        assert!(!output.stderr().contains("there is no"), "{output}");
    }
}

#[test]
fn a_plan_shows_nothing_that_only_root_may_read() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let secret = "the-content-that-only-root-may-read";
        debian.write("/root/secret", format!("{secret}\n"), 0o600);
        let text = debian.read_text("/etc/mailprov/mail.yml");
        for asked in [
            "protocols = </root/secret",
            "!include /root/secret",
            "!include_try /root/secret",
            "ssl_key = <</root/secret",
            "mail_path = $ENV:PATH",
        ] {
            let extra = format!("{text}extra:\n  dovecot: |\n    {asked}\n");
            debian.write("/etc/mailprov/mail.yml", extra, 0o600);
            let output = debian.mailprov(&["plan"]).exits(65);
            assert!(output.stderr().contains("/etc/mailprov/mail.yml:"), "{output}");
            assert!(!output.to_string().contains(secret), "{output}");
        }
        // Postfix's own ways to read a file say no more of it.
        let extra = "extra: {postfix: {smtpd_banner: \"$x\", x: \"</root/secret\"}}\n";
        debian.write("/etc/mailprov/mail.yml", format!("{text}{extra}"), 0o600);
        assert!(!debian.mailprov(&["plan"]).to_string().contains(secret));
    }
}
