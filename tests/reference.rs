//! The documentation says what the program knows: its tables of keys are made
//! from those that the decoders and the schemas read, and its links lead
//! somewhere.
//!
//! A table stands between a line `<!-- keys: WAY -->`, the way to its keys, and
//! `<!-- end of keys -->`. `UPDATE_REFERENCE=1 cargo test --test reference`
//! writes all of them anew; read the difference before committing it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mailprov::check;
use mailprov::finding::Rule;
use mailprov::yaml::{KeySpec, Section, ValueType};
use mailprov::{resource, services};

/// At the begin of a line, since the text speaks of it as well.
const BEGIN: &str = "\n<!-- keys: ";
const END: &str = "<!-- end of keys -->";

/// Finds all maps of known keys, each with the way to it.
fn sections(way: &str, here: &'static Section, found: &mut Vec<(String, &'static Section)>) {
    found.push((way.to_owned(), here));
    for key in here.keys {
        if let Some(inner) = key.value_type.section() {
            sections(&format!("{way}.{}", key.name), inner, found);
        }
    }
}

/// Everything that there must be a table of.
fn all() -> Vec<(String, &'static Section)> {
    let mut found = Vec::new();
    sections("mail.yml", &services::MAIL_YML, &mut found);
    for kind in resource::KINDS {
        if let Some(section) = kind.value_type.section() {
            sections(kind.name, section, &mut found);
        }
    }
    found
}

/// All documents by their paths in the repository.
fn documents() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for folder in ["", "src/manual", "playbooks", "tests"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(root).unwrap().to_owned(), text);
            }
        }
    }
    assert!(found.len() >= 6, "{:?}", found.keys());
    found
}

/// Returns the lines of a document that are not within a block of code.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Returns what a link to a heading ends in, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let letters = heading.to_lowercase().replace(' ', "-");
    letters.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

/// Returns the heading that a table stands under, if a document has it.
fn heading<'a>(text: &'a str, way: &str) -> Option<&'a str> {
    let place = text.find(&format!("{BEGIN}{way} -->"))?;
    let line = text[..place].lines().rev().find(|line| line.starts_with('#'))?;
    Some(line.trim_start_matches('#').trim())
}

/// Returns the way from one document to another, both in the repository or one
/// folder below it.
fn relative(from: &Path, to: &Path) -> String {
    match (from == to, from.components().count()) {
        (true, _) => String::new(),
        (false, 1) => to.display().to_string(),
        (false, _) => format!("../{}", to.display()),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Returns what may stand under a key, in a word or two.
fn words(shape: &ValueType) -> String {
    match shape {
        ValueType::Text | ValueType::Pattern(_) | ValueType::OneOf(_) => "text".to_owned(),
        ValueType::Boolean => "boolean".to_owned(),
        ValueType::Number => "number".to_owned(),
        ValueType::List(_) | ValueType::NonEmptyList(_) => "list".to_owned(),
        ValueType::Map(_) | ValueType::NonEmptyMap(_) | ValueType::Section(_) => "map".to_owned(),
        ValueType::Either(shapes) => {
            let mut all: Vec<_> = shapes.iter().map(words).collect();
            all.dedup();
            all.join(" or ")
        }
    }
}

/// Writes a table for a document. Where another part, or document, tells more
/// of a key, it leads there.
fn table(
    way: &str,
    section: &Section,
    here: &Path,
    documents: &BTreeMap<PathBuf, String>,
) -> String {
    let own = heading(&documents[here], way);
    let more = |key: &KeySpec| {
        let way = format!("{way}.{}", key.name);
        let found = |path: &PathBuf| heading(&documents[path], &way).map(|it| (path.clone(), it));
        let (path, heading) =
            found(&here.to_owned()).or_else(|| documents.keys().find_map(found))?;
        let is_next = path == here && own == Some(heading);
        let place = format!("{}#{}", relative(here, &path), anchor(heading));
        (!is_next).then(|| format!(" See [{heading}]({place})."))
    };
    let row = |key: &KeySpec| {
        let default = match section.required.contains(&key.name) {
            true => "required",
            false => key.default,
        };
        let about = key.about.to_owned() + &more(key).unwrap_or_default();
        let default =
            if default.is_empty() { String::new() } else { format!("{} ", cell(default)) };
        format!("| `{}` | {} | {default}| {} |\n", key.name, words(&key.value_type), cell(&about))
    };
    let rows: String = section.keys.iter().map(row).collect();
    format!("| key | type | default | meaning |\n|---|---|---|---|\n{rows}")
}

#[test]
fn the_documentation_says_what_the_program_knows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (documents, known) = (documents(), all());
    let mut everywhere = BTreeSet::new();
    for (path, text) in &documents {
        let (mut written, mut seen) = (String::new(), BTreeSet::new());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let (way, after) = after.split_once(" -->").unwrap();
            let (_, after) = after.split_once(END).unwrap_or_else(|| panic!("{way} has no end"));
            let section = known.iter().find(|(known, _)| known == way);
            let (_, section) = section.unwrap_or_else(|| panic!("there are no keys `{way}`"));
            let table = table(way, section, path, &documents);
            written += &format!("{before}{BEGIN}{way} -->\n{table}{END}");
            assert!(seen.insert(way.to_owned()), "`{way}` is twice in {}", path.display());
            rest = after;
        }
        written += rest;
        everywhere.extend(seen);
        let differs = text.lines().zip(written.lines()).find(|(old, new)| old != new);
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            fs::write(root.join(path), &written).unwrap();
        } else if let Some((old, new)) = differs {
            let path = path.display();
            panic!("{path} says\n{old}\nand the program\n{new}\nUPDATE_REFERENCE=1 writes it anew");
        } else {
            assert_eq!(text, &written);
        }
    }
    let wanted: BTreeSet<String> = known.iter().map(|(way, _)| way.clone()).collect();
    assert_eq!(everywhere, wanted, "a table for each");
}

/// Where the table of findings stands.
const FINDINGS: (&str, &str) = ("<!-- findings -->\n", "<!-- end of findings -->");

#[test]
fn every_finding_is_documented_by_its_id() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/json.md");
    let text = fs::read_to_string(&path).unwrap();
    let rules = check::rules();
    let ids: BTreeSet<_> = rules.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules.len(), "an id is used twice");
    let row = |rule: &&'static Rule| {
        let title = rule.title.replace("{}", "…");
        format!("| `{}` | {} | {} |\n", rule.id, cell(&title), cell(rule.reason))
    };
    let rows: String = rules.iter().map(row).collect();
    let table = format!("| id | looked at | why |\n|---|---|---|\n{rows}");
    let (before, rest) = text.split_once(FINDINGS.0).unwrap();
    let (old, after) = rest.split_once(FINDINGS.1).unwrap();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(path, format!("{before}{}{table}{}{after}", FINDINGS.0, FINDINGS.1)).unwrap();
    } else {
        assert_eq!(old, table, "UPDATE_REFERENCE=1 writes it anew");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents();
    let mut seen = 0;
    for (path, text) in &documents {
        for (line, link) in lines(text).flat_map(|line| {
            let ends = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
            ends.map(move |(link, _)| (line, link))
        }) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().unwrap();
            let to = match file {
                "" => path.clone(),
                file => match file.strip_prefix("../") {
                    Some(file) => folder.parent().unwrap().join(file),
                    None => folder.join(file),
                },
            };
            assert!(root.join(&to).exists(), "{}: {link} in\n{line}", path.display());
            if part.is_empty() {
                continue;
            }
            let text = documents.get(&to).unwrap_or_else(|| panic!("{}: {link}", path.display()));
            let mut headings = lines(text).filter(|line| line.starts_with('#'));
            let is_there = headings.any(|line| anchor(line.trim_start_matches('#').trim()) == part);
            assert!(is_there, "{}: {link} leads to no heading, in\n{line}", path.display());
        }
    }
    assert!(seen > 30, "only {seen} links were found");
}
