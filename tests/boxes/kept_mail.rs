//! Mail never seems lost: where its folder is a link, a disk that is missing,
//! another user's or another number's, people keep their mail, or it is said where
//! it is.

use crate::common::{Letter, REFUSING, STRANGER, servers};
use crate::support::{Debian, Suite, sha512_crypt, wait_for};
use crate::well::findings;

/// Asserts that the host is refused as it is, by `plan` and by `apply`.
#[track_caller]
fn is_refused(debian: &Debian, message: &str) {
    for argv in [&["plan"][..], &["apply", "--yes"]] {
        let output = debian.mailprov(argv).exits(1);
        assert!(output.stderr().contains(message), "{message}: {output}");
    }
}

#[track_caller]
fn nothing_to_do(debian: &Debian) {
    let _ = debian.mailprov(&["plan", "--detailed-exitcode"]).exits(0);
}

/// Asserts that a part of the check finds this to be wrong, and nothing else.
#[track_caller]
fn is_wrong(debian: &Debian, part: &str, wrong: &str) {
    let output = debian.mailprov(&["check", "--json", "--only", part]).exits(1);
    let found = findings(&output);
    assert!(found.len() == 1 && found[0].starts_with(wrong), "{found:#?}\n{output}");
}

#[test]
fn mail_on_another_disk_is_served_from_there_or_missed() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        let _ = debian
            .shell(
                "systemctl stop dovecot; mkdir -p /srv/big; mv /var/vmail /srv/big/vmail; \
                 ln -s /srv/big/vmail /var/vmail; systemctl start dovecot",
            )
            .success();

        // A link of root's counts as the folder behind it.
        nothing_to_do(debian);
        let argv = ["mailprov", "account", "add", "bert", "--password-stdin", "--yes"];
        let _ = debian.run_with_input(&argv, b"the secret of bert\n").success();
        assert_eq!(server.readers(&letter), ["anna"]);
        let _ = debian.shell("chmod 0755 /srv/big/vmail").success();
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        let seen = debian.shell("stat -c '%F %a %U' /var/vmail /srv/big/vmail").success();
        assert_eq!(seen.stdout(), "symbolic link 777 root\ndirectory 700 vmail\n");

        // One that leads nowhere is left as it is.
        let _ = debian.shell("mv /srv/big/vmail /srv/big/away").success();
        is_refused(debian, "/var/vmail is a link to /srv/big/vmail, where there is no directory");
        let _ = debian.shell("mv /srv/big/away /srv/big/vmail; test -h /var/vmail").success();

        // A disk that is not there is missed, whoever asks for it.
        let _ = debian
            .shell(
                "systemctl stop dovecot; rm /var/vmail; mkdir /var/vmail; cp -p /etc/fstab /root; \
                 echo '/srv/big/vmail /var/vmail none bind 0 0' >>/etc/fstab",
            )
            .success();
        is_refused(debian, "nothing is mounted at /var/vmail, as /etc/fstab asks for");
        let _ = debian.shell("mount /var/vmail && systemctl start dovecot").success();
        nothing_to_do(debian);
        assert_eq!(server.readers(&letter), ["anna"]);
        let _ = debian
            .shell(
                "systemctl stop dovecot; umount /var/vmail; rm -f /etc/fstab; \
                 echo '[Mount]' >/etc/systemd/system/var-vmail.mount",
            )
            .success();
        is_refused(debian, "as /etc/systemd/system/var-vmail.mount asks for");
    }
}

#[test]
fn a_mailbox_that_its_owner_may_not_use_is_wrong() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        let letter = Letter::new();
        server.receive(&["anna@example.org"], &letter);
        server.settle();
        let _ = debian
            .shell(
                "systemctl stop dovecot; cp -r --no-preserve=ownership /var/vmail/anna /root/; \
                 rm -r /var/vmail/anna; cp -r /root/anna /var/vmail/; systemctl start dovecot",
            )
            .success();
        let wrong = "configuration.mailboxes: wrong: /var/vmail/anna belongs to root: anna can \
                     neither receive nor read mail: chown -R vmail:vmail /var/vmail/anna";
        is_wrong(debian, "configuration", wrong);
        let second = Letter::new();
        server.stranger().send(STRANGER, &["anna@example.org"], second.bytes()).unwrap();
        wait_for("Dovecot to complain", || {
            let output = debian.mailprov(&["check", "--json", "--only", "log"]);
            findings(&output).iter().any(|it| it.contains(": wrong: ")).then_some(())
        });

        let _ = debian.shell("chown -R vmail:vmail /var/vmail/anna && postqueue -f").success();
        server.settle();
        assert_eq!(server.readers(&second), ["anna"]);
        assert_eq!(server.readers(&letter), ["anna"]);
        let _ = debian.mailprov(&["check", "--only", "configuration"]).exits(0);

        let _ = debian.shell("chmod 0500 /var/vmail/anna/Maildir/new").success();
        let wrong = "configuration.mailboxes: wrong: /var/vmail/anna/Maildir/new has the mode 0500";
        is_wrong(debian, "configuration", wrong);
        // On a disk of its own.
        let _ = debian
            .shell(
                "chmod 0700 /var/vmail/anna/Maildir/new; mv /var/vmail/anna /srv/; \
                    ln -s /srv/anna /var/vmail/anna",
            )
            .success();
        let _ = debian.mailprov(&["check", "--only", "configuration"]).exits(0);
        let _ = debian.shell("mv /srv/anna /srv/away").success();
        let wrong = "configuration.mailboxes: wrong: /var/vmail/anna is a link to /srv/anna, where \
                     there is nothing";
        is_wrong(debian, "configuration", wrong);
    }
}

/// An old server with 3 mails for anna, all by other numbers, and among them what
/// is not the old user's.
const OLD: &str = "set -e
    groupadd -g 2000 vmail
    useradd -g vmail -u 2000 -d /var/vmail -m -s /usr/sbin/nologin vmail
    D=/var/vmail/example.org/anna/Maildir; mkdir -p $D/new $D/cur $D/tmp
    for i in 1 2 3; do
        printf 'From: bob@remote.test\\nTo: anna@example.org\\nSubject: old %s\\n\\nx\\n' $i \
            >$D/new/179589480$i.M1P$i.old
    done
    ln -s /etc/passwd $D/link
    chown -Rh vmail:vmail /var/vmail; chmod 770 /var/vmail
    touch $D/of-root; ln /etc/passwd $D/hard";

/// The owners of all below the folder, and of what lies there under another name.
const OWNERS: &str = "find /var/vmail ! -name of-root ! -name hard -printf '%U:%G\\n' | sort -u
    stat -c '%U:%G' /etc/passwd /var/vmail/example.org/anna/Maildir/of-root";

#[test]
fn an_old_mailbox_goes_along_with_the_number_of_its_owner() {
    let yaml = "hostname: mail.example.org\ndomains: [example.org]\nmailboxes: per-domain\n\
                accounts:\n  anna: {password: \"HASH\"}\ntls: {self_signed: true}\nban: false\nspam: false\n";
    for suite in Suite::ALL {
        let text = yaml.replace("HASH", &sha512_crypt("secret"));
        let debian = Debian::with_mail_packages(suite).mail_yml(&text);
        let _ = debian.shell(OLD).success();
        let of_root = "root:root\nroot:root\n";
        assert_eq!(debian.shell(OWNERS).success().stdout(), format!("2000:2000\n{of_root}"));

        let busy = ["systemd-run", "--quiet", "--uid=vmail", "--unit=busy", "sleep", "1000"];
        let _ = debian.run(&busy).success();
        is_refused(&debian, "while a process runs as that user: sleep (");
        let _ = debian.run(&["systemctl", "stop", "busy"]).success();

        let plan = debian.mailprov(&["plan"]).success().stdout();
        let count = debian.shell("find /var/vmail -uid 2000 | wc -l").success().stdout();
        for id in ["gid", "uid"] {
            let line = format!(
                "~ files:/var/vmail of {id} 2000  {} files change hands, to {id} 5000",
                count.trim()
            );
            assert!(plan.contains(&line), "{line}\n{plan}");
        }
        let debian = debian.apply();
        nothing_to_do(&debian);
        assert_eq!(debian.shell(OWNERS).success().stdout(), format!("5000:5000\n{of_root}"));
        let mails = ["doveadm", "search", "-u", "anna@example.org", "ALL"];
        assert_eq!(debian.run(&mails).success().stdout().lines().count(), 3);

        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        let back = debian.shell(&format!("stat -c '%u:%g %a' /var/vmail; {OWNERS}"));
        assert!(back.stdout().starts_with("2000:2000 770\n2000:2000\nroot"), "{back}");
    }
}

/// Replaces mail.yml.
fn becomes(debian: &Debian, text: &str) {
    debian.write("/etc/mailprov/mail.yml", text, 0o600);
}

/// Returns how many mails are in an inbox.
#[track_caller]
fn count(debian: &Debian, login: &str) -> usize {
    let argv = ["doveadm", "search", "-u", login, "ALL"];
    debian.run(&argv).success().stdout().lines().count()
}

/// Asserts what a plan says of people's mail.
#[track_caller]
fn says(debian: &Debian, words: &[&str]) {
    let plan = debian.mailprov(&["plan"]).success().stdout();
    for word in words {
        assert!(plan.contains(word), "{word}\n{plan}");
    }
}

#[test]
fn mail_comes_along_where_its_account_goes() {
    for server in servers(REFUSING) {
        let debian = &server.debian;
        for _ in 0..3 {
            server.receive(&["anna@example.net"], &Letter::new());
        }
        server.settle();
        let shared = debian.read_text("/etc/mailprov/mail.yml");

        // To a mailbox in each domain, and back.
        becomes(debian, &(shared.clone() + "mailboxes: per-domain\n"));
        says(
            debian,
            &["anna: 3 mails (", ") move from /var/vmail/anna to /var/vmail/example.org/anna"],
        );
        let output = debian.mailprov(&["plan", "--json"]).success().stdout();
        let event = output.lines().find(|line| line.contains("\"event\":\"mailbox\"")).unwrap();
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["mails"], 3, "{event}");
        assert_eq!(event["moves_to"], "/var/vmail/example.org/anna", "{event}");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        nothing_to_do(debian);
        assert_eq!(count(debian, "anna@example.org"), 3);
        assert_eq!(debian.run(&["ls", "/var/vmail"]).stdout(), "example.org\n");
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert_eq!(count(debian, "anna"), 3);
        assert_eq!(debian.run(&["ls", "/var/vmail"]).stdout(), "anna\n");
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        becomes(debian, &shared);
        says(debian, &["anna@example.org: 3 mails (", " to /var/vmail/anna"]);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(count(debian, "anna"), 3);

        // By hand it could be another person: that is said, and asked for.
        let by_hand =
            shared.replace("  anna: {", "  anna.smith: {").replace("anna]", "anna.smith]");
        becomes(debian, &by_hand);
        let stays = "anna: 3 mails (";
        says(debian, &[stays, "stay in /var/vmail/anna, which no account will have", "anna.smith"]);
        let output = debian.mailprov(&["apply", "--yes"]).exits(64);
        assert!(output.stderr().contains("the mail of anna would be out of sight"), "{output}");
        assert!(output.stderr().contains("--leave-mail"), "{output}");
        let _ = debian.mailprov(&["apply", "--yes", "--leave-mail"]).success();
        assert_eq!(count(debian, "anna.smith"), 0);
        becomes(debian, &shared);
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(count(debian, "anna"), 3);

        // By command it is the same one. A mailbox that is there is never added to.
        let _ = debian.shell("rm -r /var/vmail/anna.smith").success();
        let _ = debian.mailprov(&["account", "rename", "anna", "anna.smith", "--yes"]).success();
        server.receive(&["anna@example.org"], &Letter::new());
        server.settle();
        assert_eq!(count(debian, "anna.smith"), 4);
        assert!(!debian.exists("/var/vmail/anna"));
        nothing_to_do(debian);
        let _ = debian.mailprov(&["rollback", "--yes"]).success();
        assert_eq!(count(debian, "anna"), 4);
        assert!(!debian.exists("/var/vmail/anna.smith"));
        let _ = debian.mailprov(&["apply", "--yes"]).success();
        assert_eq!(count(debian, "anna.smith"), 4);

        // An account that goes and none that comes is meant.
        let _ = debian.mailprov(&["alias", "remove", "both@example.org", "--yes"]).success();
        let output = debian.mailprov(&["account", "remove", "anna.smith", "--yes"]).success();
        let said = "anna.smith: 4 mails (";
        assert!(output.stdout().contains(said), "{output}");
        nothing_to_do(debian);
    }
}
