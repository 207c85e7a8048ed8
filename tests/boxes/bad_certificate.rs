//! A certificate that is bad is not brought into use, and keeps nothing from being
//! done that has nothing to do with it.

use crate::agent::planned_keys;
use crate::common::{CERTIFICATE, KEY, password_of};
use crate::support::{Algorithm, Authority, Debian, Imap, Issued, Output, Smtp, Tls, wait_for};
use crate::well::on_each;

/// Puts a certificate and a key where mail.yml names them, and waits until what
/// takes up a renewed one is done.
fn put(debian: &Debian, chain: &str, key: &str) {
    let activation = || {
        let show = ["systemctl", "show", "--property=InvocationID,ActiveState,Job"];
        debian.run(&[&show[..], &["mailprov-certificate.service"]].concat()).stdout()
    };
    let before = activation();
    debian.write(KEY, key, 0o600);
    debian.write(CERTIFICATE, chain, 0o644);
    wait_for("the certificate to be taken up", || {
        let now = activation();
        let jobs = debian.shell("systemctl list-jobs").stdout();
        let is_done = now != before && now.contains("ActiveState=inactive");
        (is_done && jobs.contains("No jobs")).then_some(())
    });
}

fn put_issued(debian: &Debian, issued: &Issued) {
    put(debian, &issued.chain_pem(), &issued.key_pem());
}

/// Gives anna a new password.
fn passwd(debian: &Debian, password: &str) -> Output {
    let argv = ["mailprov", "account", "passwd", "anna", "--password-stdin", "--yes"];
    debian.run_with_input(&argv, format!("{password}\n").as_bytes())
}

/// Tells whether anna logs in with a password.
fn opens(debian: &Debian, password: &str) -> bool {
    debian.run(&["doveadm", "auth", "test", "anna", password]).is_success()
}

#[test]
fn changes_unrelated_to_a_bad_certificate_are_made() {
    let authority = Authority::new();
    on_each(|server| {
        let debian = &server.debian;
        let mine = ["mail.example.org"];
        let good = authority.issue(&mine, Algorithm::Ec);
        put_issued(debian, &good);
        assert_eq!(planned_keys(debian), [""; 0]);
        // Served all the same, and so in use by now.
        let expired = authority.issue_expired(&mine);
        let other = authority.issue(&["other.example.org"], Algorithm::Ec);
        for (name, issued, words) in [
            ("one-secret", &expired, "expired"),
            ("two-secret", &other, "for other.example.org, not for mail.example.org"),
        ] {
            put_issued(debian, issued);
            let output = passwd(debian, name).success();
            let said = output.stderr();
            for words in ["warning: ", words, "in use already"] {
                assert!(said.contains(words), "{output}");
            }
            assert!(!said.contains("nothing was changed"), "{output}");
            assert!(opens(debian, name) && !opens(debian, &password_of("anna")), "{name}");
            assert_eq!(planned_keys(debian), [""; 0], "{name}");
            for stopped in ["dovecot", "postfix dovecot"] {
                let _ = debian.shell(&format!("systemctl stop {stopped}"));
                let output = debian.mailprov(&["apply", "--yes"]).success();
                assert!(output.stderr().contains(words), "{output}");
                let active = ["systemctl", "is-active", "postfix", "dovecot"];
                assert_eq!(debian.run(&active).stdout(), "active\nactive\n", "{name}");
                assert_eq!(planned_keys(debian), [""; 0], "{name}");
            }
        }
        let output = debian.mailprov(&["account", "remove", "auser3", "--yes"]).success();
        assert!(output.stderr().contains("warning: "), "{output}");
        assert!(!debian.run(&["doveadm", "user", "auser3"]).is_success());
        // A name that it is not for is asked for now.
        let text = debian.read_text("/etc/mailprov/mail.yml");
        let renamed = text.replace("mail.example.org", "mx.example.org");
        debian.write("/etc/mailprov/mail.yml", renamed, 0o600);
        let output = debian.mailprov(&["apply", "--yes"]).exits(65);
        assert!(output.stderr().contains("not for mx.example.org"), "{output}");
        // As one that is named now.
        debian.write("/etc/ssl/expired.pem", expired.chain_pem(), 0o644);
        debian.write("/etc/ssl/expired.key", expired.key_pem(), 0o600);
        let another = text.replace(CERTIFICATE, "/etc/ssl/expired.pem");
        let another = another.replace(KEY, "/etc/ssl/expired.key");
        debian.write("/etc/mailprov/mail.yml", another, 0o600);
        let output = debian.mailprov(&["apply", "--yes"]).exits(65);
        assert!(output.stderr().contains("error: the certificate expired"), "{output}");
        debian.write("/etc/mailprov/mail.yml", &text, 0o600);
        put_issued(debian, &good);
        assert_eq!(planned_keys(debian), [""; 0]);
    });
}

#[test]
fn a_certificate_that_no_daemon_can_serve_is_not_loaded() {
    let authority = Authority::new();
    on_each(|server| {
        let debian = &server.debian;
        let good = authority.issue(&["mail.example.org"], Algorithm::Ec);
        let next = authority.issue(&["mail.example.org"], Algorithm::Ec);
        let chain = good.chain_pem();
        let (own, rest) = chain.split_at(chain[1..].find("-----BEGIN").unwrap() + 1);
        put_issued(debian, &good);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let reversed = format!("{rest}{own}");
        for (name, pair, words) in [
            ("secret-one", (chain.as_str(), next.key_pem()), "is not the key of"),
            ("secret-two", ("no certificate", good.key_pem()), "holds no certificate"),
            ("secret-three", (&chain, "no key".to_owned()), "holds no private key"),
            ("secret-four", (&reversed, good.key_pem()), "must come first"),
        ] {
            put(debian, pair.0, &pair.1);
            let output = passwd(debian, name).success();
            let said = output.stderr();
            for words in ["warning: ", words, "It is not loaded"] {
                assert!(said.contains(words), "{output}");
            }
            assert!(opens(debian, name), "{name}");
            assert_eq!(planned_keys(debian), [""; 0], "{name}");
        }
        put_issued(debian, &next);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let tls = Tls::trusting(&authority.root_pem(), "mail.example.org");
        assert!(Smtp::connect_tls(debian.connect(465).unwrap(), &tls).is_ok());
        assert!(Imap::connect_tls(debian.connect(993).unwrap(), &tls).is_ok());
        assert_eq!(planned_keys(debian), [""; 0]);
    });
}
