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
pub(crate) const LIVE: &str = "/etc/letsencrypt/live/mail.example.org";

/// Puts a certificate where certbot puts the one of this number, and lets the
/// links lead to it as certbot does: one removed and made after the other, the
/// key first.
pub(crate) fn renew_as_certbot(debian: &Debian, number: u32, issued: &Issued) {
    let archive = "/etc/letsencrypt/archive/mail.example.org";
    debian.write(&format!("{archive}/privkey{number}.pem"), issued.key_pem(), 0o600);
    debian.write(&format!("{archive}/fullchain{number}.pem"), issued.chain_pem(), 0o644);
    relink(debian, number);
}

/// Lets the links lead to the certificate of this number, in one process.
fn relink(debian: &Debian, number: u32) {
    let script = "for (qw(privkey fullchain)) { unlink \"$ARGV[0]/$_.pem\"; symlink \
                  \"../../archive/mail.example.org/$_$ARGV[1].pem\", \"$ARGV[0]/$_.pem\" or die }";
    let _ = debian.run(&["mkdir", "--parents", LIVE]).success();
    let _ = debian.run(&["perl", "-e", script, LIVE, &number.to_string()]).success();
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
pub(crate) fn first_of(pem: &str) -> Vec<u8> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

/// Waits until systemd has nothing more to do for a renewal: what is served by a
/// new process may be so before all is over.
pub(crate) fn settle(server: &Server) {
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

/// Where it is counted how often a renewal was seen.
const SEEN: &str = "/run/seen";

#[test]
fn each_renewal_is_seen_and_nothing_else_is() {
    let authority = Authority::new();
    let pair = [Algorithm::Ec, Algorithm::Rsa].map(|it| authority.issue(&["mail.example.org"], it));
    on_each(|server| {
        let debian = &server.debian;
        for (number, issued) in (1..).zip(&pair) {
            renew_as_certbot(debian, number, issued);
        }
        let tls = format!("tls: {{certificate: {LIVE}/fullchain.pem, key: {LIVE}/privkey.pem}}\n");
        let yaml = crate::common::mail_yml(&[REFUSING.yaml, &tls].concat());
        debian.write("/etc/mailprov/mail.yml", yaml, 0o600);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        // Only counted, without the pause.
        let drop_in = "/run/systemd/system/mailprov-certificate.service.d/count.conf";
        let counts = format!("/bin/sh -c 'echo >>{SEEN}'");
        let text = format!("[Service]\nExecStartPre=\nExecStart=\nExecStart={counts}\n");
        debian.write(drop_in, text, 0o644);
        let _ = debian.run(&["systemctl", "daemon-reload"]).success();
        let seen = || debian.shell(&format!("wc -l <{SEEN}")).stdout().trim().parse::<u32>();
        let count = || {
            let line = "systemctl is-active mailprov-certificate.service";
            wait_for("the service to end", || {
                debian.shell(line).stdout().starts_with("inactive").then_some(())
            });
            seen().unwrap_or(0)
        };
        let is_seen = |what: &str, change: &dyn Fn()| {
            let before = count();
            change();
            wait_for(what, || (seen().unwrap_or(0) > before).then_some(()));
        };
        for number in 0..20 {
            // What follows a link sees it at times as well; here the folder has to.
            is_seen("an unlink and a symlink", &|| relink(debian, 1 + number % 2));
        }
        let archive = "/etc/letsencrypt/archive/mail.example.org";
        let elsewhere = "/etc/letsencrypt/elsewhere";
        let _ = debian.shell(&format!("cp -a {LIVE} {LIVE}.new; cp -a {LIVE} {elsewhere}"));
        for line in [
            format!("touch {archive}/x; cat {archive}/x >>{archive}/fullchain2.pem"),
            format!("cp {archive}/privkey1.pem {LIVE}/privkey.pem"),
            format!(
                "cp {archive}/privkey2.pem {archive}/new; mv {archive}/new {archive}/privkey2.pem"
            ),
            format!("ln -s {archive}/privkey1.pem {LIVE}/new; mv -T {LIVE}/new {LIVE}/privkey.pem"),
            format!("cp {archive}/privkey1.pem {LIVE}/new; mv -T {LIVE}/new {LIVE}/privkey.pem"),
            // The folder becomes a link, and that then leads elsewhere.
            format!("mv {LIVE} {LIVE}.old; ln -s {LIVE}.new {LIVE}"),
            format!("ln -s ../elsewhere {LIVE}.link; mv -T {LIVE}.link {LIVE}"),
        ] {
            is_seen(&line, &|| drop(debian.shell(&line).success()));
        }
        // The path was read: by Postfix, Dovecot, and the plan.
        let before = count();
        let _ = debian.mailprov(&["plan"]);
        let _ = debian.shell("touch /etc/letsencrypt/x /etc/x; cat /etc/ssl/mail/*.pem");
        assert_eq!(count(), before);
        assert_eq!(
            debian.run(&["systemctl", "is-active", "mailprov-certificate.path"]).stdout().trim(),
            "active"
        );
    });
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
        for file in [
            "mailprov-certificate.path",
            "mailprov-certificate-target.path",
            "mailprov-certificate.service",
        ] {
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
