//! Hosts that mean harm to whoever sits at the laptop: an `ssh` that plays one.
//! Real ones do not say such things.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

#[path = "support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mailprov::wire;
use support::Terminal;
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
fn what_is_kept_is_what_was_asked_for() {
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
