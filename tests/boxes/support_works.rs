//! The boxes themselves and what tests look at them with.

use std::error::Error;
use std::time::Instant;

use rustls::ProtocolVersion;

use crate::support::{
    Algorithm, Aspect, Authority, Debian, Imap, Network, Pop3, Smtp, Suite, Tls, sha512_crypt,
    wait_for,
};

/// The least that makes Postfix and Dovecot of Debian 13 a mail server, as a
/// shell script.
const MAIL_SERVER: &str = include_str!("least_mail_server.sh");

#[test]
fn every_release_boots_and_stays_as_it_is() {
    for suite in Suite::ALL {
        let debian = Debian::fresh(suite);
        let release = debian.shell(". /etc/os-release; echo $VERSION_ID").success().stdout();
        assert_eq!(release.trim(), suite.release());
        assert_eq!(debian.run(&["systemctl", "is-system-running"]).stdout().trim(), "running");
        assert!(debian.exists("/usr/local/bin/mailprov"));

        let before = debian.snapshot();
        before.diff(&debian.snapshot()).assert_empty();
        let _ = debian.shell("chmod 600 /etc/passwd; touch /etc/new").success();
        let after = debian.snapshot();
        let diff = before.diff(&after).without_folder_times(&after);
        let expected = [("/etc/new", Aspect::Added), ("/etc/passwd", Aspect::Mode)];
        let found: Vec<_> =
            diff.changes().iter().map(|(path, aspects)| (path.to_str(), aspects)).collect();
        assert_eq!(found.len(), expected.len(), "{diff}");
        for ((path, aspects), (expected, aspect)) in found.into_iter().zip(expected) {
            assert_eq!(path, Some(expected));
            assert!(aspects.iter().eq([&aspect]), "{diff}");
        }
    }
}

#[test]
fn a_box_without_systemd_runs_commands() {
    let mut debian = Debian::without_systemd(Suite::Bookworm);
    assert!(!debian.exists("/run/systemd/system"));
    debian.write("/root/kept", "kept", 0o600);
    debian.reboot();
    assert_eq!(debian.read_text("/root/kept"), "kept");
    let output = debian.run_with_input(&["cat"], b"hello").success();
    assert_eq!(output.stdout(), "hello");
}

#[test]
fn boxes_of_one_network_reach_each_other_and_survive_a_power_cut() {
    let mut one = Debian::fresh(Suite::Trixie);
    let other = one.neighbour(Suite::Bookworm);
    assert_ne!(one.addresses(), other.addresses());
    let address = other.addresses();
    for host in [address.v4.to_string(), address.v6.to_string()] {
        let greeting =
            one.run(&["timeout", "5", "bash", "-c", &format!("head -n1 </dev/tcp/{host}/22")]);
        assert!(greeting.stdout().starts_with("SSH-"), "{greeting}");
    }
    assert!(one.connect(22).is_ok() && one.connect_v6(22).is_ok());
    assert!(one.connect(25).is_err());
    assert_eq!(Network::client().v4.to_string(), "10.77.0.1");

    one.write("/etc/kept", "kept", 0o644);
    let mut sleep = one.spawn(&["sleep", "1000"]);
    assert!(sleep.is_running());
    one.power_cut();
    assert_eq!(one.read_text("/etc/kept"), "kept");
    assert_eq!(sleep.wait().code(), 137);
    one.boot();
    assert_eq!(one.read_text("/etc/kept"), "kept");
    assert_eq!(one.spawn(&["sleep", "1000"]).kill().code(), 137);
}

#[test]
fn the_clients_speak_with_a_real_mail_server() -> Result<(), Box<dyn Error>> {
    let authority = Authority::new();
    let issued = authority.issue(&["mail.example.org"], Algorithm::Rsa);
    let start = Instant::now();
    let debian = Debian::prepared("least mail server", Suite::Trixie, |debian| {
        debian.install(&[
            "postfix",
            "dovecot-core",
            "dovecot-imapd",
            "dovecot-pop3d",
            "dovecot-lmtpd",
            "openssl",
        ]);
        debian.write("/etc/mail-chain.pem", issued.chain_pem(), 0o644);
        debian.write("/etc/mail-key.pem", issued.key_pem(), 0o600);
        debian.write(
            "/etc/dovecot/users",
            format!("thomas:{}::::::\n", sha512_crypt("se%\"cret")),
            0o644,
        );
        let _ = debian.shell(MAIL_SERVER).success();
        debian
    });
    println!("prepared {:?}", start.elapsed());
    let tls = Tls::trusting(&authority.root_pem(), "mail.example.org");
    let (user, password) = ("thomas", "se%\"cret");
    let message = b"Subject: test\r\n\r\n.dots\r\n..more\r\nend\r\n";

    let mut smtp = wait_for("SMTP", || Smtp::connect_starttls(debian.connect(25).ok()?, &tls).ok());
    assert_eq!(smtp.wire().tls_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(smtp.wire().peer_chain().len(), 2);
    assert_eq!(smtp.mail("a@example.net")?.code, 250);
    assert!(!smtp.rcpt("nobody@elsewhere.example")?.is_positive());
    assert_eq!(smtp.auth_plain(user, "wrong")?.code, 503);
    drop(smtp);

    let mut smtp = Smtp::connect_starttls(debian.connect_v6(25)?, &tls)?;
    assert_eq!(smtp.auth_plain(user, "wrong")?.code, 535);
    assert_eq!(smtp.auth_login(user, password)?.code, 235);
    let reply = smtp.send("thomas@example.org", &["thomas@example.org"], message)?;
    reply.expect_code(250);
    smtp.quit()?.expect_code(221);

    let mut imap = Imap::connect_starttls(debian.connect(143)?, &tls)?;
    assert!(!imap.login(user, "wrong")?.is_ok());
    imap.login(user, password)?.ok()?;
    wait_for("the mail", || (imap.select("INBOX").unwrap() == 1).then_some(()));
    assert!(imap.fetch(1)?.ends_with(b"\r\n.dots\r\n..more\r\nend\r\n"));
    assert_eq!(imap.search("SUBJECT test")?, [1]);
    imap.command("CREATE Other")?.ok()?;
    assert!(imap.list()?.iter().any(|mailbox| mailbox.ends_with("Other")));
    let mut second = Imap::connect_tls(debian.connect_v6(993)?, &tls)?;
    second.login(user, password)?.ok()?;
    let news = imap.idle(|| drop(second.append("INBOX", b"Subject: b\r\n\r\nb\r\n").unwrap()))?;
    assert!(news.ends_with("EXISTS") || news.ends_with("RECENT"), "{news}");
    assert_eq!(imap.sort("REVERSE ARRIVAL")?, [2, 1]);
    imap.move_to(2, "Other")?.ok()?;
    assert_eq!(imap.messages("Other")?, [b"Subject: b\r\n\r\nb\r\n"]);
    imap.delete(1)?.ok()?;
    assert_eq!(imap.select("Other")?, 0);

    let mut pop3 = Pop3::connect_stls(debian.connect(110)?, &tls)?;
    assert!(pop3.login(user, "wrong").is_err());
    drop(pop3);
    let mut pop3 = Pop3::connect_tls(debian.connect(995)?, &tls)?;
    pop3.login(user, password)?;
    assert_eq!(pop3.list()?.len(), 1);
    assert!(pop3.retrieve(1)?.ends_with(b"\r\n.dots\r\n..more\r\nend\r\n"));
    pop3.delete(1)?;
    pop3.quit()?;

    let wrong = Tls::trusting(&Authority::new().root_pem(), "mail.example.org");
    assert!(Imap::connect_tls(debian.connect(993)?, &wrong).is_err());
    let wrong = Tls::trusting(&authority.root_pem(), "mail.example.net");
    assert!(Imap::connect_tls(debian.connect(993)?, &wrong).is_err());
    assert!(Imap::connect_tls(debian.connect(993)?, &Tls::unverified("x.example")).is_ok());

    let start = Instant::now();
    let copy = Debian::prepared("least mail server", Suite::Trixie, |_| unreachable!());
    println!("copied {:?}", start.elapsed());
    let before = copy.snapshot();
    before.diff(&copy.snapshot()).assert_empty();
    wait_for("IMAP", || Imap::connect_tls(copy.connect(993).ok()?, &tls).ok());
    Ok(())
}
