//! README's reference says what the program knows: its tables of keys are made
//! from those that the decoders and the schemas read.
//!
//! A table stands below a line `<!-- keys: WAY -->`, the way to its keys, and
//! above `<!-- end of keys -->`. `UPDATE_REFERENCE=1 cargo test --test
//! reference` writes all of them anew; read the difference before committing
//! it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailprov::yaml::{KeySpec, Section, ValueType};
use mailprov::{mail, resource};

/// At the begin of a line, since README speaks of it as well.
const BEGIN: &str = "\n<!-- keys: ";
const END: &str = "<!-- end of keys -->";

/// Returns the map of known keys that a shape has somewhere.
fn section(shape: &ValueType) -> Option<&'static Section> {
    match shape {
        ValueType::Section(section) => Some(section),
        ValueType::List(of)
        | ValueType::NonEmptyList(of)
        | ValueType::Map(of)
        | ValueType::NonEmptyMap(of) => section(of),
        ValueType::Either(shapes) => shapes.iter().find_map(section),
        _ => None,
    }
}

/// Finds all maps of known keys, each with the way to it.
fn sections(way: &str, here: &'static Section, found: &mut Vec<(String, &'static Section)>) {
    found.push((way.to_owned(), here));
    for key in here.keys {
        if let Some(inner) = self::section(&key.value_type) {
            sections(&format!("{way}.{}", key.name), inner, found);
        }
    }
}

/// Everything that README must have a table of.
fn all() -> Vec<(String, &'static Section)> {
    let mut found = Vec::new();
    sections("mail.yml", &mail::KEYS, &mut found);
    for kind in resource::KINDS {
        if let Some(section) = section(&kind.value_type) {
            sections(kind.name, section, &mut found);
        }
    }
    found
}

/// Returns the heading that a place in a text stands under.
fn heading(text: &str, place: usize) -> &str {
    let line = text[..place].lines().rev().find(|line| line.starts_with("##")).unwrap();
    line.trim_start_matches('#').trim()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Writes a table. Where another part of README tells more of a key, it leads
/// there.
fn table(way: &str, section: &Section, readme: &str) -> String {
    let row = |key: &KeySpec| {
        let default = match section.required.contains(&key.name) {
            true => "required",
            false => key.default,
        };
        let mut about = key.about.to_owned();
        if let Some(place) = readme.find(&format!("{BEGIN}{way}.{} -->", key.name)) {
            let heading = heading(readme, place);
            let anchor = heading.to_lowercase().replace(' ', "-");
            if heading != self::heading(readme, readme.find(&format!("{BEGIN}{way} -->")).unwrap())
            {
                about += &format!(" See [{heading}](#{anchor}).");
            }
        }
        let default =
            if default.is_empty() { String::new() } else { format!("{} ", cell(default)) };
        format!("| `{}` | {default}| {} |\n", key.name, cell(&about))
    };
    let rows: String = section.keys.iter().map(row).collect();
    format!("| key | default | what it says |\n|---|---|---|\n{rows}")
}

#[test]
fn the_reference_says_what_the_program_knows() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let known = all();
    let (mut written, mut seen) = (String::new(), BTreeSet::new());
    let mut rest = readme.as_str();
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (way, after) = after.split_once(" -->").unwrap();
        let (_, after) = after.split_once(END).unwrap_or_else(|| panic!("{way} has no end"));
        let section = known.iter().find(|(known, _)| known == way);
        let (_, section) = section.unwrap_or_else(|| panic!("there are no keys `{way}`"));
        let table = table(way, section, &readme);
        written += &format!("{before}{BEGIN}{way} -->\n{table}{END}");
        assert!(seen.insert(way.to_owned()), "`{way}` is there twice");
        rest = after;
    }
    written += rest;
    let wanted: BTreeSet<String> = known.iter().map(|(way, _)| way.clone()).collect();
    assert_eq!(seen, wanted, "a table for each");
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &written).unwrap();
    } else if let Some((old, new)) = readme.lines().zip(written.lines()).find(|(a, b)| a != b) {
        panic!("README.md says\n{old}\nand the program\n{new}\nUPDATE_REFERENCE=1 writes it anew");
    } else {
        assert_eq!(readme, written);
    }
}
