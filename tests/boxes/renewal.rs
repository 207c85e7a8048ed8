//! A renewed certificate is served on every port within a minute, without
//! anybody's doing; and the plan knows what was loaded by other hands.

use crate::agent::planned_keys;
use crate::common::{CERTIFICATE, KEY, ONLY_THOMAS, REFUSING, Server, servers};
use crate::support::{Algorithm, Authority, Debian, Issued, Suite, Tls, wait_for};
use crate::tls::shown;
use crate::well::on_each;

/// Puts off by ten minutes what a renewed certificate leads to.
pub(crate) fn put_off(debian: &Debian) {
    let drop_in = "/run/systemd/system/mailprov-certificate.service.d/late.conf";
    debian.write(
        drop_in,
        "[Service]\nTimeoutStartSec=infinity\nExecStartPre=/usr/bin/sleep 600\n",
        0o644,
    );
    let _ = debian.run(&["systemctl", "daemon-reload"]).success();
}

/// Where certbot keeps what is in use.
const LIVE: &str = "/etc/letsencrypt/live/mail.example.org";

/// Puts a certificate where certbot puts the one of this number, and lets the
/// links lead to it as certbot does: one removed and made after the other, the
/// key first.
fn renew_as_certbot(debian: &Debian, number: u32, issued: &Issued) {
    let archive = "/etc/letsencrypt/archive/mail.example.org";
    debian.write(&format!("{archive}/privkey{number}.pem"), issued.key_pem(), 0o600);
    debian.write(&format!("{archive}/fullchain{number}.pem"), issued.chain_pem(), 0o644);
    let link = |name: &str| {
        let target = format!("../../archive/mail.example.org/{name}{number}.pem");
        format!("rm -f {LIVE}/{name}.pem; ln -s {target} {LIVE}/{name}.pem")
    };
    let line = format!("mkdir -p {LIVE}; {}; {}", link("privkey"), link("fullchain"));
    let _ = debian.shell(&line).success();
}

/// Waits until every port shows this certificate and no other.
#[track_caller]
fn wait_until_served(server: &Server, issued: &Issued, root: &Tls) {
    let own = first_of(&issued.chain_pem());
    wait_for("the renewed certificate on every port", || {
        let all = shown(server, root).ok()?;
        all.iter().all(|certificate| *certificate == own).then_some(())
    });
}

/// Returns the first certificate of a PEM text.
fn first_of(pem: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// Waits until systemd has nothing more to do for a renewal: what is served by a
/// new process may be so before all is over.
fn settle(server: &Server) {
    wait_for("the reloads to end", || {
        let line = "systemctl is-active mailprov-certificate.service; systemctl list-jobs";
        let said = server.debian.shell(line).stdout();
        (said.starts_with("inactive") && said.contains("No jobs")).then_some(())
    });
}

/// Asserts that there is nothing to do, and again after systemd read its units
/// again, as it does at each installation of a package.
#[track_caller]
fn nothing_to_do(server: &Server) {
    settle(server);
    assert_eq!(planned_keys(&server.debian), [""; 0]);
    let _ = server.debian.run(&["systemctl", "daemon-reload"]).success();
    assert_eq!(planned_keys(&server.debian), [""; 0], "after daemon-reload");
}

#[test]
fn a_certificate_that_certbot_renews_is_served_within_a_minute() {
    let authority = Authority::new();
    let issue = |algorithm| authority.issue(&["mail.example.org"], algorithm);
    let root = Tls::trusting(&authority.root_pem(), "mail.example.org");
    for mut server in servers(REFUSING) {
        renew_as_certbot(&server.debian, 1, &issue(Algorithm::Rsa));
        let tls = format!("tls: {{certificate: {LIVE}/fullchain.pem, key: {LIVE}/privkey.pem}}\n");
        server = server.change_with(REFUSING, &tls);
        let second = issue(Algorithm::Ec);
        renew_as_certbot(&server.debian, 2, &second);
        wait_until_served(&server, &second, &root);
        // Right after the first, and right after that.
        renew_as_certbot(&server.debian, 3, &issue(Algorithm::Rsa));
        let fourth = issue(Algorithm::Ec);
        renew_as_certbot(&server.debian, 4, &fourth);
        wait_until_served(&server, &fourth, &root);
        nothing_to_do(&server);
        let _ = server.debian.mailprov(&["check", "--only", "configuration"]).success();
        // Nor after a boot, and after a renewal that then comes.
        server.debian.reboot();
        nothing_to_do(&server);
        let fifth = issue(Algorithm::Rsa);
        renew_as_certbot(&server.debian, 5, &fifth);
        wait_until_served(&server, &fifth, &root);
        nothing_to_do(&server);
    }
}

#[test]
fn a_certificate_that_is_overwritten_or_renamed_is_served_within_a_minute() {
    let authority = Authority::new();
    let root = Tls::trusting(&authority.root_pem(), "mail.example.org");
    on_each(|server| {
        for ending in ["", ".new"] {
            let issued = authority.issue(&["mail.example.org"], Algorithm::Ec);
            server.debian.write(&format!("{KEY}{ending}"), issued.key_pem(), 0o600);
            server.debian.write(&format!("{CERTIFICATE}{ending}"), issued.chain_pem(), 0o644);
            if !ending.is_empty() {
                let line = format!("for f in {KEY} {CERTIFICATE}; do mv $f{ending} $f; done");
                let _ = server.debian.shell(&line).success();
            }
            wait_until_served(server, &issued, &root);
            nothing_to_do(server);
        }
    });
}

#[test]
fn renewals_at_any_moment_after_one_are_all_seen() {
    let authority = Authority::new();
    let root = Tls::trusting(&authority.root_pem(), "mail.example.org");
    let both = [Algorithm::Ec, Algorithm::Rsa];
    let pair = both.map(|algorithm| authority.issue(&["mail.example.org"], algorithm));
    on_each(|server| {
        // The pause is five seconds long, and the reloads come right after.
        for milliseconds in [4900, 5200, 5500, 6000] {
            for (issued, pause) in pair.iter().zip([milliseconds, 0]) {
                server.debian.write(KEY, issued.key_pem(), 0o600);
                server.debian.write(CERTIFICATE, issued.chain_pem(), 0o644);
                std::thread::sleep(std::time::Duration::from_millis(pause));
            }
            wait_until_served(server, &pair[1], &root);
            settle(server);
        }
        nothing_to_do(server);
    });
}

#[test]
fn a_reload_by_other_hands_counts_and_what_came_after_it_does_not() {
    on_each(|server| {
        let debian = &server.debian;
        let planned = || planned_keys(debian);
        for (service, file) in [("dovecot", "dovecot/dovecot.conf"), ("postfix", "postfix/main.cf")]
        {
            let outdated = [format!("service:{service}")];
            let touch = || {
                let _ = debian.shell(&format!("touch /etc/{file}")).success();
            };
            let reload = || debian.run(&["systemctl", "reload", service]);
            // What somebody else started, as the boot did, may have begun with what the file was
            // before it was as it is; a reload does not undo all of that.
            touch();
            let _ = reload().success();
            assert_eq!(planned(), outdated, "not started by us");
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            touch();
            assert_eq!(planned(), outdated, "written");
            let _ = reload().success();
            assert_eq!(planned(), [""; 0], "reloaded");
            touch();
            assert_eq!(planned(), outdated, "written after the reload");
            let _ = reload().success();
            assert_eq!(planned(), [""; 0], "reloaded again");
            touch();
            // One that fails takes up nothing.
            let unit = match (service, debian.suite()) {
                ("postfix", Suite::Bookworm) => "postfix@-",
                _ => service,
            };
            let drop_in = format!("/run/systemd/system/{unit}.service.d/broken.conf");
            debian.write(&drop_in, "[Service]\nExecReload=\nExecReload=/bin/false\n", 0o644);
            let _ = debian.run(&["systemctl", "daemon-reload"]).success();
            let _ = reload();
            assert_eq!(planned(), outdated, "the reload failed");
            let _ = debian.shell(&format!("rm {drop_in}; systemctl daemon-reload")).success();
            let _ = debian.mailprov(&["apply", "--yes"]).success();
            assert_eq!(planned(), [""; 0], "applied");
        }
        // What only a start takes up: another port, once it is written, is not opened by a reload
        // of Dovecot 2.4, whoever makes it.
        let text = crate::common::mail_yml(REFUSING.yaml);
        debian.write("/etc/mailprov/mail.yml", text.clone() + "services: {pop3: false}\n", 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let without = debian.read("/etc/dovecot/dovecot.conf");
        debian.write("/etc/mailprov/mail.yml", text, 0o600);
        let run = debian.spawn(&["mailprov", "apply", "--yes"]);
        wait_for("dovecot.conf to be written", || {
            (debian.read("/etc/dovecot/dovecot.conf") != without).then_some(())
        });
        let _ = run.kill();
        let _ = debian.run(&["systemctl", "reload", "dovecot"]).success();
        let answers = debian.connect(995).is_ok();
        let is_planned = planned().contains(&"service:dovecot".to_owned());
        assert!(answers || is_planned, "nobody is on 995, and the plan is content");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert!(debian.connect(995).is_ok());
        assert_eq!(planned(), [""; 0], "finished");
    });
}

#[test]
fn with_a_self_signed_certificate_nothing_is_waited_for() {
    for server in servers(REFUSING) {
        let path = "mailprov-certificate.path";
        let is = |server: &Server, what: &str| {
            server.debian.run(&["systemctl", what, path]).stdout().trim().to_owned()
        };
        assert_eq!(
            (is(&server, "is-active"), is(&server, "is-enabled")),
            ("active".into(), "enabled".into())
        );
        let before = server.debian.snapshot();
        let text = server.debian.read("/etc/mailprov/mail.yml");
        let server = server.change_with(ONLY_THOMAS, "tls: {self_signed: true}\n");
        assert_eq!(is(&server, "is-active"), "inactive");
        for file in ["mailprov-certificate.path", "mailprov-certificate.service"] {
            assert!(!server.debian.exists(&format!("/etc/systemd/system/{file}")));
        }
        let wants = "/etc/systemd/system/multi-user.target.wants/mailprov-certificate.path";
        assert!(!server.debian.exists(wants));
        assert_eq!(planned_keys(&server.debian), [""; 0]);
        // The way back leads there again, files, link and all.
        let _ = server.debian.mailprov(&["rollback", "--yes"]).success();
        assert_eq!(
            (is(&server, "is-active"), is(&server, "is-enabled")),
            ("active".into(), "enabled".into())
        );
        assert!(server.debian.exists(wants));
        let after = server.debian.snapshot();
        for file in ["mailprov-certificate.path", "mailprov-certificate.service"] {
            let file = format!("/etc/systemd/system/{file}");
            let (before, after) = (before.get(&file).unwrap(), after.get(&file).unwrap());
            assert_eq!((before.mode, before.uid), (after.mode, after.uid));
        }
        server.debian.write("/etc/mailprov/mail.yml", text, 0o600);
        assert_eq!(planned_keys(&server.debian), [""; 0]);
    }
}
