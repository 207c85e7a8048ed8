//! The JSON Schemas tell what the decoders take: every valid file of the
//! corpus fits, every one whose keys or shapes are wrong does not, and at each
//! place both know the same keys. Judged by Debian's `python3-jsonschema`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use mailprov::diagnostic::Source;
use mailprov::mail::Files;
use mailprov::{playbook, services};
use serde_json::{Value, json};

/// Reads a schema and instances from standard input, prints the message of the
/// first error of each, or `null`.
const JUDGE: &str = "
import json, sys, jsonschema
schema, instances = json.load(sys.stdin)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
first = lambda it: next((error.message for error in validator.iter_errors(it)), None)
json.dump([first(it) for it in instances], sys.stdout)
";

/// Judges instances by a schema: the first error of each.
fn judge(schema: &Value, instances: &[Value]) -> Vec<Option<String>> {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", JUDGE]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python3 (see tests/packages.sh)");
    let input = json!([schema, instances]).to_string();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "is python3-jsonschema installed? (see tests/packages.sh)");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "yml")).collect();
    files.sort();
    files
}

/// Reads YAML as an editor does, where it is YAML.
fn read(path: &Path) -> Option<Value> {
    let text = String::from_utf8(fs::read(path).unwrap()).ok()?;
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text.trim_start_matches('\u{feff}'), options).ok()
}

/// The words of an error about a key or a shape, which a schema can know.
const SHAPE_ERRORS: [&str; 5] =
    ["unknown key", "` is missing", "expected a ", "expected `true`", "no domain is listed"];

/// What only the decoder can know, though its words are those: a null where
/// the key is at fault, a secret in place of a key.
fn knows(errors: &str) -> bool {
    SHAPE_ERRORS.iter().any(|words| errors.contains(words))
}

#[test]
fn every_valid_spec_fits_the_schema_and_none_whose_shape_is_wrong() {
    let valid = files("tests/specs/valid");
    let instances: Vec<Value> = valid.iter().map(|path| read(path).unwrap()).collect();
    for (path, error) in valid.iter().zip(judge(&services::schema(), &instances)) {
        assert_eq!(error, None, "{}", path.display());
    }
    let wrong: Vec<(PathBuf, Value)> = files("tests/specs/invalid")
        .into_iter()
        .filter(|path| knows(&fs::read_to_string(path.with_extension("txt")).unwrap()))
        .filter_map(|path| read(&path).map(|value| (path, value)))
        .collect();
    assert!(wrong.len() > 10, "only {}", wrong.len());
    let instances: Vec<Value> = wrong.iter().map(|(_, value)| value.clone()).collect();
    for ((path, _), error) in wrong.iter().zip(judge(&services::schema(), &instances)) {
        assert!(error.is_some(), "{} fits", path.display());
    }
}

#[test]
fn every_playbook_fits_the_schema_and_none_whose_shape_is_wrong() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let good = ["playbooks/postmaster/playbook.yml", "tests/playbooks/web-notes/playbook.yml"];
    let mut instances: Vec<Value> =
        good.iter().map(|name| read(&folder.join(name)).unwrap()).collect();
    let shapes =
        ["unknown-key", "no-name", "two-kinds", "unknown-kind", "not-a-list", "command-line"];
    for shape in shapes {
        instances.push(read(&folder.join(format!("tests/playbooks/invalid/{shape}.yml"))).unwrap());
    }
    let verdicts = judge(&playbook::schema(), &instances);
    for (index, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict.is_none(), index < good.len(), "{index}: {verdict:?}");
    }
}

/// Finds the maps of a schema whose keys are known, each with the way to it.
fn maps(schema: &Value, way: Vec<String>, found: &mut Vec<(Vec<String>, BTreeSet<String>)>) {
    if let Some(properties) = schema["properties"].as_object() {
        found.push((way.clone(), properties.keys().cloned().collect()));
        for (key, schema) in properties {
            maps(schema, [&way[..], std::slice::from_ref(key)].concat(), found);
        }
    }
    if schema["additionalProperties"].is_object() {
        maps(&schema["additionalProperties"], [&way[..], &["name".into()]].concat(), found);
    }
}

#[test]
fn at_each_place_schema_and_decoder_know_the_same_keys() {
    let mut found = Vec::new();
    maps(&services::schema(), Vec::new(), &mut found);
    let ways: Vec<String> = found.iter().map(|(way, _)| way.join(".")).collect();
    assert_eq!(ways, ["", "accounts.name", "extra", "relay", "services"]);
    for (way, keys) in found {
        let text = way
            .iter()
            .rfold("{zzzzzzzzzzzz: 1}".to_owned(), |text, key| format!("{{{key}: {text}}}"));
        let source = Arc::new(Source { name: "mail.yml".into(), text });
        let mistakes = services::load(&source, &Files::beside(Path::new(""))).unwrap_err();
        let known =
            mistakes.iter().filter_map(|it| it.help.as_deref()?.strip_prefix("known here: "));
        let known: BTreeSet<String> =
            known.flat_map(|list| list.split(", ")).map(|key| key.replace('`', "")).collect();
        assert_eq!(known, keys, "{way:?}");
    }
}

#[test]
fn every_key_says_what_it_is_and_the_reference_has_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (schema, document) in [
        (services::schema(), "src/manual/mail.yml.md"),
        (playbook::schema(), "playbooks/README.md"),
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let mut names = Vec::new();
        described(&schema, &mut names);
        assert!(names.len() > 20);
        for name in names {
            let forms = [format!("`{name}`"), format!("`{{{name}: ")];
            let is_there = forms.iter().any(|form| text.contains(form));
            assert!(is_there, "`{name}` is not in {document}");
        }
    }
}

/// Collects the keys of a schema, each of which must be described.
fn described(schema: &Value, names: &mut Vec<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            let about = property["description"].as_str().unwrap_or_default();
            assert!(about.ends_with('.') || about.ends_with('`'), "{name}: {about}");
            names.push(name.clone());
        }
    }
    match schema {
        Value::Object(map) => map.values().for_each(|value| described(value, names)),
        Value::Array(items) => items.iter().for_each(|item| described(item, names)),
        _ => {}
    }
}
