//! Editing `mail.yml` changes what was asked for, and no other byte.
//!
//! The files are those of `tests/specs/valid`, also with comments and blank
//! lines strewn into them, with the line ends of Windows, and without an end of
//! the last line. What a result means is judged by another reader of YAML.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mailprov::diagnostic::Source;
use mailprov::yaml::{Document, Kind, Node, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs/valid");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "yml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 15);
    files
}

fn document(text: &str) -> Document {
    Document::parse(&Arc::new(Source { name: "mail.yml".into(), text: text.into() })).unwrap()
}

fn text(document: &Document) -> &str {
    &document.source().text
}

/// What a text means to a reader that is not ours.
fn meaning(text: &str) -> Json {
    let text = text.trim_start_matches('\u{feff}');
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn at<'j>(json: &'j mut Json, path: &[&str]) -> &'j mut Json {
    path.iter().fold(json, |json, key| json.get_mut(*key).unwrap())
}

/// The keys to every map and list of a tree.
fn paths<'n>(node: &'n Node, path: &mut Vec<&'n str>, found: &mut Vec<Vec<&'n str>>) {
    if !matches!(node.kind, Kind::Scalar(_)) {
        found.push(path.clone());
    }
    if let Kind::Map(entries) = &node.kind {
        for entry in entries {
            path.push(&entry.key.text);
            paths(&entry.value, path, found);
            path.pop();
        }
    }
}

/// Adds to and removes from every map and list, and returns how many of these
/// edits were refused.
fn edit_everything(original: &str) -> usize {
    let document = document(original);
    let before = meaning(original);
    let (mut found, mut refused) = (Vec::new(), 0);
    paths(document.root(), &mut Vec::new(), &mut found);
    for path in found {
        let node = document.get(&path).unwrap();
        let mut wanted = before.clone();
        let here = at(&mut wanted, &path);
        match &node.kind {
            Kind::Map(entries) => {
                let inner = Value::Map(vec![
                    ("password".into(), Value::Quoted("{X}$6$\"a\\ #b".into())),
                    ("aliases".into(), Value::List(vec![Value::text("on"), Value::text("b.c")])),
                ]);
                let json = json!({"password": "{X}$6$\"a\\ #b", "aliases": ["on", "b.c"]});
                for (value, json) in [(inner, json), (Value::text("it"), json!("it"))] {
                    here.as_object_mut().unwrap().insert("new@example.org".into(), json);
                    let wanted_now = here.clone();
                    match document.insert(&path, "new@example.org", &value) {
                        Ok(added) => {
                            let mut whole = before.clone();
                            *at(&mut whole, &path) = wanted_now;
                            assert_eq!(meaning(text(&added)), whole, "{}", text(&added));
                            let back = added.remove(&path, "new@example.org").unwrap();
                            assert_eq!(text(&back), original, "after\n{}", text(&added));
                        }
                        Err(_) => refused += 1,
                    }
                }
                for entry in entries.iter().filter(|_| entries.len() > 1) {
                    let key = entry.key.text.as_str();
                    match document.remove(&path, key) {
                        Ok(removed) => {
                            let mut whole = before.clone();
                            at(&mut whole, &path).as_object_mut().unwrap().remove(key).unwrap();
                            assert_eq!(meaning(text(&removed)), whole, "{}", text(&removed));
                            only_removes(original, text(&removed));
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
            Kind::List(items) => {
                match document.push(&path, "no") {
                    Ok(added) => {
                        here.as_array_mut().unwrap().push(json!("no"));
                        assert_eq!(meaning(text(&added)), wanted, "{}", text(&added));
                        let back = added.remove_item(&path, items.len()).unwrap();
                        assert_eq!(text(&back), original, "after\n{}", text(&added));
                    }
                    Err(_) => refused += 1,
                }
                for index in (0..items.len()).filter(|_| items.len() > 1) {
                    match document.remove_item(&path, index) {
                        Ok(removed) => {
                            let mut whole = before.clone();
                            at(&mut whole, &path).as_array_mut().unwrap().remove(index);
                            assert_eq!(meaning(text(&removed)), whole, "{}", text(&removed));
                            only_removes(original, text(&removed));
                        }
                        Err(_) => refused += 1,
                    }
                }
            }
            Kind::Scalar(_) => {}
        }
    }
    refused
}

/// What is left stands before or behind the place where something was removed.
fn only_removes(before: &str, after: &str) {
    let same = before.bytes().zip(after.bytes()).take_while(|(one, other)| one == other).count();
    assert!(before.as_bytes().ends_with(&after.as_bytes()[same..]), "{before}\n---\n{after}");
}

#[test]
fn every_map_and_list_of_the_corpus_can_be_edited() {
    for (name, text) in corpus() {
        let refused = edit_everything(&text);
        let has_aliases = name == "anchors.yml";
        assert_eq!(refused > 0, has_aliases, "{name}: {refused} edits refused");
    }
}

#[test]
fn line_ends_stay_as_they_are() {
    for (name, text) in corpus().into_iter().filter(|(name, _)| name != "anchors.yml") {
        let windows = text.replace("\r\n", "\n").replace('\n', "\r\n");
        assert_eq!(edit_everything(&windows), 0, "{name}");
        let added = document(&windows).insert(&["accounts"], "new", &Value::text("x")).unwrap();
        assert!(!self::text(&added).replace("\r\n", "").contains('\n'), "{}", self::text(&added));
        assert_eq!(edit_everything(text.trim_end()), 0, "{name}");
    }
}

#[test]
fn a_comment_below_an_entry_that_is_indented_further_belongs_to_it() {
    let before = "a:\n  x: 1\n  # of x, not of the next\n    # of x\nb: 2\n# the end\n";
    let added = document(before).insert(&[], "c", &Value::text("d")).unwrap();
    assert_eq!(
        text(&added),
        "a:\n  x: 1\n  # of x, not of the next\n    # of x\nb: 2\nc: d\n# the end\n"
    );
    let removed = document(before).remove(&[], "a").unwrap();
    assert_eq!(text(&removed), "b: 2\n# the end\n");
}

#[test]
fn new_lines_look_like_those_beside_them() {
    let map = Value::Map(vec![("password".into(), Value::Quoted("p".into()))]);
    for (before, after) in [
        (
            "a:\n    b:\n        c: 1\n",
            "a:\n    b:\n        c: 1\n    new:\n        password: \"p\"\n",
        ),
        ("a:\n  b: {c: 1}\n\nd: 1\n", "a:\n  b: {c: 1}\n  new: {password: \"p\"}\n\nd: 1\n"),
        ("a: {b: {c: 1}}\n", "a: {b: {c: 1}, new: {password: \"p\"}}\n"),
        ("a: {\n  b: 1,\n}\n", "a: {\n  b: 1,\n  new: {password: \"p\"},\n}\n"),
        ("a: {\n  b: 1\n}\n", "a: {\n  b: 1,\n  new: {password: \"p\"}\n}\n"),
        ("a: { }", "a: {new: {password: \"p\"} }"),
    ] {
        let added = document(before).insert(&["a"], "new", &map).unwrap();
        assert_eq!(text(&added), after);
    }
    let more = Value::Map(vec![
        ("password".into(), Value::Quoted("p".into())),
        ("aliases".into(), Value::List(vec![Value::text("x"), Value::text("y@z.org")])),
        ("quota".into(), Value::text("2 GiB")),
    ]);
    for (before, after) in [
        (
            "a:\n    b:\n        c: 1\n",
            "a:\n    b:\n        c: 1\n    new:\n        password: \"p\"\n        \
             aliases: [x, y@z.org]\n        quota: \"2 GiB\"\n",
        ),
        (
            "a: {b: {c: 1}}\n",
            "a: {b: {c: 1}, new: {password: \"p\", aliases: [x, y@z.org], quota: \"2 GiB\"}}\n",
        ),
    ] {
        let added = document(before).insert(&["a"], "new", &more).unwrap();
        assert_eq!(text(&added), after);
    }
    for (before, after) in [
        ("a:\n- x\nb: 1\n", "a:\n- x\n- new\nb: 1\n"),
        ("a:\n  -   x # c\n", "a:\n  -   x # c\n  -   new\n"),
        ("a: [x, y, ]\n", "a: [x, y, new, ]\n"),
        ("a: [ ] # none", "a: [new ] # none"),
    ] {
        assert_eq!(text(&document(before).push(&["a"], "new").unwrap()), after);
    }
}

#[test]
fn a_value_is_replaced_in_its_quotes() {
    for (before, after) in [
        ("a: 'x' # c\r\n", "a: 'it''s' # c\r\n"),
        ("a: \"x\"\n", "a: \"it's\"\n"),
        ("a: x\n", "a: \"it's\"\n"),
        ("{a: x, b: 1}", "{a: \"it's\", b: 1}"),
    ] {
        let replaced = document(before).replace(&["a"], &Value::text("it's")).unwrap();
        assert_eq!(text(&replaced), after);
    }
}

#[test]
fn a_place_that_cannot_be_edited_is_refused_with_place_and_remedy() {
    let refusals = [
        document("a: &x {b: 1}\nc: *x\n").insert(&["c"], "d", &Value::text("e")),
        document("a: &x {b: 1}\nc: *x\n").insert(&["a"], "d", &Value::text("e")),
        document("a: &x v\nb: *x\n").replace(&["b"], &Value::text("w")),
        document("a: &x v\nb: *x\n").remove(&[], "a"),
        document("a: [b, # of b\n  c # of c\n  ]\n").push(&["a"], "d"),
        document("a: [b, # of b\n  c # of c\n  ]\n").remove_item(&["a"], 1),
        document("a:\n  b: 1\n").remove(&["a"], "b"),
        document("a: |\n  text\n").replace(&["a"], &Value::text("w")),
        document("- x: 1\n").push(&["a"], "b"),
    ];
    for refusal in refusals {
        let mistake = refusal.unwrap_err();
        let shown = mistake.render(false);
        assert!(mistake.help.is_some() && shown.contains("mail.yml:"), "{shown}");
    }
}

/// A text with comments and blank lines strewn between its lines.
fn strewn(text: &str, places: &[(usize, usize)]) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    for (place, indent) in places {
        let place = place % (lines.len() + 1);
        let line =
            if *indent == 7 { "\n".into() } else { format!("{}# note\n", " ".repeat(*indent)) };
        if lines.last().is_some_and(|last| last.ends_with('\n')) || place < lines.len() {
            lines.insert(place, line);
        }
    }
    lines.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comments_anywhere_stay_where_they_are(
        file in 0..1000usize,
        places in proptest::collection::vec((0..60usize, 0..8usize), 0..8),
        windows in any::<bool>(),
        end in any::<bool>(),
    ) {
        let files = corpus();
        let (_, text) = &files[file % files.len()];
        let mut text = strewn(&text.replace("\r\n", "\n"), &places);
        if windows {
            text = text.replace('\n', "\r\n");
        }
        if !end {
            text.truncate(text.trim_end().len());
        }
        let source = Arc::new(Source { name: "mail.yml".into(), text: text.clone() });
        // A comment in the middle of a block of text is text, or the end of it.
        if Document::parse(&source).is_ok() {
            edit_everything(&text);
        }
    }
}
