//! Hosts that mean harm to whoever sits at the laptop: an `ssh` that plays one.
//! Real ones do not say such things.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mailprov::reach::Reach;
use mailprov::wire;
use support::{Algorithm, Authority, Terminal, wait_for};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailprov");

/// Takes the title, writes the clipboard, hides, and turns text around; the last
/// ones without an escape character.
const HARM: &str = "a\u{1b}]0;owned\u{7}b\u{1b}]52;c;ZXZpbA==\u{1b}\\c\u{1b}[8md\u{1b}[2Je\u{9b}2Jf\
                    \u{9d}0;x\u{9c}g\u{202e}h\u{2066}i\u{e0041}j\rk";

/// What makes a host one that is served.
fn greeting(changes: &[(&str, &str)]) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().to_string();
    let mut all = vec![
        ("mailprov-greets", "1"),
        ("distribution", "debian"),
        ("release", "13"),
        ("machine", std::env::consts::ARCH),
        ("user", "0"),
        ("libc", "glibc 2.99"),
        ("clock", &now),
        ("free", "10000000"),
        ("program", "none"),
    ];
    all.extend(changes);
    all.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>() + "end=\n"
}

fn ready() -> String {
    format!("{{\"ready\":{}}}\n", wire::VERSION)
}

/// A folder with an `ssh` that plays a host.
struct Stage(TempDir);

impl Stage {
    /// It says `out` and `err`, then listens until it is hung up on.
    fn new(out: &str, err: &str) -> Self {
        Self::playing(out, err, "cat \"$0.err\" >&2; cat \"$0.out\"; cat >/dev/null")
    }

    fn playing(out: &str, err: &str, script: &str) -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        fs::create_dir(stage.path("bin")).unwrap();
        fs::write(stage.path("bin/ssh"), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::write(stage.path("bin/ssh.out"), out).unwrap();
        fs::write(stage.path("bin/ssh.err"), err).unwrap();
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(stage.path("bin/ssh"), mode).unwrap();
        stage
    }

    /// A host that greets, and then says this.
    fn saying(frames: &str) -> Self {
        Self::new(&(greeting(&[]) + &ready() + frames), "")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn search_path(&self) -> String {
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap())
    }

    /// Runs mailprov in little memory, away from any terminal; returns exit code
    /// and both streams.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 1500000; exec \"$@\"", "sh", PROGRAM]).args(arguments);
        command.current_dir(self.0.path()).env("PATH", self.search_path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        assert_harmless(&out);
        assert_harmless(&err);
        (output.status.code().unwrap(), out, err)
    }
}

/// Asserts that nothing is in a text that commands a terminal, but our styles.
#[track_caller]
fn assert_harmless(text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let style = rest[at + 1..].strip_prefix('[').and_then(|it| it.split_once('m'));
        let Some((codes, after)) = style else { panic!("{text:?}") };
        let ours =
            |code: &str| matches!(code.parse().unwrap(), 0_u8 | 1 | 2 | 4 | 31..=36 | 91..=96);
        assert!(codes.split(';').all(ours), "{codes}: {text:?}");
        rest = after;
    }
    let bad = |c: char| {
        c != '\n' && c != '\u{1b}' && c.is_control() || "\u{202e}\u{2066}\u{e0041}".contains(c)
    };
    assert!(!text.contains(bad), "{text:?}");
}

/// A text as it is in JSON.
fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

#[test]
fn no_text_of_a_host_commands_the_terminal() {
    let harm = json(HARM);
    let frames = format!(
        "{{\"out\":[{{\"text\":{harm}}},{{\"text\":\"green\",\"look\":{{\"colour\":\"green\"}}}}]}}\n\
         {{\"err\":[{{\"text\":{harm}}}]}}\n\
         {{\"progress\":{{\"started\":{{\"step\":{harm}}}}}}}\n\
         {{\"progress\":{{\"said\":{{\"text\":{harm}}}}}}}\n\
         {{\"progress\":{{\"finished\":{{\"step\":{harm},\"seconds\":1e300}}}}}}\n\
         {{\"progress\":{{\"checking\":{{\"subject\":{harm}}}}}}}\n\
         {{\"end\":0}}\n"
    );
    let stage = Stage::saying(&frames);
    for more in [&["--color", "always"][..], &["--color", "never"], &["--json"], &["-v"]] {
        let (code, out, err) = stage.run(&[&["plan", "--on", "vps"], more].concat());
        assert_eq!(code, 0, "{out}{err}");
        assert!(err.contains("\\u{1b}]0;owned\\u{7}b"), "{err}");
        let green = "\u{1b}[32mgreen\u{1b}[0m";
        assert_eq!((out + &err).contains(green), more.contains(&"always"), "{more:?}");
    }
    // Of several hosts, too.
    let (code, out, err) = stage.run(&["plan", "--on", "one", "--on", "other"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("one: a\\u{1b}]0;owned"), "{out}");
}

#[test]
fn no_word_of_ssh_nor_of_a_greeting_commands_the_terminal() {
    for out in [
        String::new(),
        format!("{HARM}\n"),
        greeting(&[("release", HARM), ("distribution", HARM)]),
        greeting(&[("user", HARM)]),
        greeting(&[("machine", HARM)]),
        greeting(&[("libc", HARM)]),
    ] {
        let stage = Stage::playing(&out, HARM, "cat \"$0.err\" >&2; cat \"$0.out\"");
        fs::write(stage.path("mail.yml"), MAIL).unwrap();
        let (code, _, err) = stage.run(&["bootstrap", "root@vps", "--yes", "--color", "always"]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("a\\u{1b}]0;owned"), "{err}");
        assert!(err.contains("Nothing was changed"), "{err}");
    }
}

#[test]
fn only_lines_of_json_get_into_the_stream_for_programs() {
    let harm = json(HARM);
    let frames = format!(
        "{{\"out\":[{{\"text\":\"plain words\\n\"}}]}}\n\
         {{\"event\":{{\"event\":\"plan\",\"host\":\"another\",\"text\":{harm}}}}}\n\
         {{\"end\":0}}\n"
    );
    let (code, out, err) = Stage::saying(&frames).run(&["plan", "--json", "--on", "vps"]);
    assert_eq!(code, 0, "{out}{err}");
    let line: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&line["host"], &line["text"]), (&"vps".into(), &HARM.into()));
    assert!(err.contains("plain words"), "{err}");
    for odd in [
        "not json\n",
        "{\"event\":[1]}\n",
        "{\"event\":{\"no\":\"event\"}}\n",
        "{\"out\":\"a text\"}\n",
        "{\"ready\":1}\n",
        "{\"ask\":{\"question\":\"Enter passphrase for key:\",\"unseen\":true}}\n",
    ] {
        let (code, out, err) = Stage::saying(odd).run(&["plan", "--json", "--on", "vps"]);
        assert_eq!(code, 1, "{odd}: {out}{err}");
        let lines: Vec<serde_json::Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().all(|line| line["event"] == "error"), "{odd}: {out}");
        assert!(!err.contains("passphrase"), "{err}");
    }
    // Before it said who it is, nothing counts.
    let early = greeting(&[]) + "{\"out\":[{\"text\":\"early\"}]}\n";
    let (code, out, err) = Stage::new(&early, "").run(&["plan", "--on", "vps"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(!out.contains("early") && err.contains("speaks before it greets"), "{out}{err}");
}

#[test]
fn a_host_asks_in_our_words_and_only_where_the_command_asks() {
    let asking = |question: &str| format!("{{\"ask\":{question}}}\n{{\"end\":0}}\n");
    let changes = asking("\"make_changes\"");
    let at = |stage: &Stage, arguments: &str| {
        let line = format!("PATH='{}' {PROGRAM} {arguments}", stage.search_path());
        Terminal::run(stage.0.path(), &line)
    };
    let stage = Stage::saying(&changes);
    let terminal = at(&stage, "apply --on vps");
    terminal.asks("vps asks: Make these changes? [y/N]");
    terminal.types("n");
    terminal.shows("exit 0");
    for (arguments, frames) in [
        ("plan --on vps", &changes),
        ("check --on vps", &changes),
        ("apply --yes --on vps", &changes),
        ("apply --on vps", &asking("\"apply_now\"")),
        ("apply --on vps", &asking("{\"new_password\":{\"account\":\"anna\"}}")),
        ("account passwd anna --on vps", &asking("{\"new_password\":{\"account\":\"root\"}}")),
        ("apply --on vps", &asking("{\"word\":{\"word\":\"your password here\"}}")),
    ] {
        let stage = Stage::saying(frames);
        let screen = at(&stage, arguments).shows("exit 1");
        assert!(screen.contains("asks what does not belong to this command"), "{screen}");
        assert!(!screen.contains("asks: "), "{screen}");
    }
    let stage = Stage::saying(&asking("{\"new_password\":{\"account\":\"anna\"}}"));
    let terminal = at(&stage, "account passwd Anna --on vps");
    terminal.asks("vps asks: New password of `anna`:");
    terminal.types("correct horse");
    assert!(!terminal.shows("exit 0").contains("horse"));
}

#[test]
fn neither_memory_nor_time_without_end_is_given_to_a_host() {
    let start = Instant::now();
    for script in [
        // A greeting, a line, lines, an answer, an error message, each without end.
        "tr '\\0' x </dev/zero",
        "yes",
        "echo mailprov-greets=1; yes a=b",
        "cat \"$0.out\"; tr '\\0' x </dev/zero",
        "cat \"$0.out\"; printf '{\"out\":['; yes '{\"text\":\"\"},'",
        "tr '\\0' x </dev/zero | head -c 20000000 >&2",
    ] {
        let stage = Stage::playing(&(greeting(&[]) + &ready()), "", script);
        let (code, out, err) = stage.run(&["plan", "--quiet", "--on", "vps"]);
        assert_eq!(code, 1, "{script}: {}{}", out.len(), err.len());
        assert!(err.contains("error: "), "{script}");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

#[test]
fn only_a_file_that_was_asked_for_is_kept() {
    for text in ["echo owned", "{\"changes\":1}"] {
        let frames = format!("{{\"keep\":{}}}\n{{\"end\":0}}\n", json(text));
        let stage = Stage::saying(&frames);
        let (code, _, err) = stage.run(&["plan", "--out", "kept.plan", "--on", "vps"]);
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("is no plan"), "{err}");
        assert!(!stage.path("kept.plan").exists());
    }
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let stage = Stage::saying(&format!("{{\"keep\":{}}}\n{{\"end\":0}}\n", json(svg)));
    let (code, _, err) = stage.run(&["explain", "--svg", "ways.svg", "--on", "vps"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("is no picture of ours"), "{err}");
    assert!(!stage.path("ways.svg").exists());
    // Of what was not asked for, nothing is kept.
    let stage = Stage::saying("{\"keep\":\"x\"}\n{\"end\":0}\n");
    let (code, ..) = stage.run(&["plan", "--on", "vps"]);
    assert_eq!(code, 0);
}

#[test]
fn a_login_for_another_user_is_told_with_its_command_line() {
    let words = "Please login as the user \"debian\" rather than the user \"root\".\n\n";
    let stage = Stage::playing(words, "", "cat \"$0.out\"; sleep 10; exit 142");
    fs::write(stage.path("my mail.yml"), MAIL).unwrap();
    let ssh = ["--identity", "my key", "--ssh-option", "Compression=yes"];
    let bootstrap = ["bootstrap", "root@192.0.2.1:2222", "my mail.yml", "--yes"];
    let start = Instant::now();
    let (code, _, err) = stage.run(&[&bootstrap[..], &ssh].concat());
    assert_eq!(code, 1);
    for line in [
        "root@192.0.2.1:2222 says: Please login as the user \"debian\" rather than",
        "Log in as debian: mailprov bootstrap debian@192.0.2.1:2222 'my mail.yml' --sudo --identity \
         'my key' --ssh-option Compression=yes\n",
    ] {
        assert!(err.contains(line), "no `{line}`: {err}");
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    // Where a host says something else, or nothing, the same login is tried by hand.
    let stage = Stage::playing("Go away.\n", "", "cat \"$0.out\"");
    let (_, _, err) = stage.run(&[&["plan", "--on", "tom@vps:2222"], &ssh[..]].concat());
    for line in [
        "tom@vps:2222 says: Go away.\n",
        "See whether this works: ssh -o Compression=yes -i 'my key' -p 2222 tom@vps\n",
    ] {
        assert!(err.contains(line), "no `{line}`: {err}");
    }
}

const MAIL: &str = "\
hostname: mail.example.org
domains: [example.org]
accounts:
  anna: {password: \"{SHA512-CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/\"}
tls: {self_signed: true}
";

/// Appends to a mail.yml an account whose hash is in this file, and a certificate.
fn naming(hash: &Path, pair: &str) -> String {
    let mail = MAIL.replace("tls:", &format!("  bob: {{password_file: {}}}\ntls:", hash.display()));
    mail.replace("tls: {self_signed: true}", pair)
}

#[test]
fn files_to_send_are_listed_and_those_outside_need_a_yes() {
    let stage = Stage::saying("{\"end\":0}\n");
    let elsewhere = tempfile::tempdir().unwrap();
    let hash = MAIL.split('"').nth(1).unwrap();
    let far = elsewhere.path().join("bob");
    fs::write(&far, hash).unwrap();
    fs::write(stage.path("near"), hash).unwrap();
    fs::write(stage.path("mail.yml"), naming(Path::new("near"), "tls: {self_signed: true}"))
        .unwrap();
    let (code, out, err) = stage.run(&["plan", "mail.yml", "--on", "vps"]);
    assert_eq!(code, 0, "{out}{err}");
    let list =
        "Sent to vps:\n  mail.yml  → /etc/mailprov/mail.yml\n  near      → /etc/mailprov/near\n";
    assert!(err.contains(list), "{err}");

    std::os::unix::fs::symlink(&far, stage.path("link")).unwrap();
    for named in [far.as_path(), Path::new("link")] {
        fs::write(stage.path("mail.yml"), naming(named, "tls: {self_signed: true}")).unwrap();
        for command in [&["plan", "mail.yml"][..], &["check", "mail.yml"], &["dns", "mail.yml"]] {
            let on = [command, &["--on", "vps"]].concat();
            let (code, _, err) = stage.run(&on);
            assert_eq!(code, 64, "{err}");
            assert!(err.contains("(outside the folder of mail.yml)"), "{err}");
            assert!(err.contains("pass --yes"), "{err}");
            let (code, _, err) = stage.run(&[&on[..], &["--yes"]].concat());
            assert_eq!(code, 0, "{err}");
        }
    }
    let (_, out, _) = stage.run(&["plan", "mail.yml", "--yes", "--json", "--on", "vps"]);
    let line: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!((&line["event"], &line["outside"]), (&"sent".into(), &true.into()));
    // At a terminal it is asked.
    let line = format!("PATH='{}' {PROGRAM} plan mail.yml --on vps", stage.search_path());
    let terminal = Terminal::run(stage.0.path(), &line);
    terminal.asks("Send them? [y/N]");
    terminal.types("n");
    terminal.shows("Nothing was sent");
}

#[test]
fn no_file_is_sent_that_is_not_what_mail_yml_says() {
    // Whoever connected all the same would end well.
    let stage = Stage::saying("{\"end\":0}\n");
    let authority = Authority::new();
    let pair = authority.issue(&["mail.example.org"], Algorithm::Ec);
    let other = authority.issue(&["mail.example.org"], Algorithm::Ec);
    fs::write(stage.path("cert"), pair.chain_pem()).unwrap();
    fs::write(stage.path("key"), pair.key_pem()).unwrap();
    fs::write(stage.path("other"), other.key_pem()).unwrap();
    let key = stage.path("ssh");
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-f"];
    assert!(Command::new("ssh-keygen").args(arguments).arg(&key).status().unwrap().success());
    fs::write(stage.path("hash"), MAIL.split('"').nth(1).unwrap()).unwrap();
    let with = |certificate: &str, key: &str, hash: &str| {
        let path = |name: &str| stage.path(name).display().to_string();
        let tls = format!("tls: {{certificate: {}, key: {}}}", path(certificate), path(key));
        fs::write(stage.path("mail.yml"), naming(&stage.path(hash), &tls)).unwrap();
        stage.run(&["plan", "mail.yml", "--yes", "--on", "vps"])
    };
    let (code, _, err) = with("cert", "key", "hash");
    assert_eq!(code, 0, "{err}");
    for (certificate, key, hash, words) in [
        ("cert", "ssh", "hash", "holds no private key of a certificate"),
        ("cert", "other", "hash", "is not the key of the certificate"),
        ("ssh", "key", "hash", "holds no certificate"),
        ("cert", "key", "ssh", "is not one line of text"),
    ] {
        let (code, _, err) = with(certificate, key, hash);
        assert_eq!(code, 65, "{err}");
        assert!(err.contains(words) && err.contains("mail.yml:"), "{err}");
        assert!(!err.contains("PRIVATE KEY") && !err.contains("Sent to"), "{err}");
    }
}

#[test]
fn a_host_is_told_how_it_was_reached_and_a_question_keeps_no_other_waiting() {
    let words = "{\"out\":[{\"text\":\"words of quick\\n\"}]}\n{\"end\":0}\n";
    let stage = Stage::playing(
        "",
        "",
        "case \"$*\" in *'-- slow '*) it=$0.slow;; *) it=$0.quick; sleep 1;; esac\n\
         cat \"$it\"; cat >\"$it.heard\"",
    );
    let said = |name: &str, frames: &str| {
        fs::write(stage.path(name), greeting(&[]) + &ready() + frames).unwrap();
    };
    said("bin/ssh.slow", "{\"ask\":\"make_changes\"}\n{\"end\":0}\n");
    said("bin/ssh.quick", words);
    let line = format!(
        "PATH='{}' {PROGRAM} apply --sudo --identity 'my key' --on slow --on quick",
        stage.search_path()
    );
    let terminal = Terminal::run(stage.0.path(), &line);
    let screen = terminal.shows("quick: words of quick");
    assert!(screen.contains("slow asks: Make these changes? [y/N]"), "{screen}");
    terminal.asks("slow asks: Make these changes? [y/N]");
    // That the end was heard is said at once, not after the answer.
    let heard = || fs::read_to_string(stage.path("bin/ssh.quick.heard")).unwrap_or_default();
    wait_for("the end to be heard", || heard().ends_with("\"heard\"\n").then_some(()));
    terminal.types("n");
    terminal.shows("exit 0");
    let heard = heard();
    let request = heard.lines().find(|line| line.starts_with("{\"version\"")).unwrap();
    let request: serde_json::Value = serde_json::from_str(request).unwrap();
    let reach: Reach = serde_json::from_value(request["reach"].clone()).unwrap();
    assert_eq!(
        reach.command(&["check"]),
        "mailprov check --on slow --on quick --sudo --identity 'my key'"
    );
}

#[test]
fn a_pulled_file_is_shown_confirmed_and_private() {
    let parcel = |mail: &str, path: &str, text: &str| {
        let parcel = serde_json::json!({"name": "x", "text": mail, "files": {path: text}});
        format!("{{\"keep\":{}}}\n{{\"end\":0}}\n", json(&parcel.to_string()))
    };
    let hash = MAIL.split('"').nth(1).unwrap();
    let theirs = naming(Path::new("secrets/bob"), "tls: {self_signed: true}");
    let stage = Stage::saying(&parcel(&theirs, "secrets/bob", hash));
    fs::write(stage.path("mail.yml"), MAIL).unwrap();
    let (code, _, err) = stage.run(&["pull", "vps"]);
    assert_eq!(code, 64, "{err}");
    let (code, out, err) = stage.run(&["pull", "vps", "--yes"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("+   bob: {password_file: secrets/bob}"), "{out}");
    assert!(out.contains("secrets/bob\n") && !out.contains("$6$"), "{out}");
    for (file, text) in [("mail.yml", theirs.as_str()), ("secrets/bob", hash)] {
        assert_eq!(fs::read_to_string(stage.path(file)).unwrap(), text);
        let mode = fs::metadata(stage.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (code, _, err) = stage.run(&["pull", "vps", "--yes"]);
    assert!(code == 0 && err.contains("is as on vps already"), "{err}");
    // At a terminal a no leaves all as it is.
    let line = format!("PATH='{}' {PROGRAM} pull vps other.yml", stage.search_path());
    let terminal = Terminal::run(stage.0.path(), &line);
    terminal.asks("Write these files? [y/N]");
    terminal.types("n");
    terminal.shows("Nothing was written");
    assert!(!stage.path("other.yml").exists());
    // What the host would like to write elsewhere is not taken, nor what is no mail.yml.
    for (mail, path, text) in [
        (naming(Path::new("../bob"), "tls: {self_signed: true}"), "../bob", hash),
        (naming(Path::new("/tmp/bob"), "tls: {self_signed: true}"), "/tmp/bob", hash),
        (theirs.clone(), ".bashrc", hash),
        (theirs.clone(), "secrets/bob", "touch owned"),
        ("nonsense: 1\n".to_owned(), "x", hash),
    ] {
        let stage = Stage::saying(&parcel(&mail, path, text));
        let (code, out, err) = stage.run(&["pull", "vps", "--yes"]);
        assert_eq!(code, 65, "{out}{err}");
        assert!(!stage.path("mail.yml").exists() && !stage.path(path).exists());
    }
    // What commands a terminal is shown as what it is.
    let odd = theirs.clone() + "# \u{1b}]0;owned\u{7}\n";
    let stage = Stage::saying(&parcel(&odd, "secrets/bob", hash));
    let _ = stage.run(&["pull", "vps", "--yes"]);
    assert!(!stage.path("mail.yml").exists(), "no mail.yml holds such a sign");
}

#[test]
fn many_hosts_are_worked_on_a_few_at_a_time() {
    // Each counts itself and those that are at work besides, and fails.
    let script = "mkdir -p \"$0.work\"; touch \"$0.work/$$\"; ls \"$0.work\" | wc -l >>\"$0.seen\"; \
                  sleep 0.5; rm \"$0.work/$$\"";
    let hosts = ["a", "b", "c", "d", "e"].map(|host| ["--on", host]).concat();
    for (forks, most) in [("2", 2), ("5", 5)] {
        let stage = Stage::playing("", "", script);
        let (code, _, err) = stage.run(&[&["history", "--forks", forks], &hosts[..]].concat());
        assert_eq!(code, 1, "{err}");
        let seen = fs::read_to_string(stage.path("bin/ssh.seen")).unwrap();
        let seen: Vec<usize> = seen.lines().map(|it| it.trim().parse().unwrap()).collect();
        assert_eq!(seen.len(), hosts.len() / 2, "each host is asked: {seen:?}");
        assert!(seen.iter().all(|it| *it <= most), "{seen:?}");
        assert!(*seen.iter().max().unwrap() > 1, "{seen:?}");
    }
}
