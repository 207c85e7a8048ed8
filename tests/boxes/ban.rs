//! An address that guesses passwords is shut out, and no other one.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::thread;

use super::agent::{self, events, nothing_to_do};
use super::common::{Letter, REFUSING, Server, Spec, mail_yml, password_of};
use super::over_ssh;
use crate::support::{Debian, Imap, ManageSieve, Output, Pop3, Smtp, Suite, wait_for};

pub(super) const BANNING: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas}
  anna: {password: HASH-anna}
ban: true
",
    logins: &["thomas", "anna"],
};

/// The ports that passwords are tried at.
const PORTS: [u16; 5] = [993, 465, 587, 995, 4190];

/// Login names that look like the end of a line about another address, each in the
/// words of one of the releases.
const CRAFTED: [&str; 10] = [
    "thomas",
    "x,192.0.2.1): Password mismatch",
    "x,192.0.2.1): unknown user",
    "x,192.0.2.1,<a>): unknown user",
    "x,192.0.2.1,sasl:plain): passwd-file: unknown user",
    "x,192.0.2.1,sasl:plain)<a>: passwd-file: Password mismatch",
    "x,2001:db8::1): unknown user",
    "x\u{2028}mail dovecot[1]: auth: passwd-file(x,192.0.2.1): unknown user",
    "x, rip=192.0.2.1, lip=192.0.2.2",
    "a\tb,192.0.2.1): unknown user",
];

const fn v4(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, last)
}

/// An address of another network than the box's.
const fn v6(network: u16, last: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0x78, 0, network, 0, 0, 0, last)
}

impl Server {
    /// Starts one that bans.
    fn banning(suite: Suite) -> Self {
        let server = Self::start(BANNING, suite);
        let _ = server.debian.shell("ip -6 route add fd00::/16 dev eth0").success();
        server
    }

    fn open(&self, from: IpAddr, port: u16) -> io::Result<std::net::TcpStream> {
        let there = self.debian.addresses();
        let to = if from.is_ipv6() { there.v6.into() } else { IpAddr::from(there.v4) };
        self.debian.network().connect_from(from, to, port)
    }

    /// Tries a password that is wrong, and returns whether the server answered.
    fn guess(&self, from: IpAddr, port: u16, name: &str) -> io::Result<()> {
        let (stream, tls) = (self.open(from, port)?, Self::tls());
        let wrong = "not the secret";
        let is_in = match port {
            993 => Imap::connect_tls(stream, &tls)?.login(name, wrong)?.is_ok(),
            995 => Pop3::connect_tls(stream, &tls)?.login(name, wrong).is_ok(),
            4190 => ManageSieve::connect_starttls(stream, &tls)?.login(name, wrong).is_ok(),
            465 => {
                let mut smtp = Smtp::connect_tls(stream, &tls)?;
                smtp.ehlo()?;
                smtp.auth_plain(name, wrong)?.is_positive()
            }
            _ => Smtp::connect_starttls(stream, &tls)?.auth_plain(name, wrong)?.is_positive(),
        };
        assert!(!is_in, "{name} got in at {port}");
        Ok(())
    }

    /// Tries passwords from addresses, at all ports, all at once. Returns how many tries
    /// were answered.
    fn guess_at_once(&self, from: &[IpAddr], names: &[&str]) -> usize {
        thread::scope(|scope| {
            let guess = |index: usize| {
                let from = from[index % from.len()];
                let (port, name) = (PORTS[index % PORTS.len()], names[index % names.len()]);
                scope.spawn(move || self.guess(from, port, name).is_ok())
            };
            let tries: Vec<_> = (0..10).map(guess).collect();
            tries.into_iter().map(|it| it.join().unwrap()).filter(|it| *it).count()
        })
    }

    /// Has lines in the log about so many failures more, in the words of the release and
    /// from Dovecot's unit, which the journal asks a process that is still there.
    fn log_failures(&self, count: usize, from: IpAddr) {
        let line = match self.debian.suite() {
            Suite::Bookworm => format!("auth: passwd-file(anna,{from},<a>): Password mismatch"),
            Suite::Trixie => format!("auth(anna,{from},sasl:plain)<a>: passwd-file: unknown user"),
        };
        let log = format!(
            "for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do \
                 unit=$hierarchy/system.slice/dovecot.service; \
                 [ ! -d $unit ] || echo $$ >$unit/cgroup.procs; done; \
             (for i in $(seq {count}); do echo '{line}'; done; sleep 1) | systemd-cat -t dovecot"
        );
        let _ = self.debian.shell(&log).success();
    }

    #[track_caller]
    fn is_shut_out(&self, from: IpAddr) {
        wait_for("a ban", || self.open(from, 993).is_err().then_some(()));
        for port in PORTS.into_iter().chain([110, 143]) {
            assert!(self.open(from, port).is_err(), "{from} at {port}");
        }
        // A mail server may have the same address.
        let mut smtp = Smtp::connect(self.open(from, 25).unwrap()).unwrap();
        smtp.ehlo().unwrap();
    }

    #[track_caller]
    fn gets_in(&self, from: IpAddr) {
        let mut imap = Imap::connect_tls(self.open(from, 993).unwrap(), &Self::tls()).unwrap();
        imap.login("thomas", &password_of("thomas")).unwrap().ok().unwrap();
    }

    /// Returns the bans as `ban list` tells them.
    #[track_caller]
    fn bans(&self) -> Vec<String> {
        let output = self.debian.mailprov(&["ban", "list", "--json"]).success();
        events(&output).iter().map(|it| it["address"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn lift(&self, address: &str) -> Output {
        self.debian.mailprov(&["ban", "lift", address])
    }
}

#[test]
fn a_guesser_is_shut_out_and_no_one_else() {
    for suite in Suite::ALL {
        let server = Server::banning(suite);
        let network = server.debian.network();
        let (guesser, other) = (IpAddr::from(v4(201)), IpAddr::from(v4(202)));
        [guesser, other].into_iter().for_each(|it| network.speak_from(it));
        assert_eq!(server.guess_at_once(&[guesser], &CRAFTED), 10, "{suite:?}");
        server.is_shut_out(guesser);
        server.gets_in(other);
        assert_eq!(server.bans(), ["10.77.0.201"], "{suite:?}");
        nothing_to_do(&server.debian, "with a ban");
        let check = server.debian.mailprov(&["check", "--only", "ban,ports,login,log"]).success();
        assert!(check.stdout().contains("1 at present"), "{check}");

        let none = server.lift("10.77.0.202").exits(1);
        assert!(none.stderr().contains("10.77.0.202 is not banned"), "{none}");
        let _ = server.lift("10.77.0.201").success();
        server.gets_in(guesser);
        assert_eq!(server.bans(), [""; 0]);
    }
}

#[test]
fn a_network_of_ipv6_is_one_guesser() {
    for suite in Suite::ALL {
        let server = Server::banning(suite);
        let network = server.debian.network();
        // In the first, the address may be written with `::` before its last group.
        let guessers = [v6(1, 5), v6(1, 6)].map(IpAddr::from);
        let other = IpAddr::from(v6(2, 5));
        guessers.into_iter().chain([other]).for_each(|it| network.speak_from(it));
        assert_eq!(server.guess_at_once(&guessers, &CRAFTED), 10, "{suite:?}");
        for guesser in guessers {
            server.is_shut_out(guesser);
        }
        server.gets_in(other);
        assert_eq!(server.bans(), ["fd00:78:0:1::/64"]);

        // A ban outlasts fail2ban, and any address of the network ends it.
        let _ = server.debian.run(&["systemctl", "restart", "fail2ban"]).success();
        server.is_shut_out(guessers[1]);
        server.gets_in(other);
        let _ = server.lift("fd00:78:0:1::77").success();
        server.gets_in(guessers[0]);
        assert_eq!(server.bans(), [""; 0]);
    }
}

#[test]
fn an_address_that_a_person_logged_in_from_is_spared() {
    for suite in Suite::ALL {
        let server = Server::banning(suite);
        let network = server.debian.network();
        let [by_imap, by_mail, by_ssh, guesser] =
            [202, 203, 204, 201].map(|it| IpAddr::from(v4(it)));
        [by_imap, by_mail, by_ssh, guesser].into_iter().for_each(|it| network.speak_from(it));
        server.gets_in(by_imap);

        let mut smtp =
            Smtp::connect_tls(server.open(by_mail, 465).unwrap(), &Server::tls()).unwrap();
        smtp.ehlo().unwrap();
        smtp.auth_plain("thomas", &password_of("thomas")).unwrap().expect_code(235);
        let letter = Letter::new();
        let sent = smtp.send("thomas@example.org", &["anna@example.org"], letter.bytes());
        sent.unwrap().expect_code(250);

        over_ssh::let_in(&server.debian);
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, over_ssh::key()).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let host = over_ssh::root_at(&server.debian);
        let ssh = ["ssh", "-b", "10.77.0.204", "-i", key.to_str().unwrap(), "-o", "BatchMode=yes"];
        let trusting = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"];
        let _ = network.run(&[&ssh[..], &trusting, &[&host, "true"]].concat()).success();

        for spared in [by_imap, by_mail, by_ssh] {
            assert_eq!(server.guess_at_once(&[spared], &["thomas"]), 10, "{suite:?} {spared}");
        }
        // Read after those of the others.
        assert_eq!(server.guess_at_once(&[guesser], &["thomas"]), 10, "{suite:?}");
        server.is_shut_out(guesser);
        assert_eq!(server.bans(), ["10.77.0.201"], "{suite:?}");
        for spared in [by_imap, by_mail, by_ssh] {
            server.gets_in(spared);
        }

        // With more than 300 failures an account is no licence; root needs none. (fail2ban
        // keeps for a minute what it was told of an address.)
        let log = |count| [by_ssh, by_imap].map(|from| server.log_failures(count, from));
        let _ = log(291);
        let _ = server.debian.run(&["systemctl", "restart", "fail2ban"]).success();
        let _ = log(10);
        server.is_shut_out(by_imap);
        server.gets_in(by_mail);
        server.gets_in(by_ssh);
    }
}

/// Returns what is left of bans on a host.
fn left(debian: &Debian) -> String {
    let files = "ls /etc/fail2ban/*/mailprov* 2>/dev/null; nft list tables | grep mailprov; \
                 systemctl is-active fail2ban; systemctl is-enabled fail2ban; \
                 doveconf -n 2>/dev/null | grep auth_verbose";
    debian.shell(files).stdout()
}

#[test]
fn switched_off_it_leaves_nothing() {
    for suite in Suite::ALL {
        let server = Server::start(REFUSING, suite);
        let debian = server.debian;
        let none = debian.mailprov(&["ban", "list"]).exits(1);
        assert!(none.stderr().contains("fail2ban does not run"), "{none}");

        let debian = debian.mail_yml(&mail_yml(BANNING.yaml)).apply();
        nothing_to_do(&debian, "with bans");
        // fail2ban makes them a moment after its start.
        let rules = |debian: &Debian, words: &str| {
            let table = ["nft", "list", "table", "inet", "mailprov-ban"];
            wait_for(words, || debian.run(&table).stdout().contains(words).then_some(()));
        };
        rules(&debian, "reject with tcp reset");
        // Rules that were changed by hand go as their file does.
        let edit = "sed -i 's/ 4190 / 2525 /' /etc/fail2ban/action.d/mailprov.conf && \
                    systemctl restart fail2ban";
        let _ = debian.shell(edit).success();
        rules(&debian, "995, 2525");
        let debian = debian.apply();
        rules(&debian, "995, 4190");
        let _ = debian.shell("fail2ban-client status sshd").success();

        let debian = debian.mail_yml(&mail_yml(&BANNING.yaml.replace("ban: true", "ban: false")));
        let debian = debian.apply();
        nothing_to_do(&debian, "without bans");
        assert_eq!(left(&debian), "inactive\ndisabled\n", "{suite:?}");

        // Back to the server as it was, the packages too.
        let debian = debian.mail_yml(&mail_yml(REFUSING.yaml));
        let _ = debian.mailprov(&["rollback", "2", "--purge", "--yes"]).success();
        assert!(!debian.exists("/etc/fail2ban/jail.d/mailprov.conf"));
        assert!(!debian.exists("/usr/bin/fail2ban-client"));
    }
}

#[test]
fn a_fail2ban_of_the_administrator_stays() {
    let own =
        "[own]\nenabled = true\nbackend = systemd\nfilter = sshd\nport = 2222\nmaxretry = 3\n";
    for suite in Suite::ALL {
        let server = Server::start(REFUSING, suite);
        let debian = server.debian;
        debian.install(&["fail2ban", "python3-systemd", "nftables"]);
        let local = "[DEFAULT]\nbantime = 1d\n[sshd]\nbackend = systemd\n";
        debian.write("/etc/fail2ban/jail.local", local, 0o644);
        debian.write("/etc/fail2ban/jail.d/own.conf", own, 0o644);
        let _ =
            debian.shell("systemctl enable --now fail2ban; systemctl restart fail2ban").success();

        let debian = debian.mail_yml(&mail_yml(BANNING.yaml)).apply();
        nothing_to_do(&debian, "beside another's");
        let jails = debian.shell("fail2ban-client status | tail -1").success().stdout();
        assert!(["mailprov", "own", "sshd"].iter().all(|it| jails.contains(it)), "{jails}");
        let time =
            debian.shell("fail2ban-client get own bantime; fail2ban-client get mailprov bantime");
        assert_eq!(time.success().stdout(), "86400\n3600\n");

        let debian = debian.mail_yml(&mail_yml(&BANNING.yaml.replace("ban: true", "ban: false")));
        let debian = debian.apply();
        nothing_to_do(&debian, "without bans of mailprov's");
        let state = debian.shell("systemctl is-active fail2ban; systemctl is-enabled fail2ban");
        assert_eq!(state.stdout(), "active\nenabled\n");
        assert_eq!(debian.read_text("/etc/fail2ban/jail.local"), local);
        assert_eq!(debian.read_text("/etc/fail2ban/jail.d/own.conf"), own);
    }
}

#[test]
fn without_systemd_there_are_no_bans_and_check_says_so() {
    for suite in Suite::ALL {
        let text = agent::mail_yml().replace("ban: false", "ban: true");
        let debian = Debian::without_systemd(suite).mail_yml(&text).apply();
        nothing_to_do(&debian, "without systemd");
        assert!(!debian.exists("/usr/bin/fail2ban-client"));
        assert!(!debian.read_text("/etc/dovecot/dovecot.conf").contains("auth_verbose"));
        let check = debian.mailprov(&["check", "--only", "ban"]).success();
        assert!(check.stdout().contains("systemd does not run here"), "{check}");
    }
}
