//! Every later version reads the journals and the saved plans of this one:
//! those of a real host, kept under `tests/fixtures/journal-1`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mailprov::engine::{self, Outcome};
use mailprov::host::Host;
use tempfile::TempDir;

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
fn the_changes_of_a_run_of_version_1_are_shown() {
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

/// Copies the contents and the last run of version 1 into a tree, its journal cut
/// off after so many bytes.
fn cut_off(bytes: usize) -> (TempDir, Host) {
    let tree = tempfile::tempdir().unwrap();
    let ours = "var/lib/mailprov";
    for folder in ["contents", "runs/2"] {
        let (from, to) = (fixture().join(ours).join(folder), tree.path().join(ours).join(folder));
        fs::create_dir_all(&to).unwrap();
        for file in fs::read_dir(from).unwrap().flatten() {
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    for (name, line) in [("passwd", "root:x:0:0::/:/bin/sh\n"), ("group", "root:x:0:\n")] {
        fs::create_dir_all(tree.path().join("etc")).unwrap();
        fs::write(tree.path().join("etc").join(name), line).unwrap();
    }
    let journal = tree.path().join(ours).join("runs/2/journal");
    fs::File::options().write(true).open(journal).unwrap().set_len(bytes as u64).unwrap();
    let host = Host::open(tree.path()).unwrap();
    (tree, host)
}

#[test]
fn a_run_that_was_cut_off_at_any_byte_can_be_settled_and_keeps_its_records() {
    let journal = fs::read(fixture().join("var/lib/mailprov/runs/2/journal")).unwrap();
    let end = journal.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    // All of the first lines, then the ends and the middles of others.
    for bytes in (0..500).chain((500..end).step_by(97)).chain([end - 1, end, end + 9]) {
        let (_tree, host) = cut_off(bytes);
        let run = |host| engine::runs(host).unwrap().pop().unwrap();
        let before = run(&host);
        assert!(before.is_cut_off(), "{bytes}");
        before.settle(&host).unwrap();
        let after = run(&host);
        assert_eq!(after.outcome, Some(Outcome::Settled), "{bytes}");
        assert_eq!(format!("{:?}", after.records), format!("{:?}", before.records), "{bytes}");
    }
}
