//! The house keeps its order: each room imports only from floors below its
//! own, and no file outgrows its reader.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by floor, the ground floor first.
const FLOORS: &[&[&str]] = &[
    &["diagnostic", "diff", "digest", "fault", "finding", "manual", "reach", "secret", "visible"],
    &["local"],
    &["command_error", "explain", "wire", "yaml"],
    &["host", "mail"],
    &["probe", "resource"],
    &["playbook"],
    &["engine"],
    &["services"],
    &["check", "report", "sandbox"],
    &["remote"],
    &["cli", "commands", "main"],
];

/// Nobody reads a longer file to its end.
const MOST_LINES: usize = 500;

/// Returns all source files with their texts.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50, "only {} files were found", found.len());
    found
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.strip_prefix(root).unwrap().to_owned(), text));
        }
    }
}

/// Returns the room that a file is in: its folder, or the file itself.
fn room(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("the room `{room}` is on no floor; add it to FLOORS"))
}

/// Returns the rooms that a text imports from, each with its line number. Of
/// `use crate::{a, b}` each; unit tests may look anywhere.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap();
        for root in ["crate::", "mailprov::"] {
            for (at, _) in line.match_indices(root) {
                let rest = &line[at + root.len()..];
                let names = match rest.strip_prefix('{') {
                    Some(list) => list.split(',').collect(),
                    None => vec![rest],
                };
                for name in names {
                    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    let name = name.trim();
                    let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
                    if end > 0 {
                        found.push((index + 1, name[..end].to_owned()));
                    }
                }
            }
        }
    }
    found
}

#[test]
fn imports_are_seen_however_they_are_written() {
    let text = "use crate::host::Host;\nuse crate::{mail, yaml::Node};\nlet it = crate::diff::x();\n\
                // use crate::report\n#[cfg(test)]\nuse crate::engine;\n";
    let found: Vec<_> = imports(text).into_iter().map(|(_, room)| room).collect();
    assert_eq!(found, ["host", "mail", "yaml", "diff"]);
}

#[test]
fn each_room_imports_only_from_floors_below_its_own() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = room(&path);
        if own == "lib" {
            continue;
        }
        for (line, other) in imports(&text) {
            let is_below = floor(&other) < floor(&own);
            let is_top = floor(&own) == FLOORS.len() - 1 && floor(&other) == floor(&own);
            if other != own && !is_below && !is_top {
                wrong.push(format!("src/{}:{line}: {own} imports {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_doors_open_paths_and_start_processes() {
    const DEEDS: [&str; 9] = [
        "fs::read(",
        "fs::read_to_string(",
        "fs::write(",
        "fs::create_dir",
        "fs::remove_",
        "File::open",
        "File::create",
        "File::options",
        "duct::",
    ];
    let mut seen_in_doors = 0;
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (index, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap();
            let is_deed = |deed: &str| {
                line.match_indices(deed)
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            };
            if !DEEDS.into_iter().any(is_deed) {
                continue;
            }
            match room(&path).as_str() {
                "host" | "local" | "remote" | "sandbox" => seen_in_doors += 1,
                _ => wrong.push(format!("src/{}:{}: {}", path.display(), index + 1, line.trim())),
            }
        }
    }
    assert!(seen_in_doors > 5, "the doors are not seen: {seen_in_doors}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_longer_than_a_reader_s_patience() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(path, text)| format!("src/{}: {} lines", path.display(), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
