//! What is generated from the program's own sources: completions, manual
//! pages, the picture. Needs no box.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::{CommandFactory, Parser};
use mailprov::cli::Cli;
use mailprov::explain::{File, ServerFiles, Way, svg};
use mailprov::services;
use mailprov::yaml::{KeySpec, Section, ValueType};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mailprov")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of all commands, those within others joined by `-`.
fn commands(command: &clap::Command, name: &str, found: &mut BTreeSet<String>) {
    found.insert(name.to_owned());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        commands(inner, &format!("{name}-{}", inner.get_name()), found);
    }
}

/// Returns all manual pages by their file names.
fn pages() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man");
    run(&["man", "--dir", pages.to_str().unwrap()]);
    let read = |entry: Result<fs::DirEntry, _>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&path).unwrap())
    };
    fs::read_dir(&pages).unwrap().map(read).collect()
}

#[test]
fn every_command_and_every_file_format_has_a_manual_page() {
    let pages = pages();
    let mut wanted = BTreeSet::new();
    commands(&Cli::command(), "mailprov", &mut wanted);
    assert!(wanted.len() > 15 && wanted.contains("mailprov-account-add"));
    let mut wanted: BTreeSet<String> = wanted.iter().map(|name| format!("{name}.1")).collect();
    wanted.extend(["mail.yml.5", "mailprov-json.5", "mailprov-playbook.5"].map(str::to_owned));
    assert_eq!(pages.keys().cloned().collect::<BTreeSet<_>>(), wanted);
    for (name, page) in &pages {
        let of_all = ["NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO"];
        let of_commands = ["OPTIONS", "EXAMPLES", "FILES", "ENVIRONMENT", "EXIT STATUS"];
        let more: &[&str] = if name.ends_with(".1") { &of_commands } else { &[] };
        for section in of_all.iter().chain(more) {
            let heads = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            let times: usize = heads.iter().map(|head| page.matches(head).count()).sum();
            assert_eq!(times, 1, "{section} of {name}:\n{page}");
        }
        // What Markdown marks would have to be gone.
        let markdown = page.lines().find(|line| {
            line.contains("](") || line.starts_with(['|', '`']) || line.contains("<!--")
        });
        assert_eq!(markdown, None, "{name}");
    }
    assert_eq!(run(&["man"]), pages["mailprov.1"]);
}

#[test]
fn manual_pages_name_only_pages_that_there_are() {
    let pages = pages();
    let mut seen = 0;
    for (name, page) in &pages {
        for (before, after) in page.split("\\fR(").zip(page.split("\\fR(").skip(1)) {
            let named = before.rsplit("\\fB").next().unwrap().replace("\\-", "-");
            if named.starts_with("mail") {
                let file = format!("{named}.{}", &after[..1]);
                assert!(pages.contains_key(&file), "{name} names {file}");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

/// The keys of a section of a file, and of those within it.
fn keys(section: &'static Section, found: &mut Vec<&'static KeySpec>) {
    fn inner(value: &ValueType) -> Option<&'static Section> {
        match value {
            ValueType::Section(section) => Some(section),
            ValueType::List(of)
            | ValueType::NonEmptyList(of)
            | ValueType::Map(of)
            | ValueType::NonEmptyMap(of) => inner(of),
            ValueType::Either(several) => several.iter().find_map(inner),
            _ => None,
        }
    }
    for key in section.keys {
        found.push(key);
        if let Some(section) = inner(&key.value_type) {
            keys(section, found);
        }
    }
}

#[test]
fn the_page_of_mail_yml_has_every_key() {
    let page = &pages()["mail.yml.5"];
    let mut all = Vec::new();
    keys(&mailprov::services::MAIL_YML, &mut all);
    assert!(all.len() > 20);
    for key in all {
        let entry = format!(".TP\n\\fB{}\\fR (", key.name);
        assert!(page.contains(&entry), "{} is not in\n{page}", key.name);
    }
}

#[test]
fn every_example_is_a_command_line() {
    let mut seen = 0;
    let mut all = vec![mailprov::cli::command()];
    while let Some(command) = all.pop() {
        all.extend(command.get_subcommands().filter(|it| !it.is_hide_set()).cloned());
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        let name = command.get_name();
        assert!(help.starts_with("Examples:\n"), "{name} has no examples");
        let is_narrow = |line: &str| line.chars().count() <= 80;
        assert_eq!(help.lines().find(|line| !is_narrow(line)), None, "{name}");
        for line in help.replace("\\\n", "").lines().filter(|line| line.starts_with("      ")) {
            let words = line.split_whitespace().take_while(|word| !word.starts_with('>'));
            let words: Vec<_> = words.collect();
            if words[0] == "mailprov" {
                seen += 1;
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{name}: {line}: {}", parsed.unwrap_err());
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// Returns the command lines of mailprov's in a document's blocks of shell.
fn command_lines(document: &str) -> Vec<String> {
    let shell = document.split("\n```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let text = shell.collect::<String>().replace("\\\n", "");
    text.lines().filter(|line| line.starts_with("mailprov ")).map(str::to_owned).collect()
}

#[test]
fn every_command_line_in_the_documentation_can_be_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    for document in
        ["README.md", "src/manual/commands.md", "src/manual/mail.yml.md", "playbooks/README.md"]
    {
        for line in command_lines(&fs::read_to_string(root.join(document)).unwrap()) {
            let words = line.split_whitespace().take_while(|word| !word.starts_with(['>', '#']));
            let parsed = Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{document}: {line}: {}", parsed.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

/// A folder with a mail.yml, and a home with hosts that ssh knows.
fn desk() -> TempDir {
    let desk = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = desk.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "mail.yml",
        &format!(
            "hostname: mail.example.org\ndomains: [example.org]\ntls: {{self_signed: true}}\naccounts:\n  \
             anna: {{password: \"{HASH}\", aliases: [info, anita]}}\n  \
             o'brien: {{password: \"{HASH}\"}}\nforwards:\n  sales: [anna, x@elsewhere.example]\n"
        ),
    );
    write("other/two.yml", "accounts: {zoe: {}, anton: {}}\n");
    write(
        "home/.ssh/config",
        "# Host comment\nHost attic cellar *.wild !not # Host it\n  HostName 192.0.2.9\n\
         host=\"barn\"\nMatch host meadow\n\tHost shed\n",
    );
    write(
        "home/.ssh/known_hosts",
        "mx.example.org,2001:db8::5 ssh-ed25519 AAAA\n[alps.example]:2222 ssh-rsa AAAA\n\
         |1|hash=|salt= ssh-rsa AAAA\n@revoked gone.example ssh-rsa AAAA\n# note\n\
         evil\u{1b}[31m.example ssh-rsa AAAA\n-oProxyCommand=x ssh-rsa AAAA\n",
    );
    desk
}

/// A hash that no completion may show.
const HASH: &str = "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Returns what is offered for the last of these words, as a shell's script asks.
fn offers(desk: &Path, words: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mailprov"))
        .args(["--", "mailprov"])
        .args(words)
        .env("MAILPROV_COMPLETE", "1")
        .env("HOME", desk.join("home"))
        .current_dir(desk)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("argon2id"), "{words:?}: {text}");
    text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn accounts_and_addresses_are_those_of_the_mail_yml_in_question() {
    let desk = desk();
    let offers = |words: &[&str]| offers(desk.path(), words);
    for deed in ["passwd", "remove", "rename"] {
        assert_eq!(offers(&["account", deed, ""]), ["anna", "o'brien"], "{deed}");
    }
    assert_eq!(offers(&["account", "passwd", "an"]), ["anna"]);
    assert_eq!(offers(&["account", "passwd", "--mail", "other/two.yml", "an"]), ["anton"]);
    assert_eq!(offers(&["account", "passwd", "--mail=other/two.yml", ""]), ["zoe", "anton"]);
    assert_eq!(offers(&["account", "add", "an"]), [""; 0]);
    assert_eq!(offers(&["account", "rename", "anna", ""]), [""; 0]);
    assert_eq!(offers(&["alias", "add", "an"]), [""; 0]);
    assert_eq!(offers(&["alias", "add", "info", "an"]), ["anna"]);
    assert_eq!(offers(&["alias", "add", "info", "anna", "o"]), ["o'brien"]);
    assert_eq!(offers(&["alias", "remove", ""]), ["anita", "info", "sales"]);
    assert_eq!(offers(&["check", "--from-here", "--login", "a"]), ["anna"]);
    assert_eq!(offers(&["check", "other/two.yml", "--from-here", "--login=a"]), ["--login=anton"]);
}

#[test]
fn hosts_are_those_that_ssh_knows() {
    let desk = desk();
    let offers = |words: &[&str]| offers(desk.path(), words);
    let all =
        ["2001:db8::5", "alps.example:2222", "attic", "barn", "cellar", "mx.example.org", "shed"];
    assert_eq!(offers(&["plan", "--on", ""]), all);
    assert_eq!(offers(&["pull", ""]), all);
    assert_eq!(offers(&["bootstrap", "b"]), ["barn"]);
    assert_eq!(offers(&["--on", "root@m"]), ["root@mx.example.org"]);
    assert_eq!(offers(&["apply", "--on=c"]), ["--on=cellar"]);
    fs::remove_dir_all(desk.path().join("home/.ssh")).unwrap();
    assert_eq!(offers(&["plan", "--on", ""]), [""; 0]);
}

#[test]
fn parts_playbooks_and_what_can_be_explained_are_offered() {
    let desk = desk();
    let offers = |words: &[&str]| offers(desk.path(), words);
    assert_eq!(offers(&["check", "--only", "d"]), ["disk", "dns"]);
    assert_eq!(offers(&["check", "--only", "tls,d"]), ["tls,disk", "tls,dns"]);
    assert_eq!(offers(&["playbook", "show", ""]), ["postmaster"]);
    assert_eq!(offers(&["plan", "--playbook", "p"]), ["postmaster"]);
    assert_eq!(offers(&["plan", "--playbook", "o"]), ["other/"]);
    assert_eq!(offers(&["plan", "m"]), ["mail.yml"]);
    assert_eq!(offers(&["plan", "home/.s"]), ["home/.ssh/"]);
    assert_eq!(offers(&["plan", ""]), ["home/", "mail.yml", "other/"]);
    let can_be_explained = || {
        assert_eq!(offers(&["explain", "smtpd_tls_cert"]), ["smtpd_tls_cert_file"]);
        assert_eq!(offers(&["explain", "main"]), ["main.cf"]);
        assert_eq!(offers(&["explain", "993"]), ["993"]);
        assert_eq!(offers(&["explain", "accounts.q"]), ["accounts.quota"]);
        assert_eq!(offers(&["explain", "/etc/dov"])[0], "/etc/dovecot/dovecot.conf");
        let all = offers(&["explain", ""]);
        for known in
            ["25", "dovecot.conf", "master.cf", "mydestination", "protocols", "submissions"]
        {
            assert!(all.iter().any(|it| it == known), "{known} is missing: {all:?}");
        }
        assert!(!all.iter().any(|it| it.contains(['@', ' '])), "{all:?}");
    };
    can_be_explained();
    // As before a `sudo`, where mail.yml cannot be read.
    fs::remove_file(desk.path().join("mail.yml")).unwrap();
    can_be_explained();
    // The usual one has a web side.
    assert_eq!(offers(&["explain", "44"]), ["443"]);
}

#[test]
fn a_wrong_or_untrusted_file_completes_nothing_and_stays_silent() {
    let desk = desk();
    let offers = |words: &[&str]| offers(desk.path(), words);
    let passwd: &[&str] = &["account", "passwd", ""];
    for words in [&[][..], &["nonsense", "--what", "x"], &["account", "passwd", "--mail", "no", ""]]
    {
        assert_eq!(offers(words), [""; 0], "{words:?}");
    }
    let mail = desk.path().join("mail.yml");
    for text in ["accounts: [", "accounts: 7\n", "accounts:\n  \"a\\eb\": {}\n"] {
        fs::write(&mail, text).unwrap();
        assert_eq!(offers(passwd), [""; 0], "{text}");
    }
    fs::write(&mail, b"\xff").unwrap();
    assert_eq!(offers(passwd), [""; 0]);
    fs::remove_file(&mail).unwrap();
    nix::unistd::mkfifo(&mail, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    assert_eq!(offers(passwd), [""; 0]);
    fs::remove_file(&mail).unwrap();
    fs::write(&mail, "accounts: {planted: {}}\n").unwrap();
    assert_eq!(offers(passwd), ["planted"]);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&mail, Some(65534), Some(65534)).unwrap();
        assert_eq!(offers(passwd), [""; 0]);
    }
}

#[test]
fn hidden_commands_are_nowhere() {
    let desk = desk();
    for words in [&["serv"][..], &["help", "serv"], &[""], &["help", ""]] {
        let found = offers(desk.path(), words);
        assert!(!found.iter().any(|it| it == "serve"), "{words:?}: {found:?}");
        assert_eq!(found.len() > 10, words.last() == Some(&""), "{words:?}: {found:?}");
    }
    let first = [
        ("bash", "complete -o nosort -F _mailprov mailprov"),
        ("zsh", "#compdef mailprov\n"),
        ("fish", "complete -c mailprov "),
    ];
    for (shell, words) in first {
        let script = run(&["completions", shell]);
        assert!(script.contains(words), "{script}");
        assert!(!script.contains("serve"), "{script}");
        // Neither is where this very program was built.
        assert!(!script.contains("target"), "{script}");
    }
    // The variable alone makes no question of a command.
    let version = Command::new(env!("CARGO_BIN_EXE_mailprov"))
        .arg("--version")
        .env("MAILPROV_COMPLETE", "1")
        .output()
        .unwrap();
    assert!(version.stdout.starts_with(b"mailprov "), "{version:?}");
}

#[test]
fn bash_completes_command_lines() {
    let desk = desk();
    let programs = Path::new(env!("CARGO_BIN_EXE_mailprov")).parent().unwrap();
    // `|` is where bash breaks a word that is one to us.
    let complete = |line: &str| {
        let words: Vec<String> = line.split([' ', '|']).map(|word| format!("{word:?}")).collect();
        let question = format!(
            "source <(mailprov completions bash); COMP_WORDS=({}); COMP_CWORD={}; \
             _mailprov mailprov \"${{COMP_WORDS[$COMP_CWORD]}}\" \"\"; \
             for it in \"${{COMPREPLY[@]}}\"; do printf '%s\\n' \"$it\"; done",
            words.join(" "),
            words.len() - 1
        );
        let output = Command::new("bash")
            .args(["--norc", "-c", &question])
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("HOME", desk.path().join("home"))
            .current_dir(desk.path())
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("mailprov acc"), ["account"]);
    assert_eq!(complete("mailprov account pas"), ["passwd"]);
    let ways = ["--password-file", "--password-stdin"];
    assert_eq!(complete("mailprov account add --password"), ways);
    assert_eq!(complete("mailprov account passwd "), ["anna", r"o\'brien"]);
    assert_eq!(complete("mailprov account passwd --mail|=|other/two.yml z"), ["zoe"]);
    assert_eq!(complete("mailprov check --only|=|tls,d"), ["tls,disk", "tls,dns"]);
    assert_eq!(complete("mailprov plan --on root|@|mx"), ["mx.example.org"]);
    assert_eq!(complete("mailprov plan --on root|@|alps.example|:|2"), ["2222"]);
    assert_eq!(complete("mailprov bootstrap root|@").len(), 7);
    assert_eq!(complete("mailprov serv"), [""; 0]);
}

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), step: "a step".into(), text: text.into() }
}

/// As little as two servers can be told by.
fn files(protocols: &str, more: &str) -> Vec<File> {
    vec![
        file(
            "/etc/postfix/main.cf",
            &format!(
                "virtual_alias_maps = hash:/etc/postfix/virtual\n\
                 virtual_transport = lmtp:unix:private/it\nsmtpd_sasl_path = private/auth\n{more}"
            ),
        ),
        file(
            "/etc/postfix/master.cf",
            "smtp inet n - y - - smtpd\nsubmissions inet n - y - - smtpd\n",
        ),
        file("/etc/dovecot/dovecot.conf", &format!("protocols = {protocols}\n")),
    ]
}

#[test]
fn a_key_of_mail_yml_is_explained_by_the_words_of_the_schema() {
    let desk = desk();
    let mail = fs::read_to_string(desk.path().join("mail.yml")).unwrap();
    fs::write(desk.path().join("mail.yml"), mail.replace("o'brien", "obrien")).unwrap();
    let explain = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
        command.args(["explain", "--mail", "mail.yml"]).args(words).current_dir(desk.path());
        let output = command.env_clear().output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = explain(&["quota"]);
    assert!(said.starts_with("mail.yml: accounts.quota\nHow much mail"), "{said}");
    assert!(said.contains("Default: none."), "{said}");
    // A name may be a key and a setting.
    let said = explain(&["relay"]);
    assert!(said.contains("mail.yml: relay\n") && said.contains("master.cf:"), "{said}");
    let said = explain(&["--json", "relay.tls"]);
    let event: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&event["event"], &event["name"]), (&"key".into(), &"relay.tls".into()));
}

fn ways(files: &[File], mailbox: &str) -> Vec<Way> {
    services::journeys(&ServerFiles::of(files, mailbox.into()))
}

#[test]
fn only_what_the_files_say_is_on_the_ways() {
    let names = |files: &[File]| -> Vec<String> {
        let ways = ways(files, "/mail");
        ways.into_iter().flat_map(|way| way.stops).map(|stop| stop.name).collect()
    };
    let found = names(&files("imap lmtp", ""));
    for name in ["port 25", "port 465", "port 993, 143", "/var/spool/postfix/private/it", "/mail"] {
        assert!(found.iter().any(|it| it == name), "{name}: {found:?}");
    }
    assert!(!found.iter().any(|it| it.contains("995") || it.contains("pickup")), "{found:?}");
    let found = names(&files("pop3 lmtp", "relayhost = [relay.example]:587\n"));
    assert!(found.contains(&"[relay.example]:587".to_owned()), "{found:?}");
    assert!(found.contains(&"port 995, 110".to_owned()), "{found:?}");
    assert!(!found.contains(&"port 25 of other servers".to_owned()), "{found:?}");
    assert_eq!(names(&[]), Vec::<String>::new());
}

#[test]
fn the_picture_is_xml_and_shows_every_stop() {
    let ways = ways(&files("imap pop3 lmtp", ""), "/var/vmail/NAME/Maildir");
    let picture = svg("mail & <more>", &ways);
    assert!(picture.contains("mail &amp; &lt;more&gt;"));
    for stop in ways.iter().flat_map(|way| &way.stops) {
        assert!(picture.contains(&format!(">{}</text>", stop.name)), "{}", stop.name);
    }
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", "import sys, xml.dom.minidom as xml; xml.parse(sys.stdin.buffer)"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 (see tests/packages.sh)");
    python.stdin.take().unwrap().write_all(picture.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
}
