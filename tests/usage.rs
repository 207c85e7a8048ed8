//! The command line as scripts and people meet it: exit codes, streams, and
//! whatever can be wrong with the files it is given. Needs no box: a tree that
//! a test makes is the host.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{Algorithm, Authority, Issued};
use tempfile::TempDir;

/// A hash of the password `secret`.
const HASH: &str = "{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

/// A playbook that needs no packages.
const PLAYBOOK: &str = "- name: A note\n  file: {path: /note, content: \"hello\\n\"}\n";

/// A folder with a tree to work on, and files beside it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for folder in ["tree/etc", "tree/run", "tree/var/lib"] {
            fs::create_dir_all(desk.path(folder)).unwrap();
        }
        fs::set_permissions(desk.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
        desk.write("tree/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        desk.write("tree/etc/group", "root:x:0:\n");
        desk.write("playbook.yml", PLAYBOOK);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// A command in the folder, away from any terminal.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("NO_COLOR");
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        Run(self.command(arguments).output().unwrap())
    }

    /// Runs a command on the tree with the playbook that lies beside it.
    fn on_tree(&self, arguments: &[&str]) -> Run {
        let playbook = ["--root", "tree", "--playbook", "playbook.yml"];
        self.run(&[arguments, &playbook].concat())
    }

    /// Plans with a mail.yml.
    fn plan_mail(&self, content: impl AsRef<[u8]>) -> Run {
        self.write("mail.yml", content);
        self.run(&["plan", "--root", "tree"])
    }
}

/// A finished run.
struct Run(Output);

impl Run {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.stdout(), self.stderr());
        self
    }

    /// Asserts that the last words, for people, say all of this.
    #[track_caller]
    fn says(self, words: &[&str]) -> Self {
        let text = self.stderr();
        for word in words {
            assert!(text.contains(word), "`{word}` is missing:\n{text}");
        }
        self
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
}

/// Returns a mail.yml with these lines for `tls`.
fn mail_yml(tls: &str) -> String {
    format!(
        "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  \
         thomas: {{password: \"{HASH}\"}}\ntls: {tls}\n"
    )
}

#[test]
fn success_and_nothing_to_do_end_with_0() {
    let desk = Desk::new();
    desk.on_tree(&["plan"]).exits(0);
    desk.on_tree(&["apply", "--yes"]).exits(0);
    assert_eq!(fs::read_to_string(desk.path("tree/note")).unwrap(), "hello\n");
    desk.on_tree(&["apply", "--yes"]).exits(0);
    for arguments in [&["--help"][..], &["--version"], &["plan", "--help"], &["playbook", "list"]] {
        let run = desk.run(arguments).exits(0);
        assert!(!run.stdout().is_empty() && run.stderr().is_empty(), "{arguments:?}");
    }
}

#[test]
fn failure_ends_with_1_and_a_message() {
    let desk = Desk::new();
    fs::create_dir_all(desk.path("tree/note/full")).unwrap();
    let run = desk.on_tree(&["apply", "--yes"]).exits(1);
    run.says(&["error: A note: /note is a directory that is not empty", "Nothing was changed."]);
    desk.run(&["plan", "--root", "nowhere", "--playbook", "playbook.yml"])
        .exits(1)
        .says(&["nowhere"]);
}

#[test]
fn changes_end_with_2_where_that_is_asked_for() {
    let desk = Desk::new();
    desk.on_tree(&["plan", "--detailed-exitcode"]).exits(2);
    desk.on_tree(&["apply", "--yes"]).exits(0);
    desk.on_tree(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let desk = Desk::new();
    for arguments in
        [&[][..], &["paln"], &["plan", "--nonsense"], &["plan", "a", "b"], &["-v", "-q", "plan"]]
    {
        let run = desk.run(arguments).exits(64);
        assert!(run.stdout().is_empty(), "{arguments:?}");
        assert!(run.stderr().contains("Usage") || run.stderr().contains("error:"), "{arguments:?}");
    }
    desk.run(&["paln"]).exits(64).says(&["plan"]);
}

#[test]
fn apply_off_a_terminal_asks_for_yes_and_changes_nothing() {
    let desk = Desk::new();
    desk.on_tree(&["apply"]).exits(64).says(&["pass --yes", "nothing was changed"]);
    assert!(!desk.path("tree/note").exists());
}

#[test]
fn a_mail_yml_that_is_no_text_file_ends_with_65() {
    let desk = Desk::new();
    desk.run(&["plan", "--root", "tree"]).exits(65).says(&["there is no mail.yml"]);
    desk.run(&["plan", "--root", "tree", "other.yml"]).exits(65).says(&["other.yml"]);
    desk.run(&["plan", "--root", "tree", "tree"]).exits(65).says(&["tree", "not a file"]);
    nix::unistd::mkfifo(&desk.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    desk.run(&["plan", "--root", "tree", "fifo"]).exits(65).says(&["fifo", "not a file"]);
    let latin = b"hostname: mail.example.org\n# M\xfcller\n";
    desk.plan_mail(latin).exits(65).says(&["mail.yml:2:4", "not UTF-8 text"]);
    desk.plan_mail(b"a: \0").exits(65).says(&["mail.yml:1:"]);
    desk.plan_mail("").exits(65).says(&["mail.yml:1:"]);
}

#[test]
fn ten_megabytes_of_garbage_are_refused_in_a_moment() {
    let desk = Desk::new();
    for piece in ["\u{1}\u{2}x", "{", "a: &a [*a]\n"] {
        let start = std::time::Instant::now();
        let run = desk.plan_mail(piece.repeat(10 * 1024 * 1024 / piece.len())).exits(65);
        let told = run.stderr();
        assert!(
            told.contains("mail.yml:") && told.len() < 64 * 1024,
            "{piece:?}: {} bytes",
            told.len()
        );
        // A debug build on a busy machine; minutes would be a runaway.
        assert!(start.elapsed().as_secs() < 60, "{piece:?} took {:?}", start.elapsed());
    }
}

/// Puts a certificate and its key into the tree, and returns the words that
/// name them in mail.yml.
fn certificate(desk: &Desk, name: &str, issued: &Issued) -> String {
    desk.write(&format!("tree/etc/{name}.pem"), issued.chain_pem());
    desk.write(&format!("tree/etc/{name}.key"), issued.key_pem());
    format!("{{certificate: /etc/{name}.pem, key: /etc/{name}.key}}")
}

#[test]
fn a_certificate_that_will_not_do_ends_with_65_and_points_into_mail_yml() {
    let desk = Desk::new();
    let authority = Authority::new();
    let mine = "mail.example.org";
    let place = "mail.yml:5:";
    let missing = "{certificate: /etc/none.pem, key: /etc/none.key}";
    desk.plan_mail(mail_yml(missing)).exits(65).says(&[
        place,
        "there is no certificate at /etc/none.pem",
        "there is no key",
    ]);
    let other =
        certificate(&desk, "other", &authority.issue(&["another.example.org"], Algorithm::Ec));
    desk.plan_mail(mail_yml(&other))
        .exits(65)
        .says(&[place, "for another.example.org, not for mail.example.org"]);
    let expired = certificate(&desk, "expired", &authority.issue_expired(&[mine]));
    desk.plan_mail(mail_yml(&expired)).exits(65).says(&[place, "expired", "renew it"]);
    let good = certificate(&desk, "good", &authority.issue(&[mine], Algorithm::Rsa));
    let crossed = good.replace("good.key", "other.key");
    desk.plan_mail(mail_yml(&crossed))
        .exits(65)
        .says(&[place, "/etc/other.key is not the key of /etc/good.pem"]);
    let (own, rest) = {
        let chain = authority.issue(&[mine], Algorithm::Ec);
        let text = chain.chain_pem();
        let end = text[1..].find("-----BEGIN").unwrap() + 1;
        desk.write("tree/etc/order.key", chain.key_pem());
        (text[..end].to_owned(), text[end..].to_owned())
    };
    desk.write("tree/etc/order.pem", rest + &own);
    let order = "{certificate: /etc/order.pem, key: /etc/order.key}";
    desk.plan_mail(mail_yml(order)).exits(65).says(&[place, "is number 2", "must come first"]);
    let swapped = "{certificate: /etc/good.key, key: /etc/good.pem}";
    desk.plan_mail(mail_yml(swapped)).exits(65).says(&[place, "holds no certificate"]);
    desk.write("tree/etc/garbage", b"\0garbage");
    let garbage = "{certificate: /etc/good.pem, key: /etc/garbage}";
    desk.plan_mail(mail_yml(garbage)).exits(65).says(&[place, "holds no private key"]);
    let folder = "{certificate: /etc, key: /etc/good.key}";
    desk.plan_mail(mail_yml(folder)).exits(65).says(&[place, "/etc"]);
}

/// A command that runs as an ordinary user.
fn as_nobody(desk: &Desk, arguments: &[&str]) -> Run {
    let program = desk.path("mailprov");
    fs::copy(env!("CARGO_BIN_EXE_mailprov"), &program).unwrap();
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .arg(program)
        .args(arguments)
        .current_dir(desk.0.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Run(output)
}

#[test]
fn an_ordinary_user_may_not_apply_and_ends_with_77() {
    let desk = Desk::new();
    let playbook = ["--root", "tree", "--playbook", "playbook.yml"];
    let run = as_nobody(&desk, &[&["apply", "--yes"], &playbook[..]].concat());
    run.exits(77).says(&["only root", "sudo"]);
    let run = as_nobody(&desk, &[&["plan"], &playbook[..]].concat()).exits(0);
    assert!(run.stdout().contains("file:/note"));
}

#[test]
fn two_runs_at_once_end_with_75_and_the_second_names_the_first() {
    let desk = Desk::new();
    fs::create_dir(desk.path("tree/run/mailprov")).unwrap();
    let lock = fs::File::create(desk.path("tree/run/mailprov/lock")).unwrap();
    lock.lock().unwrap();
    desk.write("tree/run/mailprov/lock", "mailprov apply, process 4711\n");
    let run = desk.on_tree(&["apply", "--yes"]).exits(75);
    run.says(&["another run is under way: mailprov apply, process 4711", "Nothing was changed"]);
    desk.on_tree(&["plan"]).exits(0);
    // A lock dies with its process, whatever is left in the file.
    drop(lock);
    desk.on_tree(&["apply", "--yes"]).exits(0);
}

#[test]
fn json_is_lines_on_standard_output_and_words_are_on_standard_error() {
    let desk = Desk::new();
    let lines = |run: &Run| -> Vec<serde_json::Value> {
        run.stdout().lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    for arguments in [&["plan", "--json"][..], &["apply", "--yes", "--json"]] {
        let run = desk.on_tree(arguments).exits(0);
        let lines = lines(&run);
        assert!(lines.iter().all(|line| line["event"].is_string()), "{lines:#?}");
        assert_eq!(lines[0]["event"], "change");
        assert_eq!(lines[0]["key"], "file:/note");
        assert!(run.stderr().contains("file:/note"), "{}", run.stderr());
    }
    let run = desk.run(&["plan", "--json", "--root", "tree"]).exits(65);
    assert_eq!(lines(&run)[0]["event"], "error");
    desk.write("mail.yml", "hostnam: x\n");
    let run = desk.run(&["plan", "--json", "--root", "tree"]).exits(65);
    let mistakes = lines(&run);
    assert_eq!(mistakes[0]["event"], "diagnostic");
    assert_eq!((&mistakes[0]["line"], &mistakes[0]["column"]), (&1.into(), &1.into()));
    let run = desk.on_tree(&["apply", "--json"]).exits(64);
    assert_eq!(lines(&run)[0]["event"], "error");
}

#[test]
fn a_reader_that_goes_away_neither_kills_nor_upsets_a_run() {
    let desk = Desk::new();
    let steps: Vec<_> = (0..2000)
        .map(|n| format!("- name: Note {n}\n  file: {{path: /note{n}, content: \"{n}\\n\"}}\n"))
        .collect();
    desk.write("playbook.yml", steps.concat());
    for (arguments, made) in
        [(&["plan"][..], false), (&["plan", "--json"], false), (&["apply", "--yes"], true)]
    {
        let playbook = ["--root", "tree", "--playbook", "playbook.yml"];
        let mut command = desk.command(&[arguments, &playbook].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
        assert!(!told.contains("panicked"), "{told}");
        assert_eq!(desk.path("tree/note1999").exists(), made);
    }
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let desk = Desk::new();
    let coloured = |run: &Run| run.stdout().contains('\u{1b}');
    assert!(!coloured(&desk.on_tree(&["plan"]).exits(0)));
    assert!(coloured(&desk.on_tree(&["plan", "--color", "always"]).exits(0)));
    assert!(!coloured(&desk.on_tree(&["plan", "--color=never"]).exits(0)));
    let in_terminal = |desk: &Desk, colour: &str| {
        let program = env!("CARGO_BIN_EXE_mailprov");
        let line = format!("{program} plan --root tree --playbook playbook.yml");
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        script.current_dir(desk.0.path()).env("TERM", "xterm").env_remove("NO_COLOR");
        if !colour.is_empty() {
            script.env("NO_COLOR", colour);
        }
        Run(script.stdin(Stdio::null()).output().unwrap()).exits(0)
    };
    assert!(coloured(&in_terminal(&desk, "")));
    assert!(!coloured(&in_terminal(&desk, "1")));
}

#[test]
fn the_content_of_a_file_cannot_command_the_terminal() {
    let desk = Desk::new();
    fs::write(desk.path("tree/note"), "\u{1b}]0;owned\u{7}\u{9b}2J\n").unwrap();
    let text = desk.on_tree(&["plan"]).exits(0).stdout();
    assert!(text.contains("owned"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{text:?}");
    assert!(Path::new(&desk.path("tree/note")).exists());
}

#[test]
fn a_check_wants_a_running_host_and_names_its_parts() {
    let desk = Desk::new();
    desk.write("mail.yml", mail_yml("{self_signed: true}"));
    desk.run(&["check", "--root", "tree"]).exits(64).says(&["nothing runs in a tree"]);
    let parts: Vec<_> = mailprov::check::ALL.iter().map(|check| check.name()).collect();
    desk.run(&["check", "--only", "nothing"]).exits(64).says(&[&parts.join(", ")]);
}

#[test]
fn forwards_to_other_hosts_are_told_and_whether_spf_holds_there() {
    let desk = Desk::new();
    let forwards = "forwards: {club: [bob@elsewhere.example, thomas], own: thomas}\n";
    desk.write("mail.yml", mail_yml("{self_signed: true}") + forwards);
    desk.run(&["dns"]).exits(0).says(&["(club)", "SPF holds there"]);
    desk.write("mail.yml", mail_yml("{self_signed: true}") + forwards + "srs: false\n");
    desk.run(&["dns"]).exits(0).says(&["(club)", "SPF fails there"]);
    desk.write("mail.yml", mail_yml("{self_signed: true}"));
    assert!(!desk.run(&["dns"]).exits(0).stderr().contains("SPF"));
}

#[test]
fn records_are_printed_for_forms_name_servers_and_programs() {
    let desk = Desk::new();
    desk.write("mail.yml", mail_yml("{self_signed: true}"));
    let table = desk.run(&["dns"]).exits(0).stdout();
    assert!(table.contains("At the registrar of your domains:"), "{table}");
    assert!(table.contains("MX    10 mail.example.org"), "{table}");
    let zone = desk.run(&["dns", "--zone"]).exits(0).stdout();
    for line in [
        "mail.example.org. 3600 IN TXT \"v=spf1 a -all\"",
        "example.org. 3600 IN MX 10 mail.example.org.",
        "example.org. 3600 IN TXT \"v=spf1 mx -all\"",
        "_dmarc.example.org. 3600 IN TXT \"v=DMARC1; p=none; rua=mailto:postmaster@example.org\"",
    ] {
        assert!(zone.lines().any(|it| it == line), "`{line}` is missing:\n{zone}");
    }
    // No address of this machine's is taken for the server's.
    assert!(!zone.lines().any(|it| it.starts_with("mail.example.org. 3600 IN A")), "{zone}");
    assert!(zone.contains("; mail.example.org. 3600 IN A ADDRESS"), "{zone}");
    assert!(table.contains("The address of mail.example.org. is not known"), "{table}");
    let addresses = ["dns", "--zone", "--address", "193.0.14.129", "--address", "2a00::25"];
    let zone = desk.run(&addresses).exits(0).stdout();
    for line in
        ["mail.example.org. 3600 IN A 193.0.14.129", "mail.example.org. 3600 IN AAAA 2a00::25"]
    {
        assert!(zone.lines().any(|it| it == line), "`{line}` is missing:\n{zone}");
    }
    assert!(zone.contains("; 129.14.0.193.in-addr.arpa. 3600 IN PTR mail.example.org."), "{zone}");
    desk.run(&["dns", "--address", "nowhere"]).exits(64);
    let json = desk.run(&["dns", "--json"]).exits(0).stdout();
    let lines = json.lines().map(|it| serde_json::from_str::<serde_json::Value>(it).unwrap());
    let mx = lines.into_iter().find(|it| it["type"] == "MX").unwrap();
    assert_eq!((&mx["event"], &mx["value"]), (&"record".into(), &"10 mail.example.org".into()));
}
