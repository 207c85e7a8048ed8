//! Mistakes in a playbook of a person's own are reported like those in
//! mail.yml: where, what, and what would be right.
//!
//! Each `tests/playbooks/invalid/NAME.yml` breaks one rule; beside it lies what
//! is said about it. `UPDATE_EXPECTED=1` writes that anew.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn each_mistake_in_a_playbook_is_shown_at_its_place_with_a_remedy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks/invalid");
    let tree = tempfile::tempdir().unwrap();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yml"))
        .collect();
    names.sort();
    assert!(names.len() >= 15, "{names:?}");
    let mut wrong = String::new();
    for name in names {
        let output = Command::new(env!("CARGO_BIN_EXE_mailprov"))
            .args(["plan", "--playbook", &name, "--root"])
            .arg(tree.path())
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{name}: {said}");
        assert!(output.stdout.is_empty(), "{name}");
        // The place, and the line itself with a mark under it.
        assert!(said.contains(&format!("{name}:")) && said.contains('^'), "{name}: {said}");
        assert!(said.contains("= help: "), "{name}: {said}");
        let expected = folder.join(&name).with_extension("txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            wrong += &format!("{name}:\n{said}\n");
        }
    }
    assert!(wrong.is_empty(), "other than expected:\n{wrong}");
}
