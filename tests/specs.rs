//! Every rule of `mail.yml`, one a file: `tests/specs/invalid/RULE.yml` beside
//! the exact errors it must get (`RULE.txt`), `tests/specs/valid/RULE.yml`
//! beside what templates then see of what the rule is about (`RULE.json`): a key
//! that it does not name may have any value, and a list of objects may have more
//! of them. Only `everything.json` is whole, so that a new key is seen once.
//!
//! `UPDATE_SPECS=1 cargo test --test specs` writes the expectations anew, with the
//! keys that they name; a new case gets all of them, to be cut down to those that
//! it is about. Read the difference before committing it.

#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailprov::diagnostic::{Diagnostic, Source};
use mailprov::host::{Facts, Host};
use mailprov::mail::Files;
use mailprov::services::self_service::OwnPasswords;
use mailprov::services::{self, Spec};
use serde_json::{Map, Value};

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
    services::load(&Arc::new(Source { name, text }), &Files::beside(path.parent().unwrap()))
}

/// The facts of a host with enough memory.
fn facts() -> Facts {
    let tree = tempfile::tempdir().unwrap();
    let keys = serde_json::json!({
        "example.org": "m202611",
        "example.net": "m202611",
        "ed25519": {"example.org": "e202611"},
    });
    Facts {
        small: false,
        of_services: [("dkim", keys)].into(),
        ..services::facts(&Host::open(tree.path()).unwrap()).unwrap()
    }
}

/// The case whose expectation names all that templates see.
const WHOLE: &str = "everything.json";

/// What tells the objects of a list apart.
const NAMES: [&str; 6] = ["address", "login", "name", "service", "domain", "port"];

/// Returns what was found as far as an expectation names it. What is to be empty
/// is named whole.
fn named(expected: &Value, found: &Value) -> Value {
    match (expected, found) {
        (Value::Object(expected), _) if expected.is_empty() => found.clone(),
        (Value::Array(expected), _) if expected.is_empty() => found.clone(),
        (Value::Object(expected), Value::Object(found)) => {
            let both = expected.iter().filter_map(|(key, it)| Some((key, it, found.get(key)?)));
            let both = both.map(|(key, it, found)| (key.clone(), named(it, found)));
            Value::Object(both.collect::<Map<_, _>>())
        }
        (Value::Array(expected), Value::Array(found)) if expected.iter().all(Value::is_object) => {
            // In the order in which they were found.
            let is_meant = |it: &Value, found: &Value| {
                let name = NAMES.iter().find(|name| it.get(name).is_some());
                let name = name.unwrap_or_else(|| panic!("none of {NAMES:?} is in {it}"));
                it.get(name) == found.get(name)
            };
            let meant = found.iter().filter_map(|found| {
                Some(named(expected.iter().find(|it| is_meant(it, found))?, found))
            });
            Value::Array(meant.collect())
        }
        _ => found.clone(),
    }
}

/// Writes a value with each list and object on one line where it fits.
fn pretty(value: &Value, indent: usize) -> String {
    let flat = value.to_string();
    let (open, close, parts): (_, _, Vec<_>) = match value {
        Value::Array(list) => ('[', ']', list.iter().map(|it| pretty(it, indent + 2)).collect()),
        Value::Object(map) => {
            let part =
                |(key, it)| format!("{}: {}", Value::from(key as &str), pretty(it, indent + 2));
            ('{', '}', map.iter().map(part).collect())
        }
        _ => return flat,
    };
    if indent > 0 && indent + flat.len() <= 100 {
        return flat;
    }
    let lines = parts.join(&format!(",\n{}", " ".repeat(indent + 2)));
    format!("{open}\n{0:1$}{lines}\n{0:2$}{close}", "", indent + 2, indent)
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
                let context = spec.context(&facts(), &OwnPasswords::default());
                for secret in SECRETS {
                    assert!(!format!("{spec:?}").contains(secret), "{}", case.display());
                    assert!(!format!("{context:?}").contains(secret), "{}", case.display());
                }
                let mut context = serde_json::to_value(&context).unwrap();
                let beside = case.with_extension("json");
                if !beside.ends_with(WHOLE)
                    && let Ok(expected) = fs::read_to_string(&beside)
                {
                    context = named(&serde_json::from_str(&expected).unwrap(), &context);
                }
                expect(&beside, &(pretty(&context, 0) + "\n"), &mut wrong);
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
fn an_expectation_asserts_what_it_names() {
    let found = serde_json::json!({
        "list": [{"name": "a", "x": [1]}, {"name": "b", "x": [2, 3]}], "one": 1, "two": [1, 2]
    });
    let is_met = |expected: Value| named(&expected, &found) == expected;
    assert!(is_met(serde_json::json!({"list": [{"name": "b", "x": [2, 3]}], "one": 1})));
    for wrong in [
        serde_json::json!({"one": 2}),
        serde_json::json!({"three": 3}),
        serde_json::json!({"two": [1]}),
        serde_json::json!({"list": [{"name": "b", "x": [2]}]}),
        serde_json::json!({"list": [{"name": "c"}]}),
        serde_json::json!({"list": []}),
        serde_json::json!({"list": [{"name": "b"}, {"name": "a"}]}),
    ] {
        assert!(!is_met(wrong.clone()), "{wrong}");
    }
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
