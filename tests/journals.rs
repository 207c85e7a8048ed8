//! Every later version reads the journals and the saved plans of this one:
//! those of a real host, kept under `tests/fixtures/journal-1`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-1")
}

fn mailprov(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailprov"));
    command.arg("--root").arg(root).args(arguments).output().unwrap()
}

fn said(arguments: &[&str]) -> String {
    let output = mailprov(&fixture(), arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_runs_of_version_1_are_listed() {
    let history = said(&["history"]);
    let lines: Vec<_> = history.lines().collect();
    let [last, first] = lines[..] else { panic!("{history}") };
    assert!(last.contains("apply by root, 15 changes: applied"), "{last}");
    assert!(first.contains("apply by root, 48 changes: applied"), "{first}");
}

#[test]
fn what_a_run_of_version_1_changed_is_shown() {
    let first = said(&["history", "1"]);
    for key in [
        "backup:/etc/aliases",
        "package:postfix",
        "group:vmail",
        "user:vmail",
        "file:/var/vmail",
        "certificate:/etc/ssl/certs/mailprov.pem",
        "file:/etc/dovecot/users",
        "table:/etc/postfix/virtual",
        "service:dovecot",
    ] {
        assert!(first.contains(key), "{key}: {first}");
    }
    let second = said(&["history", "2"]);
    assert!(second.contains("+ protocols = imap lmtp"), "{second}");
    assert!(second.contains("- protocols = imap pop3 lmtp"), "{second}");
}

#[test]
fn a_saved_plan_of_version_1_is_shown() {
    let plan = fixture().join("plan.json");
    let shown = said(&["plan", "--show", plan.to_str().unwrap()]);
    assert!(shown.contains("~ file:/etc/postfix/main.cf  content"), "{shown}");
    assert!(shown.contains("15 changes"), "{shown}");
}

#[test]
fn a_journal_of_a_version_to_come_is_refused() {
    let tree = tempfile::tempdir().unwrap();
    let run = tree.path().join("var/lib/mailprov/runs/1");
    fs::create_dir_all(&run).unwrap();
    let text = fs::read_to_string(fixture().join("var/lib/mailprov/runs/1/journal")).unwrap();
    fs::write(run.join("journal"), text.replacen("\"version\":1", "\"version\":2", 1)).unwrap();
    let output = mailprov(tree.path(), &["history"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("was written by a later version of mailprov"), "{stderr}");
}
