//! An intruder in the webmail reaches little more than the webmail, and bans keep a
//! guesser out of it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use super::{HOST, WEBMAIL, fetch};
use crate::common::{Server, password_of};
use crate::support::{Debian, Page, Suite, on_each, wait_for};

/// The attempts of an intruder, in PHP without any of the limits that PHP sets itself. Prints
/// those that succeed.
const ATTACK: &str = r#"<?php
error_reporting(0);
$done = [];
foreach (['/var/vmail', '/etc/mailprov/mail.yml', '/etc/dovecot/users', '/etc/dovecot/dovecot.conf',
    '/etc/postfix/main.cf', '/etc/postfix/senders', '/var/lib/mailprov', '/etc/shadow',
    '/etc/ssl/mail/privkey.pem', '/etc/ssl/mailprov', '/root', '/home', '/var/log', '/var/spool',
    '/proc/1/environ', '/proc/1/cmdline', '/etc/nginx/nginx.conf', '/etc/passwd',
    '/etc/mailprov-webmail/des_key', '/etc/mailprov-webmail/addresses',
    '/var/lib/mailprov-webmail'] as $path) {
    if (file_get_contents($path) !== false || scandir($path) !== false) $done[] = "read $path";
}
foreach (['/etc/x', '/etc/mailprov-webmail/config.inc.php', '/etc/mailprov-webmail/x',
    '/usr/share/roundcube/x', '/var/lib/roundcube/plugins/mailprov/mailprov.php',
    '/var/lib/roundcube/temp/x', '/var/lib/roundcube/public_html/x.php', '/var/www/x',
    '/var/spool/postfix/maildrop/x', '/run/x', '/run/lock/x', '/var/cache/x', '/boot/x',
    '/dev/shm/x', '/tmp/x', '/var/tmp/x', '/var/lib/mailprov-webmail/x'] as $path) {
    if (file_put_contents($path, 'x', FILE_APPEND) !== false) $done[] = "write $path";
}
copy('/usr/bin/id', '/var/lib/mailprov-webmail/id');
chmod('/var/lib/mailprov-webmail/id', 0755);
copy('/usr/bin/id', '/dev/shm/id');
chmod('/dev/shm/id', 0755);
foreach ([['/usr/bin/id'], ['/bin/sh', '-c', 'echo uid'], ['/usr/sbin/sendmail', '-bv', 'x'],
    ['/usr/sbin/postdrop'], ['/usr/bin/sudo', '-l'], ['/var/lib/mailprov-webmail/id'],
    ['/dev/shm/id'], ['/lib64/ld-linux-x86-64.so.2', '/usr/bin/id']] as $argv) {
    $child = proc_open($argv, [1 => ['pipe', 'w']], $pipes);
    if ($child && stream_get_contents($pipes[1]) !== '') $done[] = 'run ' . implode(' ', $argv);
}
foreach ([22, 25, 53, 80, 143, 443, 465, 587, 993, 995, 4190] as $port) {
    if (stream_socket_client("tcp://127.0.0.1:$port", $a, $b, 3)) $done[] = "call $port";
}
if (stream_socket_client('tcp://10.77.0.1:9999', $a, $b, 3)) $done[] = 'call another host';
if (stream_socket_server('tcp://0.0.0.0:9998')) $done[] = 'listen';
foreach (['/run/dovecot/auth-userdb', '/run/dovecot/login/imap', '/run/dbus/system_bus_socket',
    '/run/systemd/private', '/var/spool/postfix/public/pickup', '/var/spool/postfix/private/auth',
    '/run/fail2ban/fail2ban.sock', '/run/mailprov-webmail/php.sock',
    '/run/mailprov-password.sock', '/run/mailprov-password-page.sock'] as $path) {
    if (stream_socket_client("unix://$path", $a, $b, 3)) $done[] = "call $path";
}
echo "\n", json_encode($done);
"#;

/// Its reach: its own data, and the places that ask for a password.
const REACHED: [&str; 12] = [
    "read /etc/passwd",
    "read /etc/mailprov-webmail/des_key",
    "read /etc/mailprov-webmail/addresses",
    "read /var/lib/mailprov-webmail",
    "write /tmp/x",
    "write /var/tmp/x",
    "write /var/lib/mailprov-webmail/x",
    "call 465",
    "call 993",
    "call 4190",
    "call /run/mailprov-webmail/php.sock",
    "call /run/mailprov-password.sock",
];

#[test]
fn an_intruder_in_the_webmail_reaches_its_data_and_three_ports() {
    on_each(Suite::ALL, |suite| {
        let server = Server::start(WEBMAIL, suite);
        let debian = &server.debian;
        let listener = debian.network().enter(|| TcpListener::bind("10.77.0.1:9999")).unwrap();
        assert_eq!(attack(debian), REACHED, "on Debian {}", suite.release());
        drop(listener);
        // No other user of this host passes for the webmail, which says where people come from.
        let call = "use IO::Socket::INET; exit !IO::Socket::INET->new(\
                    PeerAddr => '127.0.0.1', PeerPort => 993, LocalAddr => $ARGV[0]);";
        let from = |address: &str, user: &str| {
            debian.run(&["runuser", "-u", user, "--", "perl", "-e", call, address]).code()
        };
        assert_eq!(from("127.0.0.1", "nobody"), 0);
        assert_eq!(from("127.0.0.25", "webmail"), 0);
        assert_ne!(from("127.0.0.25", "nobody"), 0);
        assert_ne!(from("127.0.0.25", "www-data"), 0);
    });
}

/// Runs the attack in a service with the limits of the webmail's, but by a PHP that runs
/// scripts by itself.
fn attack(debian: &Debian) -> Vec<String> {
    let php = debian.run(&["readlink", "-f", "/usr/bin/php"]).success().stdout().trim().to_owned();
    debian.write("/var/lib/mailprov-webmail/attack.php", ATTACK, 0o644);
    let unit = "/etc/systemd/system/mailprov-webmail.service";
    let edit = format!(
        "sed -e 's|^Type=.*|Type=oneshot|; s|^ExecStart=.*|ExecStart={php} \
         /var/lib/mailprov-webmail/attack.php|; /^ExecStartPre/d; \
         /^ExecReload/d; /^Restart/d; /^RuntimeDirectory/d; \
         s|^UMask|StandardOutput=file:/run/attack.out\\nUMask|' {unit} \
         >/run/systemd/system/attack.service"
    );
    let _ = debian.shell(&edit).success();
    let _ = debian.run(&["systemctl", "daemon-reload"]).success();
    let _ = debian.run(&["systemctl", "start", "attack"]).success();
    let output = debian.run(&["cat", "/run/attack.out"]).success().stdout();
    let done: Vec<String> = serde_json::from_str(output.lines().last().unwrap()).unwrap();
    // The kernel's part of it (SocketBindDeny) needs a hierarchy of groups of its own, which
    // a box does not have.
    done.into_iter().filter(|it| it != "listen").collect()
}

/// Logs in from an address, without a browser. Returns the status of the answer: 302 if it
/// is right, else 401.
fn log_in(server: &Server, from: Ipv4Addr, password: &str) -> io::Result<u16> {
    let debian = &server.debian;
    let ask = |request: &str| {
        let to = debian.addresses().v4;
        let stream = debian.network().connect_from(from, to, 443)?;
        Page::ask(stream, Some(&Server::tls()), request)
    };
    let page = ask(&format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n"))?;
    let cookie = page.header("set-cookie").and_then(|it| it.split(';').next()).unwrap_or_default();
    let token =
        page.body.split("name=\"_token\" value=\"").nth(1).and_then(|it| it.split('"').next());
    let token = token.ok_or_else(|| io::Error::other(page.body.clone()))?;
    let password = password.replace(' ', "+");
    let form = format!("_task=login&_action=login&_token={token}&_user=thomas&_pass={password}");
    let answer = ask(&format!(
        "POST /?_task=login HTTP/1.0\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    ))?;
    Ok(answer.status)
}

#[test]
fn a_guesser_in_the_webmail_shuts_out_only_their_own_address() {
    on_each(Suite::ALL, |suite| {
        let server = Server::start(WEBMAIL, suite).change_with(WEBMAIL, "ban: true\n");
        wait_for("the webmail", || (fetch(&server, "/").status == 200).then_some(()));
        let (guesser, person) = (Ipv4Addr::new(10, 77, 0, 66), Ipv4Addr::new(10, 77, 0, 67));
        let network = server.debian.network();
        network.speak_from(guesser);
        network.speak_from(person);
        let guess = |count: usize| {
            thread::scope(|scope| {
                for _ in 0..count {
                    scope.spawn(|| log_in(&server, guesser, "wrong"));
                }
            });
        };
        guess(6);
        let start = Instant::now();
        assert_eq!(log_in(&server, person, &password_of("thomas")).unwrap(), 302);
        // Dovecot has the guesser wait for up to 15 s by now.
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(5), "{waited:?}");
        guess(4);
        let to = server.debian.addresses().v4;
        let is_open =
            |from: Ipv4Addr| network.connect_from(IpAddr::from(from), to, 443).map(drop).is_ok();
        wait_for("a ban", || (!is_open(guesser)).then_some(()));
        assert!(is_open(person));
        let list = server.debian.mailprov(&["ban", "list"]).success().stdout();
        assert!(list.contains("10.77.0.66") && !list.contains("127.0.0"), "{list}");
    });
}
