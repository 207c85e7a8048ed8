//! The files that a person names: which of them root takes, which one is said,
//! and what is said of those that will not do.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A hash of the password `secret`.
const HASH: &str = "{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

/// A user who is not root.
const MALLORY: u32 = 65534;

/// A folder for files, and a tree to work on.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for folder in ["tree/etc", "tree/run", "tree/var/lib"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        desk.mode(".", 0o755);
        desk.write("tree/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        desk.write("tree/etc/group", "root:x:0:\n");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn give(&self, name: &str, user: u32) {
        chown(self.path(name), Some(user), None).unwrap();
    }

    fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
        command.args(arguments).current_dir(self.path(folder)).stdin(Stdio::null());
        command.env_remove("SUDO_UID");
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said(self.command(".", arguments).output().unwrap())
    }

    /// Runs a command on the tree.
    fn tree(&self, arguments: &[&str]) -> Said {
        self.run(&[arguments, &["--root", "tree"]].concat())
    }
}

/// A finished command.
struct Said(Output);

impl Said {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}", self.all());
        self
    }

    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        let text = self.all();
        for word in words {
            assert!(text.contains(word), "`{word}` is missing:\n{text}");
        }
        self
    }

    #[track_caller]
    fn hides(self, words: &[&str]) -> Self {
        let text = self.all();
        for word in words {
            assert!(!text.contains(word), "`{word}` is said:\n{text}");
        }
        self
    }

    fn all(&self) -> String {
        let Output { stdout, stderr, .. } = &self.0;
        format!("{}{}", String::from_utf8_lossy(stdout), String::from_utf8_lossy(stderr))
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.stdout.clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn mail_yml(account: &str) -> String {
    format!(
        "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  thomas: {account}\n\
         tls: {{self_signed: true}}\n"
    )
}

fn inline() -> String {
    mail_yml(&format!("{{password: \"{HASH}\"}}"))
}

#[test]
fn every_command_that_reads_a_mail_yml_says_which() {
    let desk = Desk::new();
    desk.write("mail.yml", inline());
    let from = format!("from {}\n", desk.shown("mail.yml"));
    for command in
        [&["account", "list"][..], &["dns"], &["explain"], &["alias", "add", "a", "thomas"]]
    {
        desk.run(command).exits(0).says(&[&from]);
        let said = desk.run(&[command, &["--json"]].concat()).exits(0);
        for line in said.lines() {
            assert_eq!(line["from"], desk.shown("mail.yml"), "{command:?}: {line}");
        }
    }
    // What is wrong with it stands below the line that says which it is.
    desk.write("mail.yml", "hostnam: x\n");
    desk.tree(&["plan"]).exits(65).says(&[&from]);
}

#[test]
fn root_takes_no_mail_yml_that_another_user_could_have_written() {
    let desk = Desk::new();
    desk.write("in/mail.yml", inline());
    let path = desk.shown("in/mail.yml");
    let refused = |words: &[&str]| {
        for command in [
            &["plan", "in/mail.yml", "--root", "tree"][..],
            &["apply", "in/mail.yml", "--yes", "--root", "tree"],
            &["dns", "in/mail.yml"],
            &["check", "in/mail.yml"],
            &["watch", "in/mail.yml"],
            &["account", "list", "--mail", "in/mail.yml"],
            &["alias", "add", "x", "thomas", "--mail", "in/mail.yml"],
            &["cloud-init", "--url", "https://a.example/m", "in/mail.yml"],
        ] {
            let said = desk.run(command);
            assert_ne!(said.0.status.code(), Some(0), "{command:?}: {}", said.all());
            said.says(words).says(&[&path]).hides(&["$6$"]);
        }
    };
    desk.give("in/mail.yml", MALLORY);
    refused(&["belongs to the user `nobody`", "chown root: "]);
    desk.give("in/mail.yml", 0);
    desk.mode("in/mail.yml", 0o666);
    refused(&["can be written by any user (owner `root`, mode 0666)", "chmod go-w "]);
    desk.mode("in/mail.yml", 0o600);
    desk.mode("in", 0o777);
    refused(&["/in can be written by any user", "Copy it to a folder of root's"]);
    desk.mode("in", 0o1777);
    desk.run(&["dns", "in/mail.yml"]).exits(0);
    desk.give("in", MALLORY);
    refused(&["/in belongs to the user `nobody`"]);
    // As with git, the one who called us by sudo is no stranger.
    let mut sudo = desk.command(".", &["dns", "in/mail.yml"]);
    Said(sudo.env("SUDO_UID", MALLORY.to_string()).output().unwrap()).exits(0);
    desk.give("in", 0);
    lchown(desk.path("in"), Some(0), Some(0)).unwrap();
    symlink("in/mail.yml", desk.path("mail.yml")).unwrap();
    lchown(desk.path("mail.yml"), Some(MALLORY), None).unwrap();
    desk.tree(&["plan"]).exits(65).says(&["belongs to the user `nobody`", "link"]);
}

#[test]
fn root_takes_no_other_file_either_that_another_user_could_have_written() {
    let desk = Desk::new();
    desk.write("mail.yml", mail_yml("{password_file: secrets/thomas}"));
    desk.write("secrets/thomas", format!("{HASH}\n"));
    desk.give("secrets/thomas", MALLORY);
    let place = "mail.yml:4:";
    desk.tree(&["plan"])
        .exits(65)
        .says(&[place, "secrets/thomas: it belongs to the user `nobody`"]);
    desk.write("pw", "correct horse\n");
    desk.mode("pw", 0o606);
    desk.run(&["passwd-hash", "--password-file", "pw"]).says(&["pw", "can be written by any user"]);
    desk.write("book/playbook.yml", "- name: A note\n  file: {path: /note, template: note}\n");
    desk.write("book/templates/note", "hello\n");
    let book = ["plan", "-v", "--playbook", "book/playbook.yml"];
    desk.tree(&book).exits(0).says(&["hello"]);
    desk.give("book/templates/note", MALLORY);
    desk.tree(&book)
        .exits(65)
        .says(&["templates/note", "belongs to the user `nobody`"])
        .hides(&["hello"]);
    desk.give("book/templates/note", 0);
    desk.mode("book/templates", 0o777);
    desk.tree(&book).exits(65).says(&["templates can be written by any user"]);
    desk.mode("book/templates", 0o755);
    desk.give("book/playbook.yml", MALLORY);
    desk.tree(&book).exits(65).says(&["playbook.yml", "belongs to the user `nobody`"]);
    desk.give("book/playbook.yml", 0);
    desk.tree(&["plan", "--playbook", "book/playbook.yml", "--out", "kept"]).exits(0);
    desk.give("kept", MALLORY);
    desk.run(&["plan", "--show", "kept"]).says(&["kept", "belongs to the user `nobody`"]);
}

#[test]
fn the_name_of_an_embedded_playbook_is_not_taken_for_a_folder() {
    let desk = Desk::new();
    desk.write("postmaster/playbook.yml", "- name: Evil\n  file: {path: /evil, content: x}\n");
    desk.write("mail.yml", inline());
    desk.tree(&["plan", "--playbook", "postmaster"])
        .says(&["Install the packages"])
        .hides(&["evil"]);
    desk.tree(&["plan", "--playbook", "./postmaster"]).exits(0).says(&["file:/evil"]);
}

#[test]
fn hashes_that_others_may_read_are_said() {
    let desk = Desk::new();
    desk.write("mail.yml", inline());
    let words = format!(
        "{0} holds hashes or passwords, and any user may read it: chmod 600 {0}",
        desk.shown("mail.yml")
    );
    desk.tree(&["plan"]).says(&["any user may read it: chmod 600 mail.yml"]);
    assert!(words.contains("chmod 600"));
    desk.mode("mail.yml", 0o600);
    desk.tree(&["plan"]).hides(&["may read it"]);
    desk.mode("mail.yml", 0o644);
    desk.mode(".", 0o700);
    desk.tree(&["plan"]).hides(&["may read it"]);
    desk.mode(".", 0o755);
    desk.write("hash", format!("{HASH}\n"));
    desk.write("mail.yml", mail_yml("{password_file: hash}"));
    desk.tree(&["plan"]).says(&["hash holds hashes or passwords"]);
    desk.mode("hash", 0o600);
    desk.tree(&["plan"]).hides(&["may read it"]);
}

/// Runs a command as an ordinary user.
fn as_nobody(desk: &Desk, arguments: &[&str]) -> Said {
    let program = desk.path("mailprov");
    // By another process: what this one has open for writing, a child of another test may hold.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_mailprov")).arg(&program).status();
    assert!(copied.unwrap().success());
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program)
        .args(arguments)
        .current_dir(desk.0.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Said(output)
}

#[test]
fn a_file_that_an_ordinary_user_may_not_see_is_not_called_absent() {
    let desk = Desk::new();
    desk.write("closed/mail.yml", inline());
    desk.write("closed/playbook.yml", "[]\n");
    desk.mode("closed", 0o700);
    for command in [
        &["plan", "closed/mail.yml"][..],
        &["dns", "closed/mail.yml"],
        &["account", "list", "--mail", "closed/mail.yml"],
        &["explain", "--mail", "closed/mail.yml"],
        &["plan", "--playbook", "closed/playbook.yml"],
        &["init", "closed/mail.yml"],
    ] {
        as_nobody(&desk, command).exits(77).says(&["closed/", "sudo"]).hides(&[
            "there is no",
            "no such",
            "No such",
        ]);
    }
}

#[test]
fn a_byte_that_is_not_utf_8_has_a_place() {
    let desk = Desk::new();
    let latin = |text: &str| -> Vec<u8> {
        text.chars().map(|c| if c == 'ü' { 0xfc } else { u8::try_from(c).unwrap() }).collect()
    };
    let place = |name: &str| format!("{name}:2:4");
    desk.write("mail.yml", latin("hostname: mail.example.org\n# Müller\n"));
    for command in [&["plan"][..], &["account", "list"], &["dns"]] {
        desk.run(command).exits(65).says(&[&place("mail.yml"), "not UTF-8 text"]);
    }
    let said = desk.run(&["plan", "--json"]).exits(65);
    let mistake = said.lines().into_iter().find(|line| line["event"] == "diagnostic").unwrap();
    assert_eq!((&mistake["line"], &mistake["column"]), (&2.into(), &4.into()));
    // The line is shown, the hash on it is not.
    desk.write("mail.yml", latin(&inline().replace("qFmFH", "ü$FmFH")));
    desk.run(&["plan"]).exits(65).says(&["mail.yml:4:"]).hides(&["FmFH"]);
    desk.write("playbook.yml", latin("- name: x\n  #ü\n"));
    desk.tree(&["plan", "--playbook", "playbook.yml"]).exits(65).says(&[&place("playbook.yml")]);
    desk.write("playbook.yml", "- name: x\n  file: {path: /x, template: y}\n");
    desk.write("templates/y", latin("a\nabcü\n"));
    desk.tree(&["plan", "--playbook", "playbook.yml"]).exits(65).says(&[&place("templates/y")]);
    desk.write("hash", latin("a\nabcü\n"));
    desk.write("mail.yml", mail_yml("{password_file: hash}"));
    desk.run(&["plan"]).exits(65).says(&[&place("hash")]).hides(&["abc"]);
    desk.run(&["passwd-hash", "--password-file", "hash"]).exits(1).says(&[&place("hash")]);
    desk.run(&["plan", "--show", "hash"]).exits(64).says(&[&place("hash")]);
}

#[test]
fn a_file_for_a_person_is_a_new_one() {
    let desk = Desk::new();
    desk.write("mail.yml", inline());
    desk.write("playbook.yml", "- name: x\n  file: {path: /x, content: y}\n");
    let plan = ["plan", "--playbook", "playbook.yml", "--out", "out/plan"];
    desk.write("precious", "precious\n");
    desk.write("out/plan", "old\n");
    desk.mode("out/plan", 0o666);
    desk.give("out/plan", MALLORY);
    let is_ours = |name: &str| {
        let found = fs::symlink_metadata(desk.path(name)).unwrap();
        assert!(found.is_file(), "{name}");
        assert_eq!((found.uid(), found.mode() & 0o7777), (0, 0o600), "{name}");
    };
    desk.tree(&plan).exits(0);
    is_ours("out/plan");
    let links = |name: &str| {
        fs::remove_file(desk.path(name)).ok();
        symlink(desk.path("precious"), desk.path(name)).unwrap();
    };
    links("out/plan");
    desk.tree(&plan).exits(0);
    is_ours("out/plan");
    links("out/way.svg");
    desk.run(&["explain", "--svg", "out/way.svg"]).exits(0);
    is_ours("out/way.svg");
    links("out/mailprov.1");
    desk.run(&["man", "--dir", "out"]).exits(0);
    assert!(!desk.path("out/mailprov.1").is_symlink());
    links("mail.yml");
    desk.run(&["init", "mail.yml"]).exits(1).says(&["is there already"]);
    assert_eq!(fs::read(desk.path("precious")).unwrap(), b"precious\n");
    desk.tree(&["plan", "--playbook", "playbook.yml", "--out", "/dev/stdout"]).exits(1);
    assert!(Path::new("/dev/stdout").is_symlink());
}

#[test]
fn a_mail_yml_about_which_a_playbook_does_not_speak_does_not_matter() {
    let desk = Desk::new();
    desk.write("mail.yml", "nonsense: [\n");
    desk.write(
        "playbook.yml",
        "- name: x\n  file: {path: /x, content: \"{{ facts.codename }}\"}\n",
    );
    let plan = ["plan", "--playbook", "playbook.yml"];
    let said = desk.tree(&plan).hides(&["mail.yml"]);
    let by = format!("with the playbook {}", "playbook.yml");
    said.says(&[&by]);
    desk.write("playbook.yml", "- name: x\n  file: {path: /x, template: t}\n");
    desk.write("templates/t", "{% if mail is defined %}{{ mail.hostname }}{% endif %}\n");
    desk.tree(&plan).exits(65).says(&["mail.yml:"]);
    desk.write("mail.yml", inline());
    desk.tree(&plan).exits(0).says(&["mail.example.org", "from "]);
}

#[test]
fn an_undefined_variable_is_named_with_the_defined_ones() {
    let desk = Desk::new();
    let plan = ["plan", "--playbook", "playbook.yml"];
    let with = |condition: &str, content: &str| {
        let step = format!(
            "- name: x\n  when: \"{condition}\"\n  file: {{path: /x, content: \"{content}\"}}\n"
        );
        desk.write("playbook.yml", step);
        desk.tree(&plan).exits(65)
    };
    with("true", "{{ facts.dovecott }}")
        .says(&["`facts.dovecott` is not defined", "did you mean `facts.dovecot`?"]);
    with("facts.nonsense", "x").says(&[
        "`facts.nonsense` is not defined",
        "there is in `facts`: ",
        "`postfix`",
    ]);
    with("true", "{{ zzzz }}").says(&["`zzzz` is not defined", "there is: `facts`"]);
    with("true", "{{ mail.hostname }}").says(&["`mail` is not defined", "there is no mail.yml"]);
    desk.write("mail.yml", inline());
    with("mail.relayx", "x").says(&["`mail.relayx` is not defined", "did you mean `mail.relay`?"]);
}

#[test]
fn user_data_holds_no_password_in_the_clear_whatever_else_mail_yml_says() {
    let desk = Desk::new();
    let relay =
        "relay: {host: \"[smtp.provider.example]:587\", username: me, password_file: relay}\n";
    desk.write("relay", "hunter2hunter2\n");
    desk.write("hash", format!("{HASH}\n"));
    let cloud_init = ["cloud-init", "--url", "https://a.example/mailprov", "mail.yml"];
    let refused = "the password for the relay would stand in the user-data";
    for account in [
        format!("{{password: \"{HASH}\"}}"),
        format!("{{password: \"{HASH}\", aliases: [info]}}"),
        format!("\n    password: \"{HASH}\"\n    # a comment: {{x}}"),
        "{password_file: hash}".into(),
    ] {
        desk.write("mail.yml", mail_yml(&account) + relay);
        let said = desk.run(&cloud_init).exits(65).says(&[refused, "mail.yml:"]);
        said.hides(&["hunter2", "aHVudGVyMg", "#cloud-config"]);
    }
    desk.write("mail.yml", inline() + "relay: {host: \"[smtp.provider.example]:587\"}\n");
    desk.run(&cloud_init).exits(0).says(&["#cloud-config"]);
}

#[test]
fn a_checker_of_a_persons_own_may_speak_and_is_named_before_it_runs() {
    let desk = Desk::new();
    // Of a tree a checker runs in it, so this one is for the machine itself.
    let asked = format!(
        "- name: Asked\n  command: {{argv: [/bin/false], unless: [/bin/sh, -c, \"touch {}\"]}}\n",
        desk.shown("asked"),
    );
    let playbook = |words: &str| {
        let file = desk.shown("new.conf");
        format!(
            "{asked}- name: A file\n  file: {{path: {file}, content: x}}\n  notify: none-such\n\
             - name: A service\n  service: {{name: none-such, check: [{words}]}}\n"
        )
    };
    let plan = ["plan", "--playbook", "playbook.yml"];
    let speaks = "[/bin/sh, -c, \"echo loud >&2\"]";
    desk.write("playbook.yml", playbook(speaks));
    let said = desk.run(&plan).says(&["To plan, this runs as root: ", "/bin/sh", "echo loud"]);
    said.hides(&["does not accept"]);
    assert!(desk.path("asked").exists());
    let strict = format!("{{strict: true, argv: {speaks}}}");
    desk.write("playbook.yml", playbook(&strict));
    desk.run(&plan).exits(1).says(&["does not accept the new configuration"]);
    let refuses = "[/bin/sh, -c, \"echo 'emerg: zap at 3' >&2; exit 1\"]";
    desk.write("playbook.yml", playbook(refuses));
    desk.run(&plan).exits(1).says(&["emerg: zap at 3"]);
}

#[test]
fn a_mail_yml_is_bounded_and_so_are_the_mistakes_that_are_shown() {
    let desk = Desk::new();
    let keys = |count: usize| -> String { (0..count).map(|n| format!("k{n}: 1\n")).collect() };
    let many = keys(2_000_000);
    for (text, words) in [
        (inline() + &keys(3000), "of them not shown"),
        (many.clone(), "more than 1000000 values"),
        (many.repeat(2), "larger than 32 MiB"),
    ] {
        desk.write("mail.yml", text);
        let start = std::time::Instant::now();
        let said = desk.tree(&["plan"]).exits(65).says(&[words]);
        assert!(said.all().len() < 64 * 1024, "{} bytes", said.all().len());
        // A debug build on a busy machine.
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }
}
