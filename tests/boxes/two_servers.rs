//! Two servers, each with a domain of its own, and the names of both in the
//! DNS.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{Letter, ONLY_THOMAS, REFUSING, Server, Spec, password_of};
use crate::support::{Dns, Suite, Zone, wait_for};

const OURS: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
accounts:
  thomas: {password: HASH-thomas}
forwards:
  club@example.org: [bob@elsewhere.example, thomas]
  loop@example.org: [loop@elsewhere.example]
",
    logins: &["thomas"],
};

const THEIRS: Spec = Spec {
    yaml: "\
hostname: mx.elsewhere.example
domains: [elsewhere.example]
accounts:
  bob: {password: HASH-bob}
forwards:
  loop@elsewhere.example: [loop@example.org]
",
    logins: &["bob"],
};

/// Connects a server of each release, the given one ours; theirs with some
/// lines more.
fn pair(theirs: &str, suite: Suite) -> (Server, Server, Dns) {
    let other = Suite::ALL.into_iter().find(|other| *other != suite).unwrap();
    let org = Server::start(REFUSING, suite);
    let elsewhere = org.neighbour(REFUSING, other).change_with(THEIRS, theirs);
    let dns = Zone::default()
        .host("mail.example.org", org.debian.addresses())
        .mx("example.org", "mail.example.org")
        .host("mx.elsewhere.example", elsewhere.debian.addresses())
        .mx("elsewhere.example", "mx.elsewhere.example")
        .host("wrong.elsewhere.example", elsewhere.debian.addresses())
        .serve(org.debian.network(), &[&org.debian, &elsewhere.debian]);
    (org.change(OURS), elsewhere, dns)
}

/// Submits a mail, and waits until both servers have nothing left to do.
#[track_caller]
fn send(from: (&Server, &str, &str), to: &str, other: &Server) -> Letter {
    let (server, login, sender) = from;
    let letter = Letter::new();
    let reply = server.submission(login).send(sender, &[to], letter.bytes()).unwrap();
    reply.expect_code(250);
    server.settle();
    other.settle();
    letter
}

#[test]
fn mail_goes_both_ways_over_tls() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        let thomas = (&org, "thomas", "thomas@example.org");
        let letter = send(thomas, "bob@elsewhere.example", &elsewhere);
        let mail = elsewhere.copies("bob", &letter);
        let text = String::from_utf8_lossy(&mail[0]);
        assert_eq!(mail.len(), 1);
        assert!(
            text.contains("from mail.example.org (") && text.contains("using TLSv1.3"),
            "{text}"
        );

        let bob = (&elsewhere, "bob", "bob@elsewhere.example");
        let letter = send(bob, "thomas@example.org", &org);
        let mail = org.copies("thomas", &letter);
        let text = String::from_utf8_lossy(&mail[0]);
        assert_eq!(mail.len(), 1);
        assert!(text.contains("from mx.elsewhere.example (") && text.contains("using TLSv1.3"));

        // What cannot be delivered comes back to who wrote it.
        let letter = send(thomas, "nobody@elsewhere.example", &elsewhere);
        let bounce = org.search("thomas", &format!("TEXT {}", letter.token()));
        assert!(String::from_utf8_lossy(&bounce[0]).contains("nobody@elsewhere.example"));

        // A forward goes there, and the copy that was asked for stays here.
        let letter = Letter::new();
        org.receive(&["club@example.org"], &letter);
        org.settle();
        elsewhere.settle();
        assert_eq!(
            (org.readers(&letter), elsewhere.readers(&letter)),
            (vec!["thomas"], vec!["bob"])
        );
    }
}

/// The lines by which mail programs say where they run and which they are.
const TELLING: &str = "User-Agent: Mozilla Thunderbird\r\nX-Mailer: Apple Mail\r\n (2.3826)\r\n\
    x-originating-ip: [192.0.2.7]\r\nX-PHP-Originating-Script: 33:send.php\r\n";

/// A body with another mail in it.
const ENCLOSING: &[u8] = b"--part\r\nContent-Type: text/plain\r\nX-Mailer: of a part\r\n\r\n\
    User-Agent: in the text\r\n--part\r\nContent-Type: message/rfc822\r\n\r\n\
    User-Agent: enclosed\r\nX-Originating-IP: [192.0.2.8]\r\nMime-Version: 1.0 (enclosed)\r\n\
    Subject: another mail\r\n\r\nHello.\r\n--part--\r\n";

/// Returns a mail of a program that tells of itself.
fn telling() -> Letter {
    let content_type = "Content-Type: multipart/mixed; boundary=part\r\nX-Kept: as it is\r\n";
    Letter::with_header(&format!("{TELLING}{content_type}"), ENCLOSING)
}

#[test]
fn the_world_learns_neither_where_people_sit_nor_which_program_they_write_with() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        let arrived = |letter: &Letter| {
            org.settle();
            elsewhere.settle();
            let copies = elsewhere.copies("bob", letter);
            assert_eq!(copies.len(), 1);
            String::from_utf8(copies.into_iter().next().unwrap()).unwrap()
        };
        let written = |server: &Server| {
            let (one, other) = (telling(), telling());
            for (mut smtp, letter) in
                [(server.submission("thomas"), &one), (server.submissions("thomas"), &other)]
            {
                smtp.command("EHLO thomas-laptop.home").unwrap().expect_code(250);
                let to = ["bob@elsewhere.example"];
                let reply = smtp.send("thomas@example.org", &to, letter.bytes());
                reply.unwrap().expect_code(250);
            }
            [one, other]
        };
        for letter in written(&org) {
            let mail = arrived(&letter);
            let (header, body) = mail.split_once("\r\n\r\n").unwrap();
            for telling in ["laptop", "[10.77.0.1]", "Mozilla", "Apple", "2.3826", "192.0.2.7"] {
                assert!(!header.contains(telling), "{telling}: {mail}");
            }
            assert!(!header.contains("send.php"), "{mail}");
            assert!(header.ends_with("\r\nX-Kept: as it is"), "{mail}");
            assert!(header.contains("Received: by mail.example.org (Postfix) id "), "{mail}");
            // What is inside belongs to others.
            assert_eq!(body.as_bytes(), ENCLOSING, "{mail}");
        }
        // So does what strangers write, and what programs of the host do.
        let letter = telling();
        org.receive(&["club@example.org"], &letter);
        let mail = arrived(&letter);
        assert!(mail.contains(TELLING) && mail.contains("[10.77.0.1]"), "{mail}");
        let letter = telling();
        let sendmail = ["/usr/sbin/sendmail", "-i", "bob@elsewhere.example"];
        let text = String::from_utf8_lossy(letter.bytes()).replace("\r\n", "\n");
        let _ = org.debian.run_with_input(&sendmail, text.as_bytes()).success();
        let mail = arrived(&letter);
        assert!(mail.contains(TELLING), "{mail}");

        let org = org.change_with(OURS, "hide_client: false\n");
        let letters = written(&org);
        org.settle();
        elsewhere.settle();
        for letter in letters {
            let mail = elsewhere.copies("bob", &letter).remove(0);
            let mail = String::from_utf8_lossy(&mail);
            let shown = ["thomas-laptop.home", "[10.77.0.1]", TELLING];
            assert!(shown.iter().all(|it| mail.contains(it)), "{mail}");
        }
        let services = String::from_utf8(org.debian.read("/etc/postfix/master.cf")).unwrap();
        assert!(!services.contains("mua-cleanup"));
    }
}

/// Verifies the signature of the mail on standard input by the key in its argument.
const VERIFIES: &str = "import dkim, sys; mail = sys.stdin.buffer.read()
record = lambda name, timeout=5: b'v=DKIM1; k=rsa; p=' + sys.argv[1].encode()
sys.exit(not dkim.verify(mail, dnsfunc=record))";

#[test]
fn headers_are_removed_before_a_mail_is_signed() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        org.debian.install(&["opendkim"]);
        let key = "/root/dkim.key";
        let _ = org.debian.shell(&format!("openssl genrsa -out {key} 2048")).success();
        // Signs also that there is no line of these more than it saw.
        let config = format!(
            "Mode s\nDomain example.org\nSelector m1\nKeyFile {key}\nUserID root\n\
             Socket inet:8891@127.0.0.1\nOversignHeaders From,User-Agent,X-Mailer\n"
        );
        org.debian.write("/root/opendkim.conf", config, 0o600);
        let _ = org.debian.run(&["systemctl", "stop", "opendkim"]);
        let _ = org.debian.run(&["opendkim", "-x", "/root/opendkim.conf"]).success();
        let milter = "extra: {postfix: {smtpd_milters: \"inet:127.0.0.1:8891\"}}\n";
        let org = org.change_with(OURS, milter);
        let letter = telling();
        let reply = org.submission("thomas").send(
            "thomas@example.org",
            &["bob@elsewhere.example"],
            letter.bytes(),
        );
        reply.unwrap().expect_code(250);
        org.settle();
        elsewhere.settle();
        let mail = elsewhere.copies("bob", &letter).remove(0);
        let text = String::from_utf8_lossy(&mail);
        assert!(text.contains("DKIM-Signature: ") && !text.contains("Mozilla"), "{text}");
        let public = format!("openssl pkey -in {key} -pubout -outform DER | base64 -w0");
        let public = org.debian.shell(&public).success().stdout();
        let verifies = |mail: &[u8]| {
            let mut python = Command::new("/usr/bin/python3");
            python.args(["-c", VERIFIES, public.trim()]).stdin(Stdio::piped());
            let mut python = python.spawn().unwrap();
            python.stdin.take().unwrap().write_all(mail).unwrap();
            python.wait().unwrap().success()
        };
        assert!(verifies(&mail), "{text}");
        assert!(!verifies(&[b"User-Agent: another\r\n", &mail[..]].concat()), "{text}");
    }
}

#[test]
fn a_mail_that_two_hosts_send_to_each_other_comes_to_an_end() {
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair("", suite);
        let letter = Letter::new();
        let mut smtp = org.submission("thomas");
        let reply = smtp.send("thomas@example.org", &["loop@example.org"], letter.bytes());
        reply.unwrap().expect_code(250);
        let bounces = wait_for("word of the loop", || {
            let bounces = org.search("thomas", &format!("TEXT {}", letter.token()));
            (!bounces.is_empty()).then_some(bounces)
        });
        let text = String::from_utf8_lossy(&bounces[0]);
        assert!(text.contains("too many hops") || text.contains("mail forwarding loop"), "{text}");
        org.settle();
        elsewhere.settle();
        assert_eq!(org.search("thomas", "ALL").len(), 1);
    }
}

/// A relay at a place that a test names, with its password.
fn relay(at: &str, more: &str) -> String {
    format!("relay: {{host: \"{at}\", username: bob, password_file: /root/relay.secret{more}}}\n")
}

/// Submits a mail, and returns it once so many wait for this reason.
#[track_caller]
fn waits(org: &Server, many: usize, reason: &str) -> Letter {
    let letter = Letter::new();
    let to = ["bob@elsewhere.example"];
    let mut smtp = org.submission("thomas");
    smtp.send("thomas@example.org", &to, letter.bytes()).unwrap().expect_code(250);
    wait_for(reason, || {
        let queue = org.debian.run(&["postqueue", "-p"]).stdout();
        (queue.matches(reason).count() == many).then_some(())
    });
    letter
}

#[test]
fn all_outgoing_mail_can_go_through_a_relay_that_wants_a_password() {
    // A provider that lets its customer use any sender.
    let generous = "extra: {postfix: {mua_sender_restrictions: permit_sasl_authenticated}}\n";
    for suite in Suite::ALL {
        let (org, elsewhere, _dns) = pair(generous, suite);
        org.debian.write("/root/relay.secret", password_of("bob") + "\n", 0o600);
        let had_password = || elsewhere.debian.journal().contains("sasl_username=bob");

        // An authority that this host does not know, then another name than that in
        // the certificate: neither password nor mail.
        let org = org.change_with(ONLY_THOMAS, &relay("[mx.elsewhere.example]:587", ""));
        let one = waits(&org, 1, "Server certificate not");
        let trust = ["tee", "--append", "/etc/ssl/certs/ca-certificates.crt"];
        let _ = org.debian.run_with_input(&trust, Server::root().as_bytes()).success();
        let org = org.change_with(ONLY_THOMAS, &relay("[wrong.elsewhere.example]:587", ""));
        let _ = org.debian.run(&["systemctl", "restart", "postfix"]).success();
        let other = waits(&org, 2, "Server certificate not");
        assert!(!had_password());
        assert!(elsewhere.readers(&one).is_empty() && elsewhere.readers(&other).is_empty());

        // By the MX record of the domain, whose host the certificate is for.
        let mut org = org.change_with(ONLY_THOMAS, &relay("elsewhere.example:587", ""));
        let _ = org.debian.run(&["postqueue", "-f"]).success();
        org.settle();
        elsewhere.settle();
        assert_eq!(elsewhere.readers(&one), ["bob"]);
        assert_eq!(elsewhere.readers(&other), ["bob"]);
        assert!(had_password());

        let any = relay("[wrong.elsewhere.example]:587", ", tls: encrypt");
        for relay in [relay("[mx.elsewhere.example]:465", ""), any] {
            org = org.change_with(ONLY_THOMAS, &relay);
            let thomas = (&org, "thomas", "thomas@example.org");
            let letter = send(thomas, "bob@elsewhere.example", &elsewhere);
            assert_eq!(elsewhere.readers(&letter), ["bob"]);
        }

        // Without the password nothing is sent, and nothing is lost.
        org.debian.write("/root/relay.secret", "wrong\n", 0o600);
        let org = org.change_with(ONLY_THOMAS, &relay("[mx.elsewhere.example]:587", ""));
        let letter = waits(&org, 1, "SASL authentication failed");
        assert!(elsewhere.readers(&letter).is_empty());
    }
}
