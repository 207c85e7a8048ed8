//! `line`: one line in a file that belongs to others. The rest of the file
//! stays byte for byte, with its owner and mode, and is never shown.

use std::path::PathBuf;

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes::{PATH, is_true, path, section};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Resource, Said, State, Target, Undo, Withdrawal};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};
use crate::visible::visible;
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

/// A line that is in a file, or is not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Line {
    key: LineKey,
    absent: bool,
    create: bool,
    secret: bool,
}

/// Selects lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineKey {
    /// The file.
    pub path: PathBuf,
    /// The line itself, wherever it is.
    pub line: String,
    /// A regular expression for the lines that it replaces.
    pub replaces: Option<String>,
}

/// The selected lines, as they are in the file, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineState {
    /// Each without its end.
    pub lines: Vec<String>,
    /// Whether they are never shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

const FIELDS: Section = section(
    &[
        PATH,
        KeySpec::new("line", ValueType::Text, "The line, without its end."),
        KeySpec::new(
            "match",
            ValueType::Text,
            "A regular expression: the first line that matches becomes the line, and any further \
             one goes.",
        )
        .or("the line itself, which is added at the end of the file"),
        KeySpec::new("create", ValueType::Boolean, "`true`: a file that is not there is made.")
            .or("`false`"),
        KeySpec::new(
            "secret",
            ValueType::Boolean,
            "`true`: the line is never shown. It needs `match`, by which it is named.",
        )
        .or("`false`"),
        KeySpec::new(
            "absent",
            ValueType::Boolean,
            "`true`: the line, and each that matches, is removed.",
        )
        .or("`false`"),
    ],
    &["path", "line"],
);

impl Declaration for Line {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "line",
        ValueType::Section(&FIELDS),
        "A line is in a file that belongs to others.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let path = fields.require("path", &node.span, decoder);
        let path = path.and_then(|entry| self::path(&entry.value, decoder));
        let line = fields.require("line", &node.span, decoder);
        let line = line.and_then(|entry| decoder.line(&entry.value).map(str::to_owned));
        let replaces = match fields.get("match") {
            Some(entry) => {
                let text = decoder.line(&entry.value)?;
                if let Err(error) = Regex::new(text) {
                    let message = format!("this is not a regular expression: {error}");
                    let help = "put a backslash before a character that means itself";
                    decoder.error(&entry.value.span, message, help);
                    return None;
                }
                Some(text.to_owned())
            }
            None => None,
        };
        let secret = is_true(&fields, "secret", decoder);
        if secret && replaces.is_none() {
            let help = "add `match`, such as '^password ='";
            decoder.error(&node.span, "a secret line has no name to be shown by", help);
            return None;
        }
        let absent = is_true(&fields, "absent", decoder);
        let create = is_true(&fields, "create", decoder);
        let key = LineKey { path: path?, line: line?, replaces };
        Some(Self { key, absent, create, secret })
    }

    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        let path = self.key.path.display();
        let file = Key::at(self.key.path.clone());
        if overlay.planned(&file).is_some_and(|state| state.blob().is_some()) {
            return Err(Error::Other(format!(
                "{path} is written as a whole by an earlier step; put the line into that file"
            )));
        }
        let key = Key::Line(self.key.clone());
        let is_there = overlay.state(&key)? != State::Absent;
        if self.absent {
            let none = State::Line(LineState { lines: Vec::new(), secret: self.secret });
            return Ok(vec![Target { key, after: if is_there { none } else { State::Absent } }]);
        }
        // A package that the plan installs may create the file.
        if !is_there && !self.create && !overlay.has_side_effects() {
            return Err(Error::Other(format!(
                "{path} is not there, so the line cannot be put into it; write `create: true` to \
                 have the file made"
            )));
        }
        let state = LineState { lines: vec![self.key.line.clone()], secret: self.secret };
        Ok(vec![Target { key, after: State::Line(state) }])
    }

    fn loadable(&self) -> Vec<Key> {
        vec![Key::at(self.key.path.clone())]
    }

    fn key(&self) -> Option<Key> {
        Some(Key::Line(self.key.clone()))
    }

    fn found_by(_: &str) -> Option<&'static [&'static str]> {
        Some(&["path", "line", "match", "secret"])
    }

    /// Removes only the line itself, not other lines that would match.
    fn withdrawals(
        word: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Withdrawal>> {
        let Self { key, secret, .. } = Self::decode(word, fields, assets, decoder)?;
        let brought = Key::Line(key.clone());
        let key = LineKey { replaces: None, ..key };
        let resource = Resource::Line(Self { key, absent: true, create: false, secret });
        Some(vec![Withdrawal { brought, resource, secret }])
    }
}

impl Thing for Line {
    const NAME: &str = "line";
    type Key = LineKey;
    type State = LineState;

    fn name(key: &LineKey) -> String {
        let which = key.replaces.as_ref().unwrap_or(&key.line);
        format!("{}: {}", key.path.display(), visible(which))
    }

    fn observe(host: &Host, key: &LineKey) -> Result<State> {
        Ok(match host.entry(&key.path)? {
            None => State::Absent,
            Some(Entry::File { content, .. }) => {
                let pattern = pattern(key);
                let meant = lines(content.bytes()).filter(|line| is_meant(key, &pattern, line));
                let lines = meant.map(|line| text(line).into_owned()).collect();
                State::Line(LineState { lines, secret: false })
            }
            Some(Entry::Link { target }) => {
                return Err(Error::Other(format!(
                    "{} is a link to {}; name the file itself",
                    key.path.display(),
                    target.display()
                )));
            }
            Some(_) => {
                return Err(Error::Other(format!("{} is not a file", key.path.display())));
            }
        })
    }

    fn write(
        host: &Host,
        key: &LineKey,
        _: &State,
        after: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        let State::Line(wish) = after else { return host.remove(&key.path) };
        let (content, ownership) = match host.entry(&key.path)? {
            Some(Entry::File { content, ownership }) => (content, ownership),
            _ => (Content::new([]), Ownership::of_root(0o644)),
        };
        let edited = Content::new(edit(key, &wish.lines, content.bytes()));
        host.put_file(&key.path, &edited, &ownership)
    }

    /// Restores the file as it was.
    fn undo(_: &LineKey, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::FilesOnly)
    }

    fn affected_paths(key: &LineKey) -> Vec<PathBuf> {
        vec![key.path.clone()]
    }

    fn edit(key: &LineKey, after: &State, content: Option<Content>) -> Option<Content> {
        let State::Line(wish) = after else { return None };
        let content = content.unwrap_or_else(|| Content::new([]));
        Some(Content::new(edit(key, &wish.lines, content.bytes())))
    }

    fn describe(_: &LineKey, before: &State, after: &State) -> Option<Vec<String>> {
        let State::Line(new) = after else { return None };
        let old: &[String] = match before {
            State::Line(old) => &old.lines,
            _ => &[],
        };
        if new.secret {
            return Some(vec!["a secret line".into()]);
        }
        let goes = old.iter().filter(|line| !new.lines.contains(line));
        let comes = new.lines.iter().filter(|line| !old.contains(line));
        let words: Vec<_> = goes
            .map(|line| format!("- {}", visible(line)))
            .chain(comes.map(|line| format!("+ {}", visible(line))))
            .collect();
        Some(if words.is_empty() { vec!["once instead of several times".into()] } else { words })
    }

    fn json(state: &LineState) -> Value {
        match state.secret {
            true => json!({"state": "line", "secret": true}),
            false => json!({"state": "line", "lines": state.lines}),
        }
    }

    fn is_met(wish: &LineState, actual: &LineState) -> bool {
        wish.lines == actual.lines
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split_inclusive(|byte| *byte == b'\n')
}

/// Returns a line without its end.
fn text(line: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(line.strip_suffix(end(line)).unwrap_or(line))
}

fn end(line: &[u8]) -> &'static [u8] {
    match line {
        [.., b'\r', b'\n'] => b"\r\n",
        [.., b'\n'] => b"\n",
        // The last one: with the next line it becomes the former.
        [.., b'\r'] => b"\r",
        _ => b"",
    }
}

/// Compiles the expression, which decoding has validated.
fn pattern(key: &LineKey) -> Option<Regex> {
    key.replaces.as_ref().and_then(|text| Regex::new(text).ok())
}

fn is_meant(key: &LineKey, pattern: &Option<Regex>, line: &[u8]) -> bool {
    let line = text(line);
    line == key.line || pattern.as_ref().is_some_and(|pattern| pattern.is_match(&line))
}

/// Puts `wish` in the place of the first selected line, else at the end, and
/// removes all other selected lines.
fn edit(key: &LineKey, wish: &[String], content: &[u8]) -> Vec<u8> {
    let pattern = pattern(key);
    let mut edited = Vec::new();
    let mut wish = Some(wish);
    let put = |edited: &mut Vec<u8>, wish: &[String], end: &[u8]| {
        for (index, line) in wish.iter().enumerate() {
            edited.extend(line.as_bytes());
            // At the end of a file an empty line without its end would be none.
            let may_end_here = index + 1 == wish.len() && !(line.is_empty() && end.is_empty());
            edited.extend(if may_end_here || end.ends_with(b"\n") { end } else { b"\n" });
        }
    };
    for line in lines(content) {
        match (is_meant(key, &pattern, line), wish) {
            (false, _) => edited.extend(line),
            (true, Some(lines)) => {
                put(&mut edited, lines, end(line));
                wish = None;
            }
            (true, None) => {}
        }
    }
    if let Some(lines) = wish.filter(|lines| !lines.is_empty()) {
        if edited.last().is_some_and(|byte| *byte != b'\n') {
            edited.push(b'\n');
        }
        put(&mut edited, lines, b"\n");
    }
    edited
}

#[cfg(test)]
mod tests {
    use super::{LineKey, edit};

    fn edited(replaces: Option<&str>, wish: &[&str], content: &[u8]) -> Vec<u8> {
        let key = LineKey {
            path: "/f".into(),
            line: "Port 2222".into(),
            replaces: replaces.map(str::to_owned),
        };
        let wish: Vec<String> = wish.iter().map(|&line| line.to_owned()).collect();
        edit(&key, &wish, content)
    }

    #[test]
    fn the_first_line_that_matches_is_replaced_and_the_rest_stays_byte_for_byte() {
        let before = b"# \xff\n#Port 22\r\n\nPort 23\nUser x";
        let after = edited(Some("^#?Port "), &["Port 2222"], before);
        assert_eq!(after, b"# \xff\nPort 2222\r\n\nUser x");
        assert_eq!(edited(Some("^#?Port "), &["Port 2222"], &after), after);
        assert_eq!(edited(Some("^#?Port "), &[], &after), b"# \xff\n\nUser x");
    }

    #[test]
    fn a_line_that_nothing_matches_comes_at_the_end() {
        assert_eq!(edited(None, &["Port 2222"], b"User x"), b"User x\nPort 2222\n");
        assert_eq!(edited(None, &["Port 2222"], b""), b"Port 2222\n");
        assert_eq!(edited(None, &["Port 2222"], b"a\nPort 2222"), b"a\nPort 2222");
        assert_eq!(edited(None, &[], b"a\nPort 2222"), b"a\n");
    }

    #[test]
    fn an_empty_line_stays_a_line() {
        assert_eq!(edited(Some("^a"), &[""], b"b\na"), b"b\n\n");
        assert_eq!(edited(Some("^$"), &["c"], b"b\n\r"), b"b\nc\r");
    }
}
