//! `--root`: a tree (an image, a chroot) is provisioned without being run.

use std::path::Path;
use std::process::Command;

use super::agent::{greeting, mail_yml, nothing_to_do};
use crate::support::{Debian, Imap, Suite, Tls};

/// Runs the program on the disk of a box that is switched off.
fn mailprov(disk: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mailprov"))
        .args(arguments)
        .arg("--root")
        .arg(disk)
        .arg(disk.join("etc/mailprov/mail.yml"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn a_tree_is_provisioned_and_serves_mail_once_it_is_booted() {
    for suite in Suite::ALL {
        let mut debian = Debian::with_mail_packages(suite).mail_yml(&mail_yml());
        let _ = debian.run(&["systemctl", "disable", "postfix", "dovecot"]).success();
        debian.shut_down();
        let disk = debian.disk();
        let (code, said) = mailprov(&disk, &["plan", "--detailed-exitcode"]);
        assert_eq!(code, Some(2), "{said}");
        for key in ["file:/etc/postfix/main.cf", "user:vmail", "service:postfix  enable"] {
            assert!(said.contains(key), "{key}: {said}");
        }
        let (code, said) = mailprov(&disk, &["apply", "--yes"]);
        assert_eq!(code, Some(0), "{said}");
        let before = debian.snapshot();
        let (code, said) = mailprov(&disk, &["plan", "--detailed-exitcode"]);
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = mailprov(&disk, &["apply", "--yes"]);
        assert_eq!(code, Some(0), "{said}");
        before.diff(&debian.snapshot()).assert_empty();

        debian.boot();
        assert!(greeting(&debian, 25).starts_with("220 mail.example.org"));
        let tls = Tls::unverified("mail.example.org");
        let mut imap = Imap::connect_tls(debian.connect(993).unwrap(), &tls).unwrap();
        assert!(imap.login("anna", "secret").unwrap().is_ok());
        nothing_to_do(&debian, "after the first boot");
    }
}
