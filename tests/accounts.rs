//! A postmaster's everyday: beginning, accounts, aliases, passwords, at a
//! terminal and away from one. Needs no box: a tree that a test makes is the
//! host.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use support::Terminal;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailprov");
const PASSWORD: &str = "correct horse é";

const MAIL: &str = "\
# ours
hostname: mail.example.org
domains: [example.org, example.net]   # two

accounts:
  thomas:   # the postmaster
    password: \"{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\"
    aliases: [info]

  # and his friend
  anna:
    password_file: anna.hash
    quota: 5G
catch_all: thomas
# the end
";

/// A folder with a mail.yml.
struct Desk(TempDir);

impl Desk {
    fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn new() -> Self {
        let desk = Self::empty();
        desk.write("mail.yml", MAIL);
        let hash = MAIL.split('"').nth(1).unwrap();
        desk.write("anna.hash", &format!("{hash}\n"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a command away from any terminal, the password on standard input,
    /// and returns all that it says.
    #[track_caller]
    fn run(&self, code: i32, arguments: &[&str]) -> String {
        self.run_as(code, arguments, &[])
    }

    /// The same, with these variables in the environment.
    #[track_caller]
    fn run_as(&self, code: i32, arguments: &[&str], environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(PROGRAM);
        command.envs(environment.iter().copied());
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Whoever does not read it does not miss it.
        let _ = child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(!said.contains(PASSWORD), "{said}");
        said
    }

    /// Runs a command at a terminal.
    fn terminal(&self, arguments: &str) -> Terminal {
        Terminal::run(self.0.path(), &format!("{PROGRAM} {arguments}"))
    }
}

#[track_caller]
fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing:\n{said}");
    }
}

#[test]
fn a_device_gets_a_password_that_is_shown_once() {
    let desk = Desk::new();
    let add = |words: &[&str]| {
        let argv = [&["account", "app-password", "add"], words].concat();
        let said = desk.run(0, &argv);
        let is_it = |line: &&str| line.matches('-').count() == 5 && !line.trim().contains(' ');
        let found: Vec<_> = said.lines().filter(is_it).map(|it| it.trim().to_owned()).collect();
        assert_eq!(found.len(), 1, "{said}");
        assert!(!said.contains("{SSHA512}") && !desk.read("mail.yml").contains(&found[0]));
        said
    };
    let said = add(&["thomas", "phone"]);
    assert!(said.contains("+       phone: «new secret»"), "{said}");
    assert!(said.contains("thomas@example.org"), "{said}");
    let said = add(&["thomas", "tablet"]);
    assert!(said.contains("        phone: «secret»"), "{said}");
    let _ = add(&["anna", "phone"]);
    let text = desk.read("mail.yml");
    assert_eq!(text.matches("{SSHA512}").count(), 3, "{text}");
    assert!(MAIL.lines().all(|line| text.contains(line)), "{text}");
    assert_eq!(fs::metadata(desk.path("mail.yml")).unwrap().mode() & 0o777, 0o600);

    let argv = ["account", "app-password", "list"];
    let said = desk.run(0, &argv);
    assert!(said.contains("thomas  phone\nthomas  tablet\nanna    phone\n"), "{said}");
    assert!(said.contains("list --on root@mail.example.org"), "{said}");
    let listed = desk.run(0, &["account", "list"]);
    assert!(listed.contains("; 2 app passwords\n") && listed.contains("; 1 app password\n"));

    let twice = desk.run(64, &["account", "app-password", "add", "thomas", "phone"]);
    assert!(twice.contains("app-password remove thomas phone"), "{twice}");
    for (words, why) in [
        (["add", "nobody", "phone"], "there is no account `nobody`"),
        (["add", "thomas", "../x"], "cannot be the name of a device"),
        (["remove", "thomas", "watch"], "`thomas` has no app password for `watch`"),
        (["remove", "bob", "phone"], "there is no account `bob`"),
    ] {
        let said = desk.run(64, &[&["account", "app-password"], &words[..]].concat());
        assert!(said.contains(why), "{said}");
        assert_eq!(desk.read("mail.yml"), text);
    }
    let said = desk.run(0, &["account", "passwd", "thomas", "--password-stdin"]);
    assert!(said.contains("Its app passwords stay: phone, tablet."), "{said}");
    let hash = MAIL.split('"').nth(1).unwrap();
    for (account, device) in [("thomas", "phone"), ("anna", "phone"), ("thomas", "tablet")] {
        let said = desk.run(0, &["account", "app-password", "remove", account, device]);
        assert!(said.contains(&format!("doveadm kick {account}")), "{said}");
    }
    let after = desk.read("mail.yml");
    let changed = after.split('"').nth(1).unwrap();
    assert_eq!(after.replace(changed, hash), MAIL);
}

#[test]
fn adding_and_removing_again_leaves_the_file_as_it_was() {
    let desk = Desk::new();
    desk.run(0, &["account", "add", "Bert", "--password-stdin"]);
    says(&desk.read("mail.yml"), &["    quota: 5G\n  bert:\n    password: \"{ARGON2ID}$argon2id$"]);
    desk.run(0, &["alias", "add", "sales@example.net", "thomas"]);
    desk.run(0, &["alias", "add", "fun", "anna"]);
    desk.run(0, &["alias", "add", "club@example.org", "bert", "bob@elsewhere.example"]);
    desk.run(0, &["alias", "add", "club@example.org", "anna", "bert"]);
    let text = desk.read("mail.yml");
    says(&text, &["aliases: [info, sales@example.net]\n", "    aliases: [fun]\n"]);
    says(&text, &["  club@example.org: [bert, bob@elsewhere.example, anna]\n# the end\n"]);
    says(&desk.run(0, &["alias", "add", "fun", "anna"]), &["says so already"]);

    let said = desk.run(65, &["account", "remove", "bert"]);
    says(&said, &["`bert` is still named by `forwards`", "mail.yml:19:22", "nothing was changed"]);
    says(&desk.run(65, &["account", "remove", "thomas"]), &["still named by `catch_all`"]);
    for address in ["club@example.org", "fun", "sales@example.net"] {
        desk.run(0, &["alias", "remove", address]);
    }
    let said = desk.run(0, &["account", "remove", "bert"]);
    says(&said, &["stays in /var/vmail/bert", "doveadm kick bert\n", "mailprov apply mail.yml"]);
    assert_eq!(desk.read("mail.yml"), MAIL);
}

#[test]
fn addresses_with_the_signs_of_companies_are_written_so_that_they_are_read_again() {
    let names = [
        "o'brien",
        "smith&sons",
        "a=b",
        "a#b",
        "a$b",
        "a*b",
        "dept/x",
        "a?b",
        "a^b",
        "a`b",
        "a{b",
        "a}b",
        "a|b",
        "a~b",
        "o'brien@example.net",
        "yes",
        "007",
    ];
    let desk = Desk::new();
    for name in names {
        for target in ["thomas", "bob@elsewhere.example"] {
            desk.run(0, &["alias", "add", name, target]);
            assert!(desk.read("mail.yml").contains(name), "{name}");
            desk.run(0, &["alias", "remove", name]);
        }
    }
    desk.run(0, &["alias", "add", "club", "d'arcy&co@elsewhere.example", "thomas"]);
    desk.run(0, &["alias", "add", "d'arcy", "thomas"]);
    let text = desk.read("mail.yml");
    for order in ["/etc/x", "|sh", "~x", "#x", ":include:/x", "a!b", "a%b", "-x@example.org", "a,b"]
    {
        let said = desk.run(64, &["alias", "add", "--", order, "thomas"]);
        says(&said, &["Nothing was changed"]);
        let target = format!("{order}@elsewhere.example");
        desk.run(64, &["alias", "add", "--", "fans", &target]);
    }
    desk.run(64, &["account", "add", "o'brien", "--password-stdin"]);
    assert_eq!(desk.read("mail.yml"), text);
}

#[test]
fn an_account_is_added_with_all_that_it_is_to_have() {
    let desk = Desk::new();
    let more = ["--alias", "fun", "--alias", "sales@example.net", "--quota", "2G"];
    desk.run(0, &[&["account", "add", "bert", "--password-stdin"], &more[..]].concat());
    let text = desk.read("mail.yml");
    let (before, rest) = text.split_once("  bert:\n    password: \"{ARGON2ID}").unwrap();
    let (_, rest) = rest.split_once("\"\n").unwrap();
    let end = "    aliases: [fun, sales@example.net]\n    quota: \"2G\"\n";
    assert_eq!([before, rest.strip_prefix(end).unwrap()].concat(), MAIL);
    let list = desk.run(0, &["account", "list"]);
    says(
        &list,
        &["bert@example.net, fun@example.org, fun@example.net, sales@example.net; quota 2G"],
    );
    desk.run(0, &["account", "add", "carl", "--password-stdin", "--alias", "a", "b"]);
    says(&desk.read("mail.yml"), &["    aliases: [a, b]\n"]);
    for name in ["carl", "bert"] {
        desk.run(0, &["account", "remove", name]);
    }
    assert_eq!(desk.read("mail.yml"), MAIL);
}

#[test]
fn neither_password_nor_hash_is_ever_shown() {
    let desk = Desk::new();
    desk.write("mail.yml", &MAIL.replace("# and his", "# password: hunter22, once;\n  # and his"));
    for arguments in [
        &["account", "add", "bert", "--password-stdin"][..],
        &["account", "passwd", "thomas", "--password-stdin"],
        &["account", "passwd", "anna", "--password-stdin"],
        &["alias", "add", "fun", "thomas", "--json"],
        &["account", "list", "--json"],
    ] {
        let said = desk.run(0, arguments);
        assert!(!said.contains("$6$") && !said.contains("argon2") && !said.contains("hunter22"));
    }
    let said = desk.run(0, &["account", "passwd", "thomas", "--password-stdin"]);
    says(&said, &["-     password: «secret»", "+     password: «new secret»"]);
}

#[test]
fn a_password_in_a_file_of_its_own_is_changed_there() {
    let desk = Desk::new();
    fs::set_permissions(desk.path("anna.hash"), fs::Permissions::from_mode(0o640)).unwrap();
    desk.run(0, &["account", "passwd", "anna", "--password-stdin"]);
    assert!(desk.read("anna.hash").starts_with("{ARGON2ID}$argon2id$"));
    assert_eq!(desk.read("mail.yml"), MAIL);
    assert_eq!(fs::metadata(desk.path("anna.hash")).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn an_impossible_edit_is_refused_and_nothing_changes() {
    let desk = Desk::new();
    desk.write("short", "hunter2\n");
    desk.write("common", "ILoveYou\n");
    desk.write("empty", "\n");
    desk.write("two", "correct horse\nbattery staple\n");
    let add = ["account", "add"];
    for (code, arguments, words) in [
        (64, &["account", "add", "anna"][..], "there is an account `anna`"),
        (64, &["account", "add", "a b"], "a b"),
        (65, &["account", "add", "info", "--password-stdin"], "info"),
        (65, &["account", "add", "x@example.org", "--password-stdin"], "per-domain"),
        // Told before a password is asked for.
        (65, &["account", "add", "bert", "--quota", "lots"], "lots"),
        (65, &["account", "add", "bert", "--quota", "1K"], "1K"),
        (65, &["account", "add", "bert", "--alias", "anna"], "anna"),
        (65, &["account", "add", "bert", "--alias", "x@elsewhere.example"], "elsewhere.example"),
        (64, &["account", "add", "bert", "--alias", "a b"], "a b"),
        (64, &["account", "add", "bert"], "no terminal to type the password"),
        (1, &["account", "add", "bert", "--password-file", "short"], "too short"),
        (1, &["account", "add", "bert", "--password-file", "common"], "most common"),
        (1, &["account", "passwd", "anna", "--password-file", "common"], "choose another"),
        (1, &["passwd-hash", "--password-file", "common"], "attackers try these first"),
        (1, &["account", "add", "bert", "--password-file", "empty"], "empty"),
        (1, &["account", "add", "bert", "--password-file", "two"], "line break"),
        (1, &["account", "add", "bert", "--password-file", "absent"], "No such file"),
        (64, &["account", "passwd", "bert", "--password-stdin"], "no account `bert`"),
        (64, &["account", "remove", "bert"], "no account `bert`"),
        (64, &["alias", "remove", "bert"], "neither an alias nor a forward"),
        (64, &["alias", "add", "info", "anna"], "an alias of `thomas`"),
        (65, &["alias", "add", "fun", "nobody"], "nobody"),
        (65, &["alias", "add", "fun@elsewhere.example", "thomas"], "elsewhere.example"),
        (65, &["account", "list", "--mail", "absent.yml"], "absent.yml"),
    ] {
        says(&desk.run(code, arguments), &[words]);
        assert_eq!(desk.read("mail.yml"), MAIL, "{arguments:?}");
    }
    desk.write("mail.yml", "hostname: x\n");
    desk.run(65, &[&add[..], &["bert", "--password-stdin"]].concat());
    assert_eq!(desk.read("mail.yml"), "hostname: x\n");
    desk.write(
        "mail.yml",
        "hostname: a.b\ndomains: [b.c]\naccounts: {t: &t {password_file: anna.hash}, u: *t}\n",
    );
    let said = desk.run(65, &["alias", "add", "x", "u"]);
    says(&said, &["mail.yml:3:", "by hand"]);
}

#[test]
fn the_last_account_cannot_be_removed() {
    let desk = Desk::new();
    desk.write(
        "mail.yml",
        "hostname: a.b\ndomains: [b.c]\naccounts:\n  t: {password_file: anna.hash}\n",
    );
    says(&desk.run(64, &["account", "remove", "t"]), &["the only account"]);
    desk.run(0, &["account", "add", "u", "--password-stdin"]);
    let said = desk.run(0, &["account", "remove", "t"]);
    says(&said, &["postmaster and the like now goes to u@b.c"]);
}

#[test]
fn accounts_are_listed_for_people_and_for_programs() {
    let desk = Desk::new();
    let list = desk.run(0, &["account", "list"]);
    let (list, from) = list.split_once("from ").unwrap();
    assert_eq!(from, format!("{}\n", desk.path("mail.yml").display()));
    assert_eq!(
        list,
        "thomas  thomas@example.org, thomas@example.net, info@example.org, info@example.net; \
         catch-all of example.org, example.net\n\
         anna    anna@example.org, anna@example.net; quota 5G\n"
    );
    let lines = desk.run(0, &["account", "list", "--json", "--quiet"]);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[1]["name"], "anna");
    assert_eq!(lines[1]["from"], desk.path("mail.yml").display().to_string());
    assert_eq!(lines[1]["quota"], 5u64 << 30);
    assert_eq!(lines[0]["catch_all"][1], "example.net");
}

#[test]
fn owner_and_mode_stay_and_links_of_our_own_lead_to_the_file() {
    let desk = Desk::new();
    fs::create_dir(desk.path("git")).unwrap();
    fs::rename(desk.path("mail.yml"), desk.path("git/mail.yml")).unwrap();
    symlink("git/mail.yml", desk.path("mail.yml")).unwrap();
    fs::set_permissions(desk.path("git/mail.yml"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(desk.path("git/mail.yml"), Some(4711), Some(4712)).unwrap();
    // It belongs to the user who called root by sudo.
    let sudo = |code, arguments: &[&str]| desk.run_as(code, arguments, &[("SUDO_UID", "4711")]);
    says(&desk.run(65, &["alias", "add", "fun", "thomas"]), &["belongs to the user `#4711`"]);
    sudo(0, &["alias", "add", "fun", "thomas"]);
    let file = fs::symlink_metadata(desk.path("git/mail.yml")).unwrap();
    assert_eq!((file.uid(), file.gid(), file.mode() & 0o7777), (4711, 4712, 0o640));
    assert!(desk.path("mail.yml").is_symlink());
    says(&desk.read("mail.yml"), &["[info, fun]"]);
    // Somebody else's link leads who knows where.
    std::os::unix::fs::lchown(desk.path("mail.yml"), Some(4711), Some(4711)).unwrap();
    let before = desk.read("git/mail.yml");
    let said = desk.run(65, &["alias", "add", "more", "thomas"]);
    says(&said, &["link", "mail.yml", "belongs to the user `#4711`"]);
    assert_eq!(desk.read("git/mail.yml"), before);
}

#[test]
fn a_new_hash_goes_into_no_file_that_others_may_read() {
    let desk = Desk::new();
    fs::set_permissions(desk.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mode = |name: &str| fs::metadata(desk.path(name)).unwrap().mode() & 0o7777;
    assert_eq!([mode("mail.yml"), mode("anna.hash")], [0o644; 2]);
    let said = desk.run(0, &["alias", "add", "fun", "thomas"]);
    assert!(!said.contains("only its owner") && mode("mail.yml") == 0o644, "{said}");
    let said = desk.run(0, &["account", "passwd", "thomas", "--password-stdin"]);
    says(&said, &["mail.yml could be read by any user; now only its owner may."]);
    desk.run(0, &["account", "passwd", "anna", "--password-stdin"]);
    assert_eq!([mode("mail.yml"), mode("anna.hash")], [0o600; 2]);
}

#[test]
fn only_those_who_may_write_the_file_may_edit_it() {
    use std::os::unix::process::CommandExt;
    let desk = Desk::new();
    let nobody = |code: i32, words: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["alias", "add", "fun", "thomas"]).current_dir(desk.0.path());
        let output = command.stdin(Stdio::null()).uid(4711).gid(4711).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        says(&said, &[words]);
    };
    fs::set_permissions(desk.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(desk.path("mail.yml"), fs::Permissions::from_mode(0o600)).unwrap();
    nobody(77, "mail.yml");
    fs::set_permissions(desk.path("mail.yml"), fs::Permissions::from_mode(0o644)).unwrap();
    nobody(77, "mail.yml");
    assert_eq!(desk.read("mail.yml"), MAIL);
    for path in [desk.0.path().to_owned(), desk.path("mail.yml"), desk.path("anna.hash")] {
        std::os::unix::fs::chown(path, Some(4711), Some(4711)).unwrap();
    }
    nobody(0, "mailprov apply mail.yml --on root@mail.example.org");
    says(&desk.read("mail.yml"), &["[info, fun]"]);
}

#[test]
fn two_who_edit_at_once_do_not_undo_each_other() {
    let desk = Desk::new();
    let terminal = desk.terminal("account add bert");
    terminal.shows("New password of `bert`:");
    desk.run(0, &["alias", "add", "fun", "thomas"]);
    let meanwhile = desk.read("mail.yml");
    terminal.types(PASSWORD);
    terminal.shows("The same again:");
    terminal.types(PASSWORD);
    let screen = terminal.shows("exit 1");
    says(&screen, &["was changed by another program meanwhile"]);
    assert_eq!(desk.read("mail.yml"), meanwhile);
}

#[test]
fn a_password_is_typed_twice_and_never_seen() {
    let desk = Desk::new();
    let terminal = desk.terminal("account add bert --root tree");
    terminal.shows("New password of `bert`:");
    terminal.types("hunter2");
    terminal.shows("too short");
    terminal.types(PASSWORD);
    terminal.asks("The same again:");
    terminal.types("something else");
    terminal.shows("not the same");
    terminal.asks("New password of `bert`:");
    terminal.types(PASSWORD);
    terminal.asks("The same again:");
    terminal.types("something else");
    let screen = terminal.shows("exit 1");
    says(&screen, &["no password was chosen", "Nothing was changed."]);
    assert!(!screen.contains("hunter2") && !screen.contains("horse") && !screen.contains("else"));
    drop(terminal);
    assert_eq!(desk.read("mail.yml"), MAIL);

    let terminal = desk.terminal("passwd-hash");
    terminal.shows("Password:");
    terminal.types("way too wrong");
    terminal.shows("The same again:");
    terminal.presses("x");
    terminal.presses("C-c");
    // Also after that the terminal shows what is typed.
    let screen = terminal.shows("\necho");
    says(&screen, &["error: given up", "exit 1"]);
    assert!(!screen.contains("-echo") && !screen.contains("wrong"), "{screen}");
}

#[test]
fn the_edit_is_offered_to_be_applied() {
    let desk = Desk::new();
    for folder in ["tree/etc", "tree/run", "tree/var/lib"] {
        fs::create_dir_all(desk.path(folder)).unwrap();
    }
    desk.write("tree/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    desk.write("tree/etc/group", "root:x:0:\n");
    desk.write("mail.yml", &format!("{MAIL}tls: {{self_signed: true}}\n"));
    let note = "- name: A note\n  file:\n    path: /note\n    content: \"{{ mail.accounts | length }}\\n\"\n";
    desk.write("playbook.yml", note);
    let options = "--root tree --playbook playbook.yml";
    let terminal = desk.terminal(&format!("account remove anna {options}"));
    says(
        &terminal.shows("Apply now? [y/N/d/?]"),
        &["-   anna:", "+ file:/note", "/var/vmail/anna"],
    );
    terminal.types("n");
    says(&terminal.shows("exit 0"), &["Not applied, and mail.yml is as it was."]);
    assert!(!desk.path("tree/note").exists());
    assert_eq!(desk.read("mail.yml"), format!("{MAIL}tls: {{self_signed: true}}\n"));
    let terminal = desk.terminal(&format!("account remove anna {options}"));
    terminal.shows("Apply now? [y/N/d/?]");
    terminal.types("y");
    terminal.shows("exit 0");
    assert_eq!(desk.read("tree/note"), "1\n");

    desk.write("pw", PASSWORD);
    let terminal = desk.terminal(&format!("account add anna --password-file pw {options}"));
    terminal.shows("Apply now? [y/N/d/?]");
    terminal.types("y");
    terminal.shows("exit 0");
    assert_eq!(desk.read("tree/note"), "2\n");
    // What the run does not do, the file does not say.
    fs::remove_file(desk.path("tree/note")).unwrap();
    fs::create_dir_all(desk.path("tree/note/full")).unwrap();
    let before = desk.read("mail.yml");
    let words = format!("alias add fun thomas --yes {options}");
    let said = desk.run(1, &words.split(' ').collect::<Vec<_>>());
    says(&said, &["/note is a directory"]);
    assert_eq!(desk.read("mail.yml"), before);
    fs::remove_dir_all(desk.path("tree/note")).unwrap();
    let words = format!("account add bert --password-stdin --yes {options}");
    desk.run(0, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(desk.read("tree/note"), "3\n");
    // Which command it was, and when, for people and for programs.
    says(&desk.run(0, &["history", "--root", "tree"]), &["account add bert by "]);
    let json = desk.run(0, &["history", "--root", "tree", "--json"]);
    let line = json.lines().find(|it| it.contains("account add bert")).unwrap();
    let at = line.split("\"at\":\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(at.len() == 20 && at.as_bytes()[10] == b'T' && at.ends_with('Z'), "{line}");
}

#[test]
fn init_asks_for_what_is_not_given() {
    let desk = Desk::empty();
    let terminal = desk.terminal("init");
    terminal.shows("full name");
    terminal.types("not a name");
    terminal.shows("`not a name`");
    terminal.types("mail.example.org");
    terminal.shows("domains");
    terminal.types("example.org, example.net");
    terminal.shows("first account");
    terminal.types("thomas");
    for question in ["Password of `thomas`:", "The same again:"] {
        terminal.shows(question);
        // What is mistyped can be mended.
        terminal.mistypes_first(PASSWORD);
    }
    let screen = terminal.shows("exit 0");
    says(&screen, &["Written: mail.yml", "mailprov plan mail.yml"]);
    // This machine is another one.
    says(
        &screen,
        &["mail.example.org is another one", "Next: mailprov bootstrap root@mail.example.org"],
    );
    assert!(!screen.contains("horse"), "{screen}");
    let file = fs::metadata(desk.path("mail.yml")).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o600);
    says(&desk.read("mail.yml"), &["domains: [example.org, example.net]", "\ntls: acme\n"]);
    says(&desk.run(0, &["account", "list"]), &["thomas  thomas@example.org, thomas@example.net"]);
}

#[test]
fn only_what_is_typed_after_a_question_answers_it() {
    let desk = Desk::empty();
    let line = format!(
        "env USER=lena SUDO_USER= sh -c 'until [ -e go ]; do sleep 0.1; done; {PROGRAM} init'"
    );
    let terminal = Terminal::run(desk.0.path(), &line);
    // The program does not run yet.
    terminal.types("unseen.example.org");
    terminal.shows("unseen.example.org");
    fs::write(desk.path("go"), "").unwrap();
    terminal.shows("full name");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let screen = terminal.shows("full name");
    assert!(!screen.contains("domains"), "{screen}");
    terminal.types("mail.example.org");
    // A proposal is taken by an empty line.
    terminal.shows("[example.org]");
    terminal.types("");
    // Wrong answers are answers.
    for count in 1..=3 {
        // What is typed before the question comes again answers nothing.
        terminal.asks("thomas: [lena]");
        terminal.types(&format!("{count} {count}"));
    }
    let screen = terminal.shows("exit 1");
    says(&screen, &["3 answers were wrong", "`3 3`", "Nothing was written"]);
    assert!(!desk.path("mail.yml").exists());
}

#[test]
fn init_on_a_full_disk_leaves_no_half_of_a_file() {
    let desk = Desk::empty();
    let init = "init --hostname mail.example.org --domain example.org --account anna \
                --password-stdin";
    // No file may have a byte: a write fails as on a full disk.
    let line = format!("trap '' XFSZ; ulimit -f 0; echo 'a long password' | {PROGRAM} {init}");
    let output = Command::new("sh").args(["-c", &line]).current_dir(desk.path("")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    says(&String::from_utf8_lossy(&output.stderr), &["could not write", "Nothing was written"]);
    assert!(!desk.path("mail.yml").exists());
}

#[test]
fn init_takes_flags_and_overwrites_nothing() {
    let desk = Desk::empty();
    let said = desk.run(64, &["init", "--hostname", "mail.example.org"]);
    says(&said, &["--domain", "--account", "--password-file or --password-stdin"]);
    assert!(!said.contains("--hostname"), "{said}");
    let all = ["--hostname", "mail.example.org", "--account", "thomas", "--password-stdin"];
    let domains = ["--domain", "example.org", "--domain", "example.net"];
    let wrong = ["--domain", "example.org", "mail.yml"];
    says(&desk.run(64, &[&["init"], &all[..], &wrong].concat()), &["a file's name"]);
    desk.run(0, &[&["init", "new/mail.yml"], &all[..], &domains].concat());
    let text = desk.read("new/mail.yml");
    says(&text, &["domains: [example.org, example.net]", "\ntls: acme\n"]);
    let said = desk.run(1, &[&["init", "new/mail.yml"], &all[..], &domains].concat());
    says(&said, &["there already"]);
    assert_eq!(desk.read("new/mail.yml"), text);
    symlink("nowhere", desk.path("mail.yml")).unwrap();
    desk.run(1, &[&["init"], &all[..], &domains].concat());
    assert!(!desk.path("nowhere").exists());
}

#[test]
fn an_account_is_renamed_wherever_mail_yml_names_it() {
    let desk = Desk::new();
    let more = "catch_all: {example.org: anna, example.net: thomas}\n\
                system_mail: anna@example.org   # hers\n\
                forwards:\n  team@example.org: [thomas, anna, bob@elsewhere.example]\n";
    desk.write("mail.yml", &MAIL.replace("catch_all: thomas\n", more));
    let said = desk.run(0, &["account", "rename", "Anna", "anna.smith"]);
    says(&said, &["log in as `anna.smith`", "doveadm kick anna\n"]);
    let text = desk.read("mail.yml");
    says(
        &text,
        &[
            "  # and his friend\n  anna.smith:\n    password_file: anna.hash\n    quota: 5G\n    \
             aliases: [anna]\n",
            "catch_all: {example.org: anna.smith, example.net: thomas}\n",
            "system_mail: anna.smith@example.org   # hers\n",
            "[thomas, anna.smith, bob@elsewhere.example]\n# the end\n",
        ],
    );
    // Back: what was an alias is the name again.
    desk.run(0, &["account", "rename", "anna.smith", "anna", "--no-alias"]);
    says(&desk.read("mail.yml"), &["  anna:\n    password_file: anna.hash\n    quota: 5G\n", more]);
    assert!(!desk.read("mail.yml").contains("anna.smith"));

    for (old, new, message) in [
        ("bert", "bertha", "there is no account `bert`"),
        ("anna", "thomas", "there is an account `thomas`"),
        ("anna", "anna@example.org", "has a domain, the other has none"),
    ] {
        says(&desk.run(64, &["account", "rename", old, new]), &[message, "Nothing was changed"]);
    }
    says(&desk.run(65, &["account", "rename", "anna", "info"]), &["info"]);
}
