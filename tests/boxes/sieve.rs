//! People's filters: written by ManageSieve, run as mail arrives.

use super::agent::nothing_to_do;
use super::common::{Letter, REFUSING, STRANGER, Server, Spec, mail_yml, password_of, servers};
use super::from_here::{self, laptop};
use super::well::{findings, on_each, zone};
use crate::support::{ManageSieve, Suite, wait_for};

/// Files what is about the club, and says that thomas is away.
const FILTER: &str = "require [\"fileinto\", \"mailbox\", \"vacation\"];\r\n\
                      if header :contains \"List-Id\" \"club\" { fileinto :create \"Club\"; stop; }\r\n\
                      vacation :days 1 :subject \"Away\" \"I am in the mountains.\";\r\n";

/// The same server, where thomas alone has room for so much.
const WITH_QUOTA: Spec = Spec {
    yaml: "\
hostname: mail.example.org
domains: [example.org, example.net]
accounts:
  thomas: {password: HASH-thomas, quota: 100M}
  anna: {password: HASH-anna}
sieve: {detail_to_folder: true}
",
    logins: &["thomas", "anna"],
};

impl Server {
    /// Goes over to TLS on 4190 and logs in.
    #[track_caller]
    pub(super) fn managesieve(&self, login: &str) -> ManageSieve {
        let stream = self.debian.connect(4190).unwrap();
        let mut sieve = ManageSieve::connect_starttls(stream, &Self::tls()).unwrap();
        sieve.login(login, &password_of(login)).unwrap();
        sieve
    }

    /// Returns how many copies of a mail are in a folder.
    #[track_caller]
    fn copies_in(&self, login: &str, folder: &str, letter: &Letter) -> usize {
        let mut imap = self.imap(login);
        imap.select(folder).unwrap();
        imap.search(&format!("SUBJECT {}", letter.token())).unwrap().len()
    }

    fn receive_and_settle(&self, to: &str, letter: &Letter) {
        self.receive(&[to], letter);
        self.settle();
    }
}

/// A letter to thomas, as a person writes it.
fn to_thomas(lines: &str) -> Letter {
    let letter = Letter::with_header(lines, b"Hello.\r\n");
    let text = String::from_utf8_lossy(letter.bytes()).replace("somebody@", "thomas@");
    letter.with_bytes(text.as_bytes())
}

#[test]
fn a_filter_that_a_person_stores_files_mail_and_answers_it_once() {
    for server in servers(REFUSING) {
        let clear = ManageSieve::connect(server.debian.connect(4190).unwrap()).unwrap();
        let offered = clear.greeting().join("\n");
        assert!(offered.contains("\"STARTTLS\"") && offered.contains("\"SASL\" \"\""), "{offered}");
        let refused = { clear }.login("thomas", &password_of("thomas")).unwrap_err().to_string();
        assert!(refused.contains("ENCRYPT-NEEDED"), "{refused}");

        let mut sieve = server.managesieve("thomas");
        let extensions = sieve.greeting().join("\n");
        assert!(extensions.contains("vacation") && !extensions.contains("reject"), "{extensions}");
        let error = sieve.put("wrong", "fileinto \"x\";").unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
        sieve.activate("mine", FILTER).unwrap();
        assert_eq!(sieve.command("LISTSCRIPTS").unwrap(), ["\"mine\" ACTIVE"]);

        let club = to_thomas("List-Id: <club.example.org>\r\n");
        server.receive_and_settle("thomas@example.org", &club);
        assert_eq!(server.copies_in("thomas", "Club", &club), 1);
        assert_eq!(server.copies_in("thomas", "INBOX", &club), 0);
        // As spam it goes past the filter.
        let spam = to_thomas("X-Spam: Yes\r\n");
        server.receive_and_settle("thomas@example.org", &spam);
        assert_eq!(server.copies_in("thomas", "Junk", &spam), 1);

        // anna is the stranger, to get the answer.
        for _ in 0..2 {
            let letter = to_thomas("");
            let mut smtp = server.submission("anna");
            let sent = smtp.send("anna@example.org", &["thomas@example.org"], letter.bytes());
            sent.unwrap().expect_code(250);
            server.settle();
            assert_eq!(server.copies_in("thomas", "INBOX", &letter), 1);
        }
        let answers = server.search("anna", "SUBJECT Away");
        assert_eq!(answers.len(), 1, "{:?}", server.debian.suite());
        let answer = String::from_utf8_lossy(&answers[0]).into_owned();
        assert!(answer.starts_with("Return-Path: <>"), "{answer}");
        assert!(answer.contains("\nFrom: <thomas@example.org>"), "{answer}");
        assert!(answer.contains("Auto-Submitted: auto-replied"), "{answer}");

        // A script that is broken on the disk keeps no mail away.
        let broken = "printf 'fileinto \"x\"' >/var/vmail/thomas/sieve/mine.sieve";
        let _ = server.debian.shell(broken).success();
        let letter = to_thomas("List-Id: <club.example.org>\r\n");
        server.receive_and_settle("thomas@example.org", &letter);
        assert_eq!(server.copies_in("thomas", "INBOX", &letter), 1);

        let check =
            server.debian.mailprov(&["check", "--only", "sieve,mail,login,ports"]).success();
        assert!(check.stdout().contains("A filter on port 4190"), "{check}");
        let journal = server.debian.shell("journalctl -o cat -u dovecot | grep -i sieve");
        for bad in ["not newer", "Read-only", "Permission denied", "failed to save"] {
            assert!(!journal.stdout().contains(bad), "{}", journal.stdout());
        }
    }
}

#[test]
fn a_detail_is_a_folder_and_a_quota_still_counts() {
    for server in servers(WITH_QUOTA) {
        for (to, folder) in [
            ("thomas+Shop@example.org", "shop"),
            ("thomas+shop@example.org", "shop"),
            ("thomas+sent@example.org", "INBOX"),
            ("thomas+a.b@example.org", "INBOX"),
            ("thomas@example.org", "INBOX"),
        ] {
            let letter = Letter::new();
            server.receive_and_settle(to, &letter);
            assert_eq!(server.copies_in("thomas", folder, &letter), 1, "{to}");
        }
        let mut imap = server.imap("thomas");
        let subscribed = imap.command("LSUB \"\" \"*\"").unwrap();
        assert!(format!("{subscribed:?}").contains("shop"), "{subscribed:?}");
        // Dovecot 2.4 adds to a list; in 2.3 the last one that is set would count.
        if server.debian.suite() == Suite::Bookworm {
            let lmtp = server.debian.shell("doveconf -f protocol=lmtp -h mail_plugins").success();
            assert_eq!(lmtp.stdout().trim(), "quota sieve");
        }
    }
}

#[test]
fn without_sieve_nothing_is_left_but_the_scripts_of_people() {
    for suite in Suite::ALL {
        let server = Server::start(REFUSING, suite);
        server.managesieve("thomas").activate("mine", "discard;\r\n").unwrap();
        let debian = server.debian.mail_yml(&mail_yml(&[REFUSING.yaml, "sieve: false\n"].concat()));
        let debian = debian.apply();
        nothing_to_do(&debian, "without filters");
        assert!(debian.connect(4190).is_err());
        let left = debian.shell("ls -d /etc/dovecot/sieve /etc/dovecot/sieve/*");
        assert_eq!(left.stdout(), "");
        let _ = debian.shell("test -e /var/vmail/thomas/sieve/mine.sieve").success();
        let server = Server::of(debian, REFUSING);
        let letter = Letter::new();
        server.receive_and_settle("thomas@example.org", &letter);
        assert_eq!(server.copies_in("thomas", "INBOX", &letter), 1);

        // Again, on a host without the packages.
        let _ = server.debian.shell("apt-get -y remove dovecot-managesieved").success();
        let debian = server.debian.mail_yml(&mail_yml(REFUSING.yaml)).apply();
        nothing_to_do(&debian, "with filters again");
        let server = Server::of(debian, REFUSING);
        let letter = Letter::new();
        let reply = server.stranger().send(STRANGER, &["thomas@example.org"], letter.bytes());
        reply.unwrap().expect_code(250);
        server.settle();
        assert_eq!(server.copies_in("thomas", "INBOX", &letter), 0);
    }
}

#[test]
fn a_filter_that_asks_for_too_much_keeps_no_mail_away() {
    for server in servers(REFUSING) {
        let mut sieve = server.managesieve("thomas");
        let to: String =
            (1..=5).map(|n| format!("redirect \"a{n}@elsewhere.example\";\r\n")).collect();
        let long = format!("# {}\r\n", "x".repeat(998)).repeat(1200);
        for (name, script) in
            [("long", long.as_str()), ("../thomas", "keep;\r\n"), ("a/b", "keep;\r\n")]
        {
            assert!(sieve.put(name, script).is_err(), "{name}");
            sieve = server.managesieve("thomas");
        }
        // A script that includes itself, and one that passes mail on to more than four addresses.
        let endless = "require \"include\"; include :personal \"mine\";\r\n";
        for script in [endless, &to] {
            let _ = sieve.activate("mine", script);
            let letter = to_thomas("");
            server.receive_and_settle("thomas@example.org", &letter);
            assert_eq!(server.copies_in("thomas", "INBOX", &letter), 1, "{script}");
            let queue = server.debian.shell("postqueue -p").success().stdout();
            assert!(!queue.contains("elsewhere.example"), "{queue}");
        }
        // 50 scripts are kept, and one more is refused.
        let refused = (0..60).find(|n| sieve.put(&format!("s{n}"), "keep;\r\n").is_err());
        assert_eq!(refused, Some(49));
        // Nor does a script see what others have.
        let mut anna = server.managesieve("anna");
        assert_eq!(anna.command("LISTSCRIPTS").unwrap(), [""; 0]);
    }
}

/// All files of mail, and what a check puts into /run.
const LEFT: &str = "find /var/vmail -type f -path '*Maildir/*/*' -size +0 ! -name 'dovecot*'; \
                    ls -d /run/mailprov-check*";

#[test]
fn a_check_gets_past_filters_and_a_stranger_does_not() {
    on_each(|server| {
        let passed_on = "require \"copy\"; redirect \"a@elsewhere.example\"; discard;\r\n";
        let filed = "require [\"fileinto\", \"mailbox\"]; fileinto :create \"Club\"; stop;\r\n";
        for filter in [passed_on, filed, "discard;\r\n"] {
            server.managesieve("thomas").activate("mine", filter).unwrap();
            let output =
                server.debian.mailprov(&["check", "--json", "--only", "mail,sieve,log"]).success();
            assert_eq!(findings(&output), [""; 0], "{filter}: {output}");
            assert_eq!(server.debian.shell(LEFT).stdout(), "", "{filter}");
            let queue = server.debian.shell("postqueue -p").success().stdout();
            assert!(!queue.contains("elsewhere.example"), "{queue}");
        }
        // The filter that discards all mail still does so, whatever a stranger writes.
        let letter = to_thomas("X-Mailprov-Check: yes\r\n");
        let text = String::from_utf8_lossy(letter.bytes());
        let text = text.replace("Subject: ", "Subject: From a stranger (0123456789ab) ");
        server.receive_and_settle("thomas@example.org", &letter.with_bytes(text.as_bytes()));
        assert_eq!(server.debian.shell(LEFT).stdout(), "");
        // A mail that comes while there is a check is filtered as well.
        let mut check = server.debian.spawn(&["mailprov", "check", "--only", "mail"]);
        // It may be gone by the next look.
        let stat = wait_for("the script of the check", || {
            let stat = "stat -c '%a %U:%G' /run/mailprov-check-filter{,/before.sieve}";
            let stat = server.debian.shell(&format!("bash -c \"{stat}\""));
            stat.is_success().then(|| stat.stdout())
        });
        assert_eq!(stat, "1770 root:vmail\n640 root:vmail\n");
        server.receive(&["thomas@example.org"], &to_thomas("X-Mailprov-Check: yes\r\n"));
        wait_for("the end of the check", || (!check.is_running()).then_some(()));
        server.settle();
        assert_eq!(server.debian.shell(LEFT).stdout(), "");
        let journal = server
            .debian
            .shell("journalctl -o cat -u dovecot | grep lmtp | grep -i 'error\\|warn'");
        assert_eq!(journal.stdout(), "");
    });
}

/// A check from elsewhere cannot put a script on the host, so it looks for its mails.
#[test]
fn a_check_from_outside_finds_what_a_filter_files() {
    on_each(|server| {
        let laptop = laptop(server);
        let _dns = zone(server).serve(server.debian.network(), &[&server.debian, &laptop]);
        let filed = "require [\"fileinto\", \"mailbox\", \"copy\"]; fileinto :create :copy \"Club\"; \
                     fileinto :create \"A.b \\\"c\\\"\"; stop;\r\n";
        server.managesieve("thomas").activate("mine", filed).unwrap();
        let json = ["--json", "--only", "mail"];
        let output = from_here::check(&laptop, &[&from_here::LOGIN[..], &json].concat()).success();
        // POP3 sees the INBOX only.
        let found = findings(&output);
        assert!(
            found.len() == 1 && found[0].starts_with("mail.read POP3: not_checked: "),
            "{output}"
        );
        assert!(
            found[0].contains("the filter of the account may have put them elsewhere"),
            "{output}"
        );
        assert_eq!(server.debian.shell(LEFT).stdout(), "");
    });
}
