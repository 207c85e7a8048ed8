//! Tests of plans and their intents.

use super::*;
use crate::host::{Content, Ownership};
use crate::resource::{Blob, PackageState, Planned, ServiceState};

fn file(path: &str, before: &str, after: &str) -> (Key, State, State) {
    let state = |text: &str| match text {
        "" => State::Absent,
        text => State::File {
            blob: Blob { content: Content::new(text.as_bytes()), secret: false },
            ownership: Ownership::of_root(0o644),
        },
    };
    (Key::File(path.into()), state(before), state(after))
}

fn says(changes: &[(Key, State, State)], affected: &[Affected]) -> String {
    let step = |(key, before, after)| Step { key, before, after, drift: None };
    let steps: Vec<_> = changes.iter().map(|(a, b, c)| step((a, b, c))).collect();
    let lines = Intent::of(&steps, affected).0;
    let line = |item: &Item| format!("{} {}\n", item.action, item.text());
    lines.iter().map(line).collect()
}

const THOMAS: &str = "# ours\nthomas:{X}$1$a:5000:5000::/var/vmail/thomas::\n";
const ANNA: &str =
    "anna:{X}$1$b:5000:5000::/var/vmail/anna::userdb_quota_storage_size=5368709120B\n";
const USERS: &str = "/etc/dovecot/users";
const VIRTUAL: &str = "/etc/postfix/virtual";

fn affected(home: &str, moves_to: Option<&str>) -> Affected {
    Affected {
        account: String::new(),
        home: home.into(),
        mails: 12,
        bytes: 3 << 20,
        moves_to: moves_to.map(PathBuf::from),
        asks: false,
        text: String::new(),
    }
}

#[test]
fn a_new_server_is_told_by_all_that_it_serves() {
    let changes = [
        file(USERS, "", &format!("{THOMAS}{ANNA}")),
        file(
            "/etc/postfix/main.cf",
            "",
            "myhostname = mail.example.org\nmessage_size_limit = 5\nvirtual_mailbox_domains = \
             example.org, example.net\n",
        ),
        file(
            VIRTUAL,
            "",
            "# ours\nthomas@example.org thomas@example.org\nthomas@example.net \
             thomas@example.org\ninfo@example.org thomas@example.org\npostmaster@example.org \
             thomas@example.org\nclub@example.org bob@elsewhere.example, thomas@example.org\n\
             @example.org thomas@example.org\n",
        ),
        file("/etc/dovecot/dovecot.conf", "", "protocols = imap lmtp\n"),
        file(
            "/etc/postfix/master.cf",
            "",
            "smtp inet n - n - - smtpd\n# x inet\n  -o y=465 inet\nsubmission inet n - n - - \
             smtpd\npickup unix n - n 60 1 pickup\n",
        ),
    ];
    insta::assert_snapshot!(says(&changes, &[]), @r"
    create 2 accounts added: thomas, anna
    create 2 domains added: example.org, example.net
    create 3 addresses added: info@example.org → thomas, thomas@example.net, thomas@example.org
    create 1 forward added: club@example.org → bob@elsewhere.example, thomas
    create 1 catch-all added: example.org → thomas
    create host name set: mail.example.org
    create 4 ports opened: 25, 143, 587, 993
    ");
}

#[test]
fn an_account_that_goes_leaves_its_mail_and_its_addresses() {
    let old = "anna@example.org anna@example.org\nthomas@example.org thomas@example.org\n";
    let new = "thomas@example.org thomas@example.org\n";
    let users = file(USERS, &format!("{THOMAS}{ANNA}"), THOMAS);
    let changes = [users.clone(), file(VIRTUAL, old, new)];
    insta::assert_snapshot!(says(&changes, &[affected("/var/vmail/anna", None)]), @r"
    delete 1 account removed: anna; its mail stays in /var/vmail/anna (12 mails, 3 MiB)
    delete 1 address removed: anna@example.org; new mail to it is refused
    ");
    let caught = |text: &str| format!("{text}@example.org thomas@example.org\n");
    let changes = [users, file(VIRTUAL, &caught(old), &caught(new))];
    insta::assert_snapshot!(says(&changes, &[]), @r"
    delete 1 account removed: anna; its mail stays in /var/vmail/anna
    delete 1 address removed: anna@example.org; new mail to it goes to the catch-all, thomas
    ");
    let all = file(USERS, &format!("{THOMAS}{ANNA}"), "");
    insta::assert_snapshot!(says(&[all], &[]), @"delete 2 accounts removed: thomas, anna; their mail stays in /var/vmail");
}

#[test]
fn a_rename_a_password_and_a_quota_are_told_apart() {
    let anna = format!("{THOMAS}{ANNA}");
    let anne = anna.replace("anna", "anne").replace("$1$a", "$1$c");
    let moved = [affected("/var/vmail/anna", Some("/var/vmail/anne"))];
    insta::assert_snapshot!(says(&[file(USERS, &anna, &anne)], &moved), @r"
    update 1 account renamed: anna → anne; its mail moves to /var/vmail/anne
    update 1 password changed: thomas
    ");
    let less = anna.replace("storage_size=5368709120B", "rule=*:bytes=1048576");
    insta::assert_snapshot!(says(&[file(USERS, &anna, &less)], &[]), @"update 1 quota changed: anna (5 GiB → 1 MiB)");
}

#[test]
fn addresses_that_lead_elsewhere_are_changed() {
    let own = "thomas@a.org thomas@a.org\nanna@a.org anna@a.org\n";
    let old = format!(
        "{own}info@a.org thomas@a.org\npostmaster@a.org thomas@a.org\nx@a.org y@b.org\n@a.org thomas@a.org\n"
    );
    let new = format!(
        "{own}info@a.org anna@a.org\npostmaster@a.org anna@a.org\nx@a.org z@b.org\n@a.org anna@a.org\n"
    );
    insta::assert_snapshot!(says(&[file(VIRTUAL, &old, &new)], &[]), @r"
    update 1 address changed: info@a.org (thomas → anna)
    update 1 forward changed: x@a.org (y@b.org → z@b.org)
    update 1 catch-all changed: a.org (thomas → anna)
    update 1 receiver of system mail changed: thomas → anna
    ");
    let many: String = (0..9).map(|n| format!("a{n}@a.org thomas@a.org\n")).collect();
    let more = format!("{own}{many}");
    insta::assert_snapshot!(says(&[file(VIRTUAL, own, &more)], &[]), @"create 9 addresses added: a0@a.org → thomas, a1@a.org → thomas, a2@a.org → thomas, a3@a.org → thomas, a4@a.org → thomas, a5@a.org → thomas and 3 more");
}

#[test]
fn each_effect_on_the_server_is_told() {
    let service = |name: &str, reload| -> Key {
        let key = serde_json::json!({"service": {
            "unit": {"name": name, "pid_file": null}, "reload": reload, "answers": [],
        }});
        serde_json::from_value(key).unwrap()
    };
    let state = |running, loaded| {
        State::Service(ServiceState { enabled: true, running, loaded, missing: Vec::new() })
    };
    let current = || crate::resource::LoadedConfig::Current(Default::default());
    let package = |automatic| {
        State::Package(PackageState {
            version: Planned::AfterApply,
            complete: true,
            automatic,
            returns: false,
            missing: Vec::new(),
        })
    };
    let named = |name: &str| Key::Package(name.into());
    let changes = [
        file(
            "/etc/dovecot/dovecot.conf",
            "protocols = imap pop3 lmtp\n",
            "protocols = imap lmtp sieve\n",
        ),
        file(
            "/etc/postfix/main.cf",
            "relayhost =\nx = y\n",
            "relayhost = [r.example]:587\nx = y\n",
        ),
        (named("exim4"), package(false), State::Absent),
        (named("postfix"), State::Absent, package(false)),
        (named("lib1"), State::Absent, package(true)),
        (service("dovecot", true), state(true, current()), state(true, current())),
        (
            service("postfix", true),
            state(true, crate::resource::LoadedConfig::Unknown),
            state(true, current()),
        ),
        (service("watch", true), State::Absent, state(true, current())),
        (service("old", true), state(true, current()), State::Absent),
    ];
    insta::assert_snapshot!(says(&changes, &[]), @r"
    create relay set: [r.example]:587
    delete 2 ports closed: 110, 995
    create 1 port opened: 4190
    delete 1 package removed: exim4
    create 1 package installed: postfix; with 1 that it needs
    create 1 service started: watch
    update 1 service reloaded: dovecot
    update 1 service restarted: postfix
    delete 1 service stopped: old
    ");
}

#[test]
fn a_spam_filter_is_told_with_its_memory() {
    let with = "x = y\nsmtpd_milters = unix:rspamd/milter.sock\n";
    let main = |old, new| says(&[file("/etc/postfix/main.cf", old, new)], &[]);
    insta::assert_snapshot!(main("x = y\n", with), @"create spam filter added: rspamd; it takes about 120 MB of memory");
    insta::assert_snapshot!(main(with, "x = y\n"), @"delete spam filter removed: rspamd");
    let other = with.replace("rspamd/milter", "opendkim/milter");
    insta::assert_snapshot!(main("x = y\n", &other), @"");
}

#[test]
fn a_hash_and_what_is_no_account_do_not_confuse_the_accounts() {
    let text = "# a:b:c:d::/not/one::\n\nanna@example.org:{X}$1$a:5000:5000::/var/vmail/\
                example.org/anna::\nno home:x:1:1::::\nbert:{Y}z:5000:5000::/m/bert::quota=1\n";
    let rows = mailboxes(text);
    let seen: Vec<_> = rows.iter().map(|row| (row.login(), row.hash.as_str())).collect();
    assert_eq!(seen, [("anna@example.org".into(), "{X}$1$a"), ("bert".into(), "{Y}z")]);
    assert_eq!(rows[0].home, PathBuf::from("/var/vmail/example.org/anna"));
}
