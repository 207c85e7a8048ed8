//! Every rule of `mail.yml`, one a file: `tests/specs/invalid/RULE.yml` beside
//! the exact errors it must get (`RULE.txt`), `tests/specs/valid/RULE.yml`
//! beside what templates then see (`RULE.json`).
//!
//! `UPDATE_SPECS=1 cargo test --test specs` writes the expectations anew; read
//! the difference before committing it.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailprov::diagnostic::{Diagnostic, Source};
use mailprov::mail::{self, Files, Spec};

/// Every password in these files is this word, every hash has this salt.
const SECRETS: [&str; 2] = ["hunter2", "saltsalt"];

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs").join(kind)
}

fn cases(kind: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(folder(kind)).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "yml")).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn load(path: &Path) -> Result<Spec, Vec<Diagnostic>> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    mail::load(&Arc::new(Source { name, text }), &Files::beside(path.parent().unwrap()))
}

/// Compares with the file beside the case, or writes it when asked to.
fn expect(path: &Path, found: &str, wrong: &mut Vec<String>) {
    if std::env::var_os("UPDATE_SPECS").is_some() {
        fs::write(path, found).unwrap();
        return;
    }
    let name = path.display();
    match fs::read_to_string(path) {
        Ok(expected) if expected == found => {}
        Ok(expected) => wrong.push(format!("{name}\n--- expected\n{expected}--- found\n{found}")),
        Err(_) => wrong.push(format!("{name} is missing\n--- found\n{found}")),
    }
}

#[test]
fn each_invalid_spec_gets_its_errors_and_shows_no_secret() {
    let mut wrong = Vec::new();
    for case in cases("invalid") {
        let Err(mistakes) = load(&case) else {
            wrong.push(format!("{} is accepted", case.display()));
            continue;
        };
        let shown: String = mistakes.iter().map(|mistake| mistake.render(false) + "\n\n").collect();
        let shown = shown.replace(env!("CARGO_MANIFEST_DIR"), "…");
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{}:\n{shown}", case.display());
            assert!(!format!("{mistakes:?}").contains(secret), "{}", case.display());
        }
        expect(&case.with_extension("txt"), &shown, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_valid_spec_means_what_is_beside_it() {
    let mut wrong = Vec::new();
    for case in cases("valid") {
        match load(&case) {
            Ok(spec) => {
                let spec = Arc::new(spec);
                let context = spec.context();
                for secret in SECRETS {
                    assert!(!format!("{spec:?}").contains(secret), "{}", case.display());
                    assert!(!format!("{context:?}").contains(secret), "{}", case.display());
                }
                let context = serde_json::to_string_pretty(&context).unwrap() + "\n";
                expect(&case.with_extension("json"), &context, &mut wrong);
            }
            Err(mistakes) => {
                let shown: Vec<String> = mistakes.iter().map(|m| m.render(false)).collect();
                wrong.push(format!("{} is refused\n{}", case.display(), shown.join("\n")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_expectation_is_left_without_its_case() {
    for (kind, ending) in [("invalid", "txt"), ("valid", "json")] {
        for entry in fs::read_dir(folder(kind)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == ending) {
                assert!(path.with_extension("yml").exists(), "{}", path.display());
            }
        }
    }
}
