//! What strangers do at the ports that are open to them keeps out none of those
//! who have a password.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::common::{Letter, REFUSING, STRANGER, Server, Spec, password_of, servers};
use crate::support::{Imap, Pop3, Smtp, Zone};

/// How long a person waits for a login.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects, and says nothing but perhaps that TLS is to begin.
fn say_nothing(server: &Server, port: u16) -> Vec<TcpStream> {
    let half_open: &[u8] = match port {
        143 => b"a STARTTLS\r\n",
        110 => b"STLS\r\n",
        _ => b"",
    };
    let connect = |_| {
        let mut stream = server.debian.connect(port).ok()?;
        std::io::Write::write_all(&mut stream, half_open).ok()?;
        Some(stream)
    };
    (0..200).filter_map(connect).collect()
}

/// Logs in as a person does at another place, which has another address.
fn log_in(server: &Server, port: u16) -> std::io::Result<()> {
    let (stream, tls) = (server.debian.connect_v6(port)?, Server::tls());
    let (login, password) = ("thomas", password_of("thomas"));
    let imap = |mut imap: Imap| imap.login(login, &password)?.ok().map(drop);
    let submit = |mut smtp: Smtp| {
        smtp.ehlo()?;
        smtp.auth_plain(login, &password).map(|reply| drop(reply.expect_code(235)))
    };
    match port {
        465 => submit(Smtp::connect_tls(stream, &tls)?),
        587 => submit(Smtp::connect_starttls(stream, &tls)?),
        993 => imap(Imap::connect_tls(stream, &tls)?),
        143 => imap(Imap::connect_starttls(stream, &tls)?),
        110 => Pop3::connect_stls(stream, &tls)?.login(login, &password),
        _ => Pop3::connect_tls(stream, &tls)?.login(login, &password),
    }
}

#[test]
fn silent_connections_keep_nobody_out_even_where_memory_is_small() {
    for server in servers(REFUSING) {
        let small = "sed 's/^MemTotal:.*/MemTotal: 480000 kB/' /proc/meminfo >/run/meminfo && \
                     mount --bind /run/meminfo /proc/meminfo";
        let _ = server.debian.shell(small).success();
        let server = server.change(REFUSING);
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let processes = server.debian.run(&["postconf", "-h", "default_process_limit"]);
        assert_eq!(processes.stdout().trim(), "32");

        // More than a hundred who are logged in and stay so.
        let people = ["thomas", "anna", "auser3"];
        let mut readers: Vec<_> =
            (0..130).map(|number| server.imap(people[number % people.len()])).collect();
        for ports in [[465, 587], [993, 995], [143, 110]] {
            let silent = ports.map(|port| say_nothing(&server, port));
            for port in ports {
                let begun = Instant::now();
                log_in(&server, port).unwrap_or_else(|error| panic!("port {port}: {error}"));
                let waited = begun.elapsed();
                assert!(waited < PATIENCE, "port {port} let in after {waited:?}");
            }
            drop(silent);
        }
        let silent = say_nothing(&server, 25);
        log_in(&server, 465).unwrap();
        let mut other = Smtp::connect(server.debian.connect_v6(25).unwrap()).unwrap();
        other.ehlo().unwrap();
        drop(silent);
        for reader in &mut readers {
            reader.command("NOOP").unwrap().ok().unwrap();
        }
    }
}

/// One who sends mails of 12 MiB fills the disk down to the reserve of 96 MiB.
const SMALL: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org]
message_size: 16MiB
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna}
",
    logins: &["thomas", "anna"],
};

#[test]
fn a_stranger_cannot_fill_the_disk_and_people_go_on() {
    // A /var of its own, with 160 MiB free.
    let small = "systemctl stop dovecot postfix postfix@- && rm -rf /var/cache/apt/archives/*.deb && \
                 size=$(($(du -sm /var | cut -f1) + 400)) && mkdir /mnt/var && \
                 mount -t tmpfs -o mode=755,size=${size}m tmpfs /mnt/var && \
                 cp -a /var/. /mnt/var/ && mount --bind /mnt/var /var && \
                 free=$(df -m --output=avail /var | tail -1) && \
                 fallocate -l $((free - 160))M /var/ballast && systemctl start dovecot postfix";
    for server in servers(REFUSING) {
        let _ = server.debian.shell(small).success();
        let server = server.change(SMALL);
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
        let reserve = server.debian.run(&["postconf", "-h", "queue_minfree"]).stdout();
        assert_eq!(reserve.trim(), (96 << 20).to_string());

        let large = Letter::saying(&b"0123456789abcdef0123456789abcdef\r\n".repeat(12 << 15));
        let mut sent = 0;
        let refusal = loop {
            assert!(sent < 9, "nothing is put off");
            let mut smtp = server.stranger();
            let reply = smtp.mail(STRANGER).unwrap();
            if !reply.is_positive() {
                break reply;
            }
            smtp.rcpt("anna@example.org").unwrap().expect_code(250);
            smtp.data(large.bytes()).unwrap().expect_code(250);
            sent += 1;
        };
        refusal.expect_code(452);
        assert!(sent > 1, "put off after {sent}");
        // Nor does it help to come with many at once: each was asked before it sent.
        let call = || Smtp::connect(server.debian.connect(25).unwrap()).unwrap();
        let calls: Vec<_> = (0..3).map(|_| call()).collect();
        assert!(calls.iter().any(|it| it.greeting().code == 421));
        drop(calls);

        let letter = Letter::new();
        let mut smtp = server.submissions("thomas");
        let sent = smtp.send("thomas@example.org", &["anna@example.org"], letter.bytes());
        sent.unwrap().expect_code(250);
        server.settle();
        assert_eq!(server.readers(&letter), ["anna"]);
        // As if the last of the room were taken, too.
        let _ = server.debian.run(&["fallocate", "-l", "8M", "/var/more"]).success();
        let room = server.debian.mailprov(&["check", "--only", "disk"]).stdout();
        assert!(room.contains("below 96 MiB, mail from other servers is deferred"), "{room}");

        let _ = server.debian.run(&["rm", "/var/ballast", "/var/more"]).success();
        assert_eq!(server.reached_by("anna@example.org"), ["anna"]);
    }
}

#[test]
fn a_sender_whose_domain_does_not_exist_is_refused_and_put_off_while_dns_fails() {
    let answer = |server: &Server, helo: &str, sender: &str| {
        let mut smtp = Smtp::connect(server.debian.connect(25).unwrap()).unwrap();
        smtp.command(&format!("EHLO {helo}")).unwrap();
        smtp.mail(sender).unwrap();
        smtp.rcpt("anna@example.org").unwrap()
    };
    for server in servers(REFUSING) {
        // As before DHCP, or with another provider's resolver, when Postfix started.
        server.debian.write("/etc/resolv.conf", "nameserver 203.0.113.1\n", 0o644);
        let _ = server.debian.run(&["systemctl", "restart", "postfix"]).success();
        answer(&server, "mx.elsewhere.example", "").expect_code(250);
        answer(&server, "mx.elsewhere.example", "list@example.net").expect_code(250);

        // What the host looks up by now, Postfix does, too.
        let dns = Zone::default()
            .mx("elsewhere.example", "mx.elsewhere.example")
            .host("mx.elsewhere.example", server.debian.addresses())
            .serve(server.debian.network(), &[&server.debian]);
        answer(&server, "mx.elsewhere.example", "bob@elsewhere.example").expect_code(250);
        answer(&server, "mx.elsewhere.example", "bob@mx.elsewhere.example").expect_code(250);
        answer(&server, "[10.77.0.1]", "bob@elsewhere.example").expect_code(250);
        answer(&server, "localhost", "bob@elsewhere.example").expect_code(250);
        answer(&server, "mx.elsewhere.example", "bob@nowhere.example").expect_code(550);
        for helo in ["no_(name)", "mx..elsewhere.example", "-mx.elsewhere.example", "[300.1.1.1]"] {
            answer(&server, helo, "bob@elsewhere.example").expect_code(501);
        }
        drop(dns);
        answer(&server, "mx.elsewhere.example", "bob@other.example").expect_code(450);

        // People's computers have names of all kinds.
        let mut smtp = server.submission("anna");
        smtp.command("EHLO Anna's_laptop").unwrap().expect_code(250);
        smtp.mail("anna@example.org").unwrap().expect_code(250);
        smtp.rcpt("bob@nowhere.example").unwrap().expect_code(250);
        let letter = server.write_from_host("root");
        assert_eq!(server.readers(&letter), ["thomas"]);
    }
}
