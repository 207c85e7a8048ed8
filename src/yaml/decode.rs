//! Decodes a tree and collects every mistake in it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::{Entry, Key, Kind, Node, Style};
use crate::diagnostic::{Diagnostic, Source};

/// The limit of mistakes that are collected.
const MAX_MISTAKES: usize = 1000;
/// The limit of characters that a message quotes.
const MAX_SHOWN: usize = 80;

/// Decodes nodes into values, and collects mistakes.
///
/// A method that returns `None` has reported why. A caller continues with the
/// rest, so that one mistake does not hide the next, and asks
/// `Decoder::finish` at the end whether its result is valid.
#[derive(Debug)]
pub struct Decoder {
    source: Arc<Source>,
    /// The offset of each line but the first.
    lines: Vec<usize>,
    mistakes: Vec<Diagnostic>,
}

impl Decoder {
    /// Returns a decoder whose diagnostics point into `source`.
    pub fn new(source: &Arc<Source>) -> Self {
        let breaks = source.text.match_indices('\n');
        Self {
            source: Arc::clone(source),
            lines: breaks.map(|(at, _)| at + 1).collect(),
            mistakes: Vec::new(),
        }
    }

    /// Returns the text of the diagnostics.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Reports a mistake with a message and a remedy.
    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        let mistake = Diagnostic::new(&self.source, span.clone(), message);
        self.report(if help.is_empty() { mistake } else { mistake.help(help) });
    }

    pub(crate) fn report(&mut self, mistake: Diagnostic) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push(mistake);
        }
    }

    /// Returns whether the limit of mistakes is reached, so that it is useless to look for more.
    pub(crate) fn is_full(&self) -> bool {
        self.mistakes.len() >= MAX_MISTAKES
    }

    /// Returns the number of mistakes so far.
    pub fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Returns the value if there was no mistake.
    ///
    /// # Errors
    ///
    /// Returns all mistakes, in the order of their places in the text.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<Diagnostic>> {
        self.mistakes.sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        match value {
            Some(value) if self.mistakes.is_empty() => Ok(value),
            _ => Err(self.mistakes),
        }
    }

    /// Decodes a map with arbitrary keys. A duplicate key is reported, and returned once.
    pub fn entries<'n>(&mut self, node: &'n Node) -> Option<Vec<&'n Entry>> {
        let Kind::Map(entries) = &node.kind else {
            return self.wrong_type(node, "a map", "write `key: value`, one line each");
        };
        let mut seen: HashMap<&str, &Key> = HashMap::with_capacity(entries.len());
        let mut unique = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = &entry.key;
            if let Some(first) = seen.get(key.text.as_str()) {
                let message = format!("`{}` occurs twice", self.written(&key.span));
                let line = self.line_of(&first.span);
                self.error(&key.span, message, &format!("the first is on line {line}: keep one"));
                continue;
            }
            seen.insert(&key.text, key);
            unique.push(entry);
        }
        Some(unique)
    }

    /// Decodes a list.
    pub fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.kind {
            Kind::List(items) => Some(items),
            _ => self.wrong_type(node, "a list", "write `[a, b]`, or `- a` on lines of their own"),
        }
    }

    /// Decodes a text, which may have several lines. A number or a boolean in
    /// YAML's terms is returned as it was written.
    pub fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match node.as_scalar() {
            Some(scalar) if !scalar.is_null() => Some(&scalar.text),
            _ => {
                let help = match node.kind {
                    Kind::List(_) => "write a single value, without `[ ]` or `-`",
                    Kind::Map(_) => {
                        "write a single value; one with `{ }` or `: ` in it needs quotes"
                    }
                    Kind::Scalar(_) => "write a value",
                };
                self.wrong_type(node, "a text", help)
            }
        }
    }

    /// Decodes a text of one line without control characters.
    pub fn line<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        let Some(found) = text.chars().find(|c| c.is_control()) else {
            return Some(text);
        };
        let block = node.as_scalar().is_some_and(|scalar| scalar.style == Style::Block);
        let (message, help) = match found {
            '\n' if block => ("a line break", "write the value behind the colon, not as a block"),
            '\n' | '\r' => ("a line break", "write the value on one line"),
            _ => ("a control character", "write the value without it"),
        };
        self.error(&self.first_line(&node.span), format!("{message} in the value"), help);
        None
    }

    /// Decodes `true` or `false`, and no other spelling.
    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        let scalar = node.as_scalar();
        if let Some(value) = scalar.and_then(super::Scalar::boolean) {
            return Some(value);
        }
        let word = scalar.map_or(String::new(), |scalar| scalar.text.to_lowercase());
        let quoted = scalar.is_some_and(|scalar| scalar.style != Style::Plain);
        let help = match word.as_str() {
            "true" | "false" if quoted => "write it without quotes",
            "true" | "yes" | "on" | "y" | "1" => "write `true`",
            "false" | "no" | "off" | "n" | "0" => "write `false`",
            _ => "",
        };
        self.wrong_type(node, "`true` or `false`", help)
    }

    /// Reports that a node has the wrong type.
    pub(crate) fn wrong_type<T>(&mut self, node: &Node, expected: &str, help: &str) -> Option<T> {
        let message = format!("expected {expected}, found {}", node.type_name());
        self.error(&self.first_line(&node.span), message, help);
        None
    }

    /// Returns the text at a place, for a message: without quotes, and masked if the source is.
    pub fn written(&self, span: &Range<usize>) -> String {
        let text = self.source.text.get(span.clone()).unwrap_or_default();
        printable(text.trim_matches(['"', '\'']))
    }

    /// Returns the line number of the beginning of a span, from 1.
    pub(crate) fn line_of(&self, span: &Range<usize>) -> usize {
        1 + self.lines.partition_point(|line| *line <= span.start)
    }

    /// Cuts a span at the end of its first line, so that the mark under a long
    /// list or map stays short.
    fn first_line(&self, span: &Range<usize>) -> Range<usize> {
        let text = self.source.text.get(span.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        span.start..span.start + line.len()
    }
}

/// Makes a text fit for a message: one line, no control characters, not too long.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(MAX_SHOWN) {
        if c.is_control() { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
