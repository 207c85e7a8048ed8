//! The house keeps its order: each room imports only from floors below its own,
//! no files import each other in a circle, no name of a type stands for two
//! things, and no file outgrows its reader. Which rooms open paths and start
//! processes is kept by clippy (`disallowed-methods` in .clippy.toml).

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms by floor, the ground floor first.
const FLOORS: &[&[&str]] = &[
    &[
        "diagnostic",
        "diff",
        "digest",
        "fault",
        "finding",
        "manual",
        "reach",
        "secret",
        "visible",
        "wrap",
    ],
    &["local"],
    &["command_error", "explain", "wire", "yaml"],
    &["host", "mail"],
    &["probe"],
    &["resource"],
    &["intent", "playbook"],
    &["engine"],
    &["services"],
    &["check", "sandbox"],
    &["remote"],
    &["cli"],
    // The one does the work and prints nothing, the other prints.
    &["app", "report"],
    &["commands"],
    &["main"],
];

/// Files that still import each other in a circle: to be ended, not added to. A
/// folder's `mod.rs` and the files that it is made of count as one.
const CIRCLES: &[&[&str]] = &[&[
    "resource::file",
    "resource::group",
    "resource::kind",
    "resource::overlay",
    "resource::service",
    "resource::state",
    "resource::table",
    "resource::undo",
    "resource::user",
]];

/// Names that types of several rooms still share, as far as other rooms see them:
/// to be ended, not added to. Each room has an `Error` and a `Result` of its own.
const SHARED_NAMES: &[&str] = &[
    "Account",
    "Certificate",
    "Check",
    "Command",
    "Context",
    "Entry",
    "Error",
    "File",
    "Group",
    "Holder",
    "Init",
    "Line",
    "Login",
    "Package",
    "Planned",
    "Program",
    "Protocol",
    "Record",
    "Result",
    "Service",
    "Target",
    "User",
    "Watch",
];

/// Nobody reads a longer file to its end.
const MOST_LINES: usize = 500;

/// A module's path from the root of the crate.
type Module = Vec<String>;

/// All modules but those of unit tests, each with its code: no comments, no unit
/// tests, line for line.
struct House(BTreeMap<Module, String>);

impl House {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut found, mut tests) = (BTreeMap::new(), BTreeSet::new());
        collect(&root, &Module::new(), &mut found);
        for (module, text) in &mut found {
            let (code, names) = without_tests(text);
            *text = code;
            tests.extend(names.into_iter().map(|name| child(module, &name)));
        }
        found.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        assert!(found.len() > 50, "only {} files were found", found.len());
        Self(found)
    }

    /// Follows a path to the file that it means something of, by way of what
    /// modules pass on from those below them.
    fn resolve(&self, path: &[String]) -> Module {
        let deepest = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]));
        let (module, rest) = path.split_at(deepest.unwrap_or_default());
        let Some(name) = rest.first() else { return module.to_vec() };
        for passed_on in below(&self.0[module]) {
            if passed_on.last() == Some(name) && self.0.contains_key(&child(module, &passed_on[0]))
            {
                return self.resolve(&[module, &passed_on[..], &rest[1..]].concat());
            }
        }
        module.to_vec()
    }

    /// Returns the files that each file imports from; of those below it a
    /// folder's `mod.rs` is made.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut found = BTreeMap::new();
        for (module, code) in &self.0 {
            let paths = absolute_paths(module, code).into_iter();
            let files = paths.map(|(_, path)| self.resolve(&path));
            found.insert(module, files.filter(|other| !other.starts_with(module)).collect());
        }
        found
    }
}

fn child(module: &[String], name: &str) -> Module {
    [module, &[name.to_owned()]].concat()
}

fn collect(folder: &Path, module: &Module, found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            collect(&path, &child(module, name), found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let module = match name {
                "mod" | "lib" => module.clone(),
                name => child(module, name),
            };
            found.insert(module, fs::read_to_string(&path).unwrap());
        }
    }
}

/// Blanks comments and the modules of unit tests, and returns the names of those
/// that are files of their own.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut code, mut files) = (String::new(), Vec::new());
    let mut is_test = false;
    let mut end = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        let name = bare.trim_start_matches("pub(crate) ").strip_prefix("mod ");
        match (name, &end) {
            (_, Some(last)) if line == last => end = None,
            (_, Some(_)) => {}
            (Some(name), None) if is_test => match name.strip_suffix(';') {
                Some(name) => files.push(name.to_owned()),
                None => end = Some(format!("{indent}}}")),
            },
            _ => code.push_str(line.split("//").next().unwrap()),
        }
        // An attribute is of what follows it and other attributes.
        is_test = bare == "#[cfg(test)]" || (is_test && bare.starts_with("#["));
        code.push('\n');
    }
    (code, files)
}

/// Reads what a path in code leads to: of `a::{b, c::d}` both.
fn tree(text: &mut &str) -> Vec<Vec<String>> {
    *text = text.trim_start();
    if let Some(list) = text.strip_prefix('{') {
        *text = list;
        let mut all = Vec::new();
        loop {
            all.extend(tree(text));
            // What it is called here is of no matter.
            let end = text.find([',', '}', ';']).unwrap_or(text.len());
            let last = text[end..].chars().next();
            *text = text.get(end + 1..).unwrap_or_default();
            if last != Some(',') || text.trim_start().starts_with('}') {
                *text = text.trim_start().trim_start_matches('}');
                return all;
            }
        }
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    *text = rest;
    let mut further = match text.strip_prefix("::") {
        Some(rest) => {
            *text = rest;
            tree(text)
        }
        None => Vec::new(),
    };
    if name.is_empty() {
        return further;
    }
    if further.is_empty() {
        further.push(Vec::new());
    }
    further.into_iter().map(|rest| [vec![name.to_owned()], rest].concat()).collect()
}

/// Finds the paths in code that begin with one of these words, each with its line.
fn paths(code: &str, roots: &[&str]) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    for root in roots {
        for (at, _) in code.match_indices(&format!("{root}::")) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let line = code[..at].lines().count().max(1);
            found.extend(tree(&mut &code[at..]).into_iter().map(|path| (line, path)));
        }
    }
    found
}

/// Returns the paths in a module's code, from the root of the crate.
fn absolute_paths(module: &[String], code: &str) -> Vec<(usize, Module)> {
    let absolute = |(line, path): (usize, Vec<String>)| {
        let mut base = if ["crate", "mailprov"].contains(&&*path[0]) { &[] } else { module };
        let mut rest = &path[..];
        while let Some((first, further)) = rest.split_first() {
            match &**first {
                "super" => base = &base[..base.len().saturating_sub(1)],
                "self" | "crate" | "mailprov" => {}
                _ => break,
            }
            rest = further;
        }
        (line, [base, rest].concat())
    };
    let all = paths(code, &["crate", "mailprov", "super", "self"]);
    all.into_iter().map(absolute).collect()
}

/// Returns the names that a module brings in from those below it.
fn below(code: &str) -> Vec<Vec<String>> {
    let uses = code.match_indices("use ").filter(|(at, _)| {
        let before = code[..*at].lines().next_back().unwrap_or_default().trim();
        before.is_empty() || before.starts_with("pub") || code[..*at].ends_with('\n')
    });
    uses.flat_map(|(at, word)| tree(&mut &code[at + word.len()..]))
        .filter(|it| it.len() > 1)
        .collect()
}

fn floor(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("the room `{room}` is on no floor; add it to FLOORS"))
}

/// Returns the files that can all be reached from each other (strongly connected
/// components).
fn circles<'h>(imports: &BTreeMap<&'h Module, BTreeSet<Module>>) -> BTreeSet<BTreeSet<&'h Module>> {
    let reached = |from: &Module| {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(next) = left.pop() {
            for other in &imports[next] {
                if seen.insert(other) {
                    left.push(other);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = imports.keys().map(|module| (*module, reached(module))).collect();
    let circle = |module: &&'h Module| -> BTreeSet<&'h Module> {
        let others = imports.keys().copied();
        others.filter(|it| reached[module].contains(it) && reached[it].contains(*module)).collect()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn code_is_read_as_the_compiler_does() {
    let text = "use crate::host::Host;\nuse crate::{mail, yaml::{self, Node as N}};\n\
                let it = crate::diff::x();\n// use crate::report\n#[cfg(test)]\nuse crate::cli;\n\
                #[cfg(test)]\nmod tests {\n    use crate::engine;\n}\nuse super::b::C;\n\
                #[cfg(test)]\nmod laws;\nfn last() {}\n";
    let (code, files) = without_tests(text);
    assert_eq!(files, ["laws"]);
    assert_eq!(code.lines().count(), text.lines().count());
    let module = ["a", "here"].map(String::from);
    let found: Vec<_> = absolute_paths(&module, &code)
        .into_iter()
        .map(|(line, path)| (line, path.join("::")))
        .collect();
    let found: Vec<_> = found.iter().map(|(line, path)| (*line, &**path)).collect();
    let wanted = [
        (1, "host::Host"),
        (2, "mail"),
        (2, "yaml::self"),
        (2, "yaml::Node"),
        (3, "diff::x"),
        (6, "cli"),
        (11, "a::b::C"),
    ];
    assert_eq!(found, wanted);
    assert!(code.ends_with("fn last() {}\n"));
}

#[test]
fn each_room_imports_only_from_floors_below_its_own() {
    let house = House::read();
    let mut wrong = Vec::new();
    for (module, code) in &house.0 {
        let Some(own) = module.first() else { continue };
        for (line, path) in absolute_paths(module, code) {
            // In a module inside a file, `super` is that file.
            let Some(other) = path.first().filter(|_| house.0.contains_key(&path[..1])) else {
                continue;
            };
            let is_below = floor(other) < floor(own);
            if other != own && !is_below {
                wrong.push(format!("src/{}:{line}: {own} imports {other}", module.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let house = House::read();
    let imports = house.imports();
    let names = |circle: BTreeSet<&Module>| circle.into_iter().map(|it| it.join("::")).collect();
    let found: Vec<BTreeSet<String>> = circles(&imports).into_iter().map(names).collect();
    let known: Vec<BTreeSet<String>> =
        CIRCLES.iter().map(|it| it.iter().map(|file| (*file).to_owned()).collect()).collect();
    // One that became smaller is still known.
    let new: Vec<_> =
        found.iter().filter(|it| !known.iter().any(|known| it.is_subset(known))).collect();
    let ended: Vec<_> =
        known.iter().filter(|known| !found.iter().any(|it| it.is_subset(known))).collect();
    assert!(new.is_empty() && ended.is_empty(), "new: {new:#?}\nstrike off the list: {ended:#?}");
}

#[test]
fn circles_are_found() {
    let module = |name: &str| vec![name.to_owned()];
    let [a, b, c, d] = ["a", "b", "c", "d"].map(module);
    let imports = [(&a, vec!["b"]), (&b, vec!["c"]), (&c, vec!["a", "d"]), (&d, vec![])];
    let imports: BTreeMap<_, BTreeSet<Module>> =
        imports.into_iter().map(|(it, of)| (it, of.into_iter().map(module).collect())).collect();
    assert_eq!(circles(&imports), BTreeSet::from([BTreeSet::from([&a, &b, &c])]));
}

#[test]
fn no_name_stands_for_types_of_two_rooms() {
    let mut rooms: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let house = House::read();
    for (module, code) in &house.0 {
        for line in code.lines() {
            let declared = line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) "));
            let Some(declared) = declared else { continue };
            let mut words = declared.split(|c: char| !c.is_alphanumeric() && c != '_');
            if ["struct", "enum", "trait", "type"].contains(&words.next().unwrap()) {
                let room = module.first().map_or("lib", String::as_str);
                rooms.entry(words.next().unwrap()).or_default().insert(room);
            }
        }
    }
    let shared: BTreeSet<&str> =
        rooms.iter().filter(|(_, rooms)| rooms.len() > 1).map(|(name, _)| *name).collect();
    let known = BTreeSet::from_iter(SHARED_NAMES.iter().copied());
    let new: Vec<_> = shared.difference(&known).map(|name| (name, &rooms[name])).collect();
    let ended: Vec<_> = known.difference(&shared).collect();
    assert!(new.is_empty() && ended.is_empty(), "new: {new:#?}\nstrike off the list: {ended:#?}");
}

#[test]
fn no_file_is_longer_than_a_reader_s_patience() {
    let long: Vec<_> = House::read()
        .0
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(module, text)| format!("{}: {} lines", module.join("::"), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// A kind of resource is a line in the list of `src/resource/mod.rs`; the engine
/// speaks of keys and states, and of no kind of these.
#[test]
fn the_engine_names_no_kind_of_resource() {
    const SHARED: [&str; 1] = ["State::Absent"];
    let mut wrong = Vec::new();
    for (module, text) in House::read().0 {
        if module.first().is_none_or(|room| room != "engine") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            for of in ["Key::", "State::", "Resource::"] {
                let named = line.match_indices(of).map(|(at, _)| &line[at..]).filter(|rest| {
                    rest[of.len()..].starts_with(|c: char| c.is_ascii_uppercase())
                        && !SHARED.iter().any(|shared| rest.starts_with(shared))
                });
                wrong.extend(named.map(|_| format!("{}:{}: {line}", module.join("::"), index + 1)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
