//! Accounts by command: what is said about them becomes so on the server.

use crate::common::{CERTIFICATE, KEY, Letter, Server, Spec, servers};
use crate::support::wait_for;

/// One account, and comments to keep.
const COMMENTED: Spec = Spec {
    yaml: "\
# our server
hostname: mail.example.org
domains: [example.org, example.net]   # two
accounts:
  thomas:   # the postmaster
    password: HASH-thomas
catch_all: thomas
",
    logins: &["thomas"],
};

/// Runs a command that applies what it edits, a password on its standard input.
#[track_caller]
fn edit(server: &Server, words: &str, password: &str) -> String {
    let mut argv = vec!["mailprov"];
    argv.extend(words.split(' '));
    argv.push("--yes");
    let output = server.debian.run_with_input(&argv, password.as_bytes());
    let said = output.to_string();
    assert!(output.is_success(), "{said}");
    assert!(password.is_empty() || !said.contains(password), "{said}");
    said
}

/// A login that Dovecot breaks off, because the account went meanwhile, is none.
fn opens(server: &Server, login: &str, password: &str) -> bool {
    server.anonymous_imap().login(login, password).is_ok_and(|reply| reply.is_ok())
}

fn mails(server: &Server, login: &str, password: &str) -> u32 {
    let mut imap = server.anonymous_imap();
    imap.login(login, password).unwrap().ok().unwrap();
    imap.select("INBOX").unwrap()
}

#[test]
fn an_account_comes_changes_its_password_goes_and_finds_its_mail_again() {
    let (first, second, third) = ("first: \"été\" #1", "the second one", "and the third");
    for server in servers(COMMENTED) {
        let before = server.debian.read_text("/etc/mailprov/mail.yml");
        let _ = server.debian.run(&["chmod", "640", "/etc/mailprov/mail.yml"]).success();
        edit(&server, "account add anna --password-stdin", first);
        assert!(opens(&server, "anna", first));
        let mut smtp = server.anonymous_submission();
        smtp.auth_plain("anna@example.net", first).unwrap().expect_code(235);
        edit(&server, "alias add sales@example.net anna", "");
        server.receive(&["sales@example.net"], &Letter::new());
        server.settle();
        assert_eq!(mails(&server, "anna", first), 1);

        let mut stays = server.anonymous_imap();
        stays.login("anna", first).unwrap().ok().unwrap();
        let said = edit(&server, "account passwd anna --password-stdin", second);
        assert!(said.contains("doveadm kick anna\n"), "{said}");
        assert!(!opens(&server, "anna", first));
        assert!(opens(&server, "anna", second));
        stays.command("NOOP").unwrap().ok().unwrap();
        let _ = server.debian.run(&["doveadm", "kick", "anna"]).success();
        wait_for("the old session to end", || stays.command("NOOP").err());

        let said = edit(&server, "account remove anna", "");
        assert!(said.contains("/var/vmail/anna"), "{said}");
        assert!(!opens(&server, "anna", second));
        let kept = server.debian.shell("grep --recursive --files-with-matches token- /var/vmail/anna/Maildir/new /var/vmail/anna/Maildir/cur | wc -l");
        assert_eq!(kept.success().stdout().trim(), "1");
        assert_eq!(server.debian.read_text("/etc/mailprov/mail.yml"), before);
        let stat = server.debian.run(&["stat", "--format=%a %U", "/etc/mailprov/mail.yml"]);
        assert_eq!(stat.stdout(), "640 root\n");

        edit(&server, "account add anna --password-stdin", third);
        assert!(opens(&server, "anna", third));
        assert!(!opens(&server, "anna", second));
        assert_eq!(mails(&server, "anna", third), 1);
        let _ = server.debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
    }
}

/// Dovecot looks at most once a second whether its users changed, and does so all
/// the time where many people have mail.
#[test]
fn an_account_s_change_holds_when_the_command_ends() {
    for server in servers(COMMENTED) {
        let asks = "while doveadm user thomas > /dev/null; do :; done";
        let argv = ["systemd-run", "--quiet", "--unit=asks", "sh", "-c", asks];
        let _ = server.debian.run(&argv).success();
        let (first, second) = ("the first one", "the second one");
        edit(&server, "account add anna --password-stdin", first);
        assert!(opens(&server, "anna", first));
        edit(&server, "account passwd anna --password-stdin", second);
        assert!(!opens(&server, "anna", first));
        assert!(opens(&server, "anna", second));
        edit(&server, "account remove anna", "");
        assert!(!opens(&server, "anna", second));
        let _ = server.debian.mailprov(&["rollback", "--yes"]).success();
        assert!(opens(&server, "anna", second));
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        assert!(!opens(&server, "anna", second));
        let _ = server.debian.run(&["systemctl", "is-active", "asks"]).success();
    }
}

#[test]
fn a_hash_that_is_pasted_by_hand_opens_the_mailbox_many_times_at_once() {
    let password = "pasted by hand";
    for server in servers(COMMENTED) {
        let argv = ["mailprov", "passwd-hash", "--password-stdin"];
        let output = server.debian.run_with_input(&argv, format!("{password}\n").as_bytes());
        let hash = output.success().stdout();
        let yaml = format!(
            "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas: {{password: \
             '{}'}}\nban: false\nspam: false\ntls: {{certificate: {CERTIFICATE}, key: {KEY}}}\n",
            hash.trim()
        );
        server.debian.write("/etc/mailprov/mail.yml", yaml, 0o600);
        let _ = server.debian.mailprov(&["apply", "--yes"]).success();
        let time = server.debian.run(&["doveadm", "auth", "test", "thomas", password]);
        let _ = time.success();
        // Each takes 19 MiB while it is verified, of the 256 MiB that there are.
        std::thread::scope(|scope| {
            for _ in 0..30 {
                scope.spawn(|| assert!(opens(&server, "thomas", password)));
            }
        });
        let complaints = server.debian.shell("journalctl -b | grep -i 'out of memory' || true");
        assert_eq!(complaints.stdout(), "");
    }
}
