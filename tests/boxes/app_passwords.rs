//! A device has a password of its own, which opens mail until it is removed.

use base64ct::{Base64, Encoding};

use super::agent::{events, nothing_to_do};
use super::ban::BANNING;
use crate::common::{REFUSING, Server, Spec, password_of, servers};
use crate::support::{Imap, ManageSieve, Network, Pop3, Smtp};

const PER_DOMAIN: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
mailboxes: per-domain
accounts:
  thomas: {password: HASH-thomas}
  anna@example.net: {password: HASH-anna}
",
    logins: &["thomas@example.org", "thomas@example.net", "anna@example.net"],
};

/// The ports that people log in at.
const PORTS: [u16; 5] = [993, 995, 465, 587, 4190];

/// Where Dovecot notes the last uses.
const LAST_USES: &str = "/var/lib/mailprov-app-passwords";

/// Asks Dovecot's auth process, as the service and with the request of the arguments.
const ASK: &str = "
    use IO::Socket::UNIX;
    my $s = IO::Socket::UNIX->new('/var/spool/postfix/private/auth') or die;
    $s->autoflush(1);
    print $s qq(VERSION\\t1\\t1\\nCPID\\t$$\\n);
    while (<$s>) { last if /^DONE/ }
    print $s qq(AUTH\\t1\\tPLAIN\\tservice=$ARGV[0]\\trip=192.0.2.7\\tsecured\\tresp=$ARGV[1]\\n);
    print scalar <$s>;
";

impl Server {
    #[track_caller]
    fn app_password(&self, words: &[&str]) -> String {
        let argv = [&["account", "app-password"], words, &["--yes"]].concat();
        let output = self.debian.mailprov(&argv).success();
        let said = output.to_string();
        assert!(!said.contains("SSHA512"), "{said}");
        output.stdout()
    }

    /// Makes a password for a device, and reads it off the terminal.
    #[track_caller]
    fn add(&self, account: &str, device: &str) -> String {
        let said = self.app_password(&["add", account, device]);
        let is_it = |line: &&str| line.matches('-').count() == 5 && !line.trim().contains(' ');
        let found: Vec<&str> = said.lines().filter(is_it).map(str::trim).collect();
        assert_eq!(found.len(), 1, "{said}");
        found[0].to_owned()
    }

    fn opens(&self, port: u16, login: &str, password: &str) -> bool {
        let (stream, tls) = (self.debian.connect(port).unwrap(), Self::tls());
        match port {
            993 => {
                let mut imap = Imap::connect_tls(stream, &tls).unwrap();
                imap.login(login, password).unwrap().is_ok()
            }
            995 => Pop3::connect_tls(stream, &tls).unwrap().login(login, password).is_ok(),
            4190 => {
                let mut sieve = ManageSieve::connect_starttls(stream, &tls).unwrap();
                sieve.login(login, password).is_ok()
            }
            465 => {
                let mut smtp = Smtp::connect_tls(stream, &tls).unwrap();
                smtp.ehlo().unwrap();
                smtp.auth_plain(login, password).unwrap().is_positive()
            }
            _ => {
                let mut smtp = Smtp::connect_starttls(stream, &tls).unwrap();
                smtp.auth_plain(login, password).unwrap().is_positive()
            }
        }
    }

    /// Returns the ports that a password opens.
    fn opened(&self, login: &str, password: &str) -> Vec<u16> {
        // All at once, since a wrong one has to wait.
        std::thread::scope(|scope| {
            let tries = PORTS.map(|port| scope.spawn(move || self.opens(port, login, password)));
            let opened = PORTS.into_iter().zip(tries).filter_map(|(port, it)| {
                it.join().unwrap().then_some(port) //
            });
            opened.collect()
        })
    }

    fn asks_as(&self, service: &str, login: &str, password: &str) -> bool {
        let request = Base64::encode_string(format!("\0{login}\0{password}").as_bytes());
        let answer = self.debian.run(&["perl", "-e", ASK, service, &request]).success().stdout();
        assert!(answer.starts_with("OK\t1") || answer.starts_with("FAIL\t1"), "{answer}");
        answer.starts_with("OK")
    }

    /// Returns the number of failed logins in the log.
    fn failures(&self) -> usize {
        self.debian.journal().matches("Password mismatch").count()
    }

    fn last_uses(&self) -> Vec<String> {
        let output = self.debian.shell(&format!("ls {LAST_USES} 2>/dev/null || true"));
        output.stdout().lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_device_opens_mail_by_a_password_of_its_own_until_that_is_removed() {
    for server in servers(BANNING) {
        let before = server.debian.read_text("/etc/mailprov/mail.yml");
        let configuration = server.debian.read_text("/etc/dovecot/dovecot.conf");
        let phone = server.add("thomas", "phone");
        let tablet = server.add("thomas", "Tab.2");
        let of_anna = server.add("anna", "phone");
        nothing_to_do(&server.debian, "with app passwords");
        let lists = |words: &[&str]| {
            let argv = [&["account", "app-password", "list"], words].concat();
            server.debian.mailprov(&argv).success().stdout()
        };
        assert_eq!(lists(&["thomas"]), "thomas  phone  never used\nthomas  Tab.2  never used\n");

        // Everything of mail opens, by each spelling of the login, and no mail of others.
        let failures = server.failures();
        for (login, password) in
            [("thomas", &phone), ("Thomas@example.net", &tablet), ("anna@example.org", &of_anna)]
        {
            assert_eq!(server.opened(login, password), PORTS, "{login}");
        }
        for password in [&phone, &tablet, &of_anna] {
            let owner = if password == &of_anna { "anna" } else { "thomas" };
            assert!(server.asks_as("smtp", owner, password));
            assert!(!server.asks_as("mailprov-password", owner, password));
        }
        assert!(server.asks_as("mailprov-password", "thomas", &password_of("thomas")));
        assert_eq!(server.failures(), failures + 3);
        assert!(!server.asks_as("smtp", "anna", &phone));

        // It sends as the account, and as no other one.
        let stream = server.debian.connect(465).unwrap();
        let mut smtp = Smtp::connect_tls(stream, &Server::tls()).unwrap();
        smtp.ehlo().unwrap();
        smtp.auth_plain("thomas@example.org", &tablet).unwrap().expect_code(235);
        for (from, code) in [("thomas@example.net", 250), ("anna@example.org", 553)] {
            smtp.mail(from).unwrap().expect_code(250);
            smtp.rcpt("anna@example.org").unwrap().expect_code(code);
            smtp.command("RSET").unwrap().expect_code(250);
        }

        // The last use is told.
        assert!(server.opens(993, "thomas", &phone) && server.opens(587, "anna", &of_anna));
        let list = lists(&[]);
        let line = |begin: &str| list.lines().find(|it| it.starts_with(begin)).unwrap();
        let here = Network::client().v4.to_string();
        assert!(line("thomas  phone").ends_with(&format!("Z by IMAP from {here}")), "{list}");
        assert!(line("thomas  Tab.2").ends_with(&format!("Z by SMTP from {here}")), "{list}");
        assert!(line("anna    phone").ends_with(&format!("Z by SMTP from {here}")), "{list}");
        let account = server.debian.mailprov(&["account", "list"]).success().stdout();
        assert!(account.contains("; 2 app passwords\n"), "{account}");

        // A device that looks for mail all the time is no guesser.
        let failures = server.failures();
        for _ in 0..15 {
            assert!(server.opens(993, "thomas", &phone));
        }
        assert_eq!(server.failures(), failures);
        let bans = server.debian.mailprov(&["ban", "list"]).success().stdout();
        assert!(bans.contains("No address is banned"), "{bans}");

        // A removed one opens nothing, whatever else there is.
        let gone = server.app_password(&["remove", "thomas", "phone"]);
        assert!(!gone.contains(&phone), "{gone}");
        assert_eq!(server.opened("thomas", &phone), [0_u16; 0]);
        assert_eq!(server.opened("thomas", &tablet), PORTS);
        assert_eq!(server.opened("thomas", &password_of("thomas")), PORTS);
        assert_eq!(server.last_uses(), ["anna:phone", "thomas:Tab.2"]);
        let _ = server.debian.mailprov(&["rollback", "--yes"]).success();
        assert!(server.opens(993, "thomas", &phone));
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert!(!server.opens(993, "thomas", &phone));

        // A cache of Dovecot's, which an administrator may ask for, opens no more.
        let cache = "printf '\\nauth_cache_size = 1M\\n' >>/etc/dovecot/dovecot.conf; \
                     systemctl restart dovecot";
        let _ = server.debian.shell(cache).success();
        for _ in 0..2 {
            assert!(server.asks_as("smtp", "thomas", &tablet));
            assert!(!server.asks_as("mailprov-password", "thomas", &tablet));
            assert!(server.asks_as("mailprov-password", "thomas", &password_of("thomas")));
        }

        // Without the last one nothing is left of it.
        server.debian.write("/etc/mailprov/mail.yml", before, 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(server.opened("anna", &of_anna), [0_u16; 0]);
        assert_eq!(server.opened("anna", &password_of("anna")), PORTS);
        assert!(!server.debian.exists(LAST_USES));
        assert!(!server.debian.exists("/etc/dovecot/app_passwords"));
        assert!(!server.debian.exists("/etc/dovecot/app_passwords.lua"));
        assert_eq!(server.debian.read_text("/etc/dovecot/dovecot.conf"), configuration);
        nothing_to_do(&server.debian, "without app passwords");
    }
}

#[test]
fn an_app_password_survives_what_is_broken_around_it() {
    for server in servers(REFUSING) {
        let server = server.change(PER_DOMAIN);
        let argv = ["account", "app-password", "add", "thomas", "phone", "--yes", "--json"];
        let added = server.debian.mailprov(&argv).success();
        let told = events(&added);
        let new: Vec<_> = told.iter().filter(|it| it["event"] == "app_password").collect();
        assert_eq!(new.len(), 1, "{added}");
        let phone = new[0]["password"].as_str().unwrap();
        assert_eq!(added.to_string().matches(phone).count(), 1, "{added}");
        let of_anna = server.add("anna@example.net", "phone");

        // It opens the mailbox of each domain, and none of others.
        assert_eq!(server.opened("thomas", phone), PORTS);
        assert_eq!(server.opened("THOMAS@example.net", phone), PORTS);
        assert_eq!(server.opened("anna@example.net", &of_anna), PORTS);
        assert!(!server.opens(993, "anna@example.net", phone));
        assert!(!server.opens(993, "anna@example.org", &of_anna));
        let files =
            ["anna@example.net:phone", "thomas@example.net:phone", "thomas@example.org:phone"];
        assert_eq!(server.last_uses(), files);

        // Only root and Dovecot see a hash or a last use, and the password is nowhere.
        for path in ["/etc/dovecot/app_passwords", LAST_USES, &format!("{LAST_USES}/{}", files[0])]
        {
            for user in ["nobody", "vmail", "postfix"] {
                let look = ["setpriv", "--reuid", user, "--clear-groups", "ls", "-l", path];
                let read = ["setpriv", "--reuid", user, "--clear-groups", "cat", path];
                let (look, read) = (server.debian.run(&look), server.debian.run(&read));
                assert!(!read.is_success(), "{user}: {read}");
                let hides = path.ends_with("app_passwords") && path.starts_with("/etc");
                assert!(hides || !look.is_success(), "{user}: {look}");
            }
        }
        let found = server.debian.shell(&format!(
            "grep --recursive --files-with-matches --fixed-strings -e {phone} /etc /var/lib /var/log \
             /run --exclude-dir=journal 2>/dev/null; journalctl -b | grep -c -e {phone}"
        ));
        assert_eq!(found.stdout(), "0\n", "{found}");

        // A login works where the use cannot be noted, and one that cannot be parsed is not told.
        let break_all = format!(
            "cd {LAST_USES} && rm anna@* && ln -s /etc/passwd anna@example.net:phone && \
             printf '1 \\033[2J\\n' >thomas@example.org:phone && \
             mkdir x && rm thomas@example.net:phone && mkfifo thomas@example.net:phone"
        );
        let _ = server.debian.shell(&break_all).success();
        assert!(server.opens(993, "anna@example.net", &of_anna));
        let list = ["account", "app-password", "list", "thomas"];
        let list = server.debian.mailprov(&list);
        assert!(!list.to_string().contains('\x1b'), "{list}");
        let _ =
            server.debian.shell(&format!("rm -r {LAST_USES}/* && mailprov apply --yes")).success();
        assert!(server.opens(995, "thomas@example.net", phone));
        let list = server.debian.mailprov(&["account", "app-password", "list", "thomas", "--json"]);
        let used = &events(&list.success())[0]["last_use"];
        assert_eq!(used["protocol"], "POP3", "{used}");

        // Without the file of hashes, or with half of it, the main password opens still.
        let _ = server.debian.shell("mv /etc/dovecot/app_passwords /root; sleep 1.1").success();
        assert!(!server.opens(993, "thomas", phone));
        assert_eq!(server.opened("thomas", &password_of("thomas")), PORTS);
        let _ = server
            .debian
            .shell("head -c 300 /root/app_passwords >/etc/dovecot/app_passwords; sleep 1.1")
            .success();
        assert_eq!(server.opened("thomas", &password_of("thomas")), PORTS);
        let plan = server.debian.mailprov(&["apply", "--yes"]).success();
        assert!(!plan.to_string().contains("SSHA512"), "{plan}");
        assert!(server.opens(993, "thomas", phone));

        // An account that goes takes them along.
        let _ = server.debian.mailprov(&["account", "remove", "thomas", "--yes"]).success();
        assert_eq!(server.last_uses(), ["anna@example.net:phone"]);
        assert!(!server.opens(993, "thomas", phone));
    }
}
