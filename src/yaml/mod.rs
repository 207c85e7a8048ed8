//! YAML as a tree with the place of each value.
//!
//! A file is read in two steps. [`parse()`] turns a text into [`Node`]s, or
//! into diagnostics if it is not YAML. Then a [`Decoder`] walks the tree for
//! its caller and collects every mistake, so that a person sees all of them at
//! once.
//!
//! Scalars keep their text and [`Style`]: whether `644`, `no` or `1.10` is a
//! number, a boolean or a word is decided where the key is decoded. Only
//! `Scalar::boolean` and `Scalar::integer` interpret, and each accepts one
//! spelling.

mod decode;
mod edit;
mod fields;
mod parse;
mod schema;
mod suggest;
mod syntax;

use std::ops::Range;

pub use decode::Decoder;
pub(crate) use decode::printable;
pub use edit::{Document, Value};
pub use fields::Fields;
pub use parse::parse;
pub use schema::{KeySpec, Section, ValueType, concat, count, schema};
pub(crate) use suggest::suggest;

/// A value and its place in the text, in bytes.
///
/// A value that is reached through an alias (`*name`) has the place of its anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The place of the value.
    pub span: Range<usize>,
    /// The value.
    pub kind: Kind,
}

/// The kinds of [`Node`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text, a number, a boolean or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// The entries in order, including duplicate keys.
    Map(Vec<Entry>),
}

/// One `key: value` of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// The key of a map's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The place of the key.
    pub span: Range<usize>,
    /// The key, without quotes.
    pub text: String,
}

/// A scalar: the text as written, with escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes.
    pub text: String,
    /// The style in the text.
    pub style: Style,
}

/// The style of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block after `|` or `>`.
    Block,
}

impl Node {
    /// Returns the scalar, if the value is one.
    pub(crate) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Returns the value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|it| it.key.text == key).map(|it| &it.value),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// Returns whether the value is empty: `key:`, `key: ~` or `key: null`.
    pub(crate) fn is_null(&self) -> bool {
        self.as_scalar().is_some_and(Scalar::is_null)
    }

    /// Returns the type of the value for an error message.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Scalar(scalar) if scalar.is_null() => "nothing",
            Kind::Scalar(scalar) if scalar.boolean().is_some() => "a truth value",
            Kind::Scalar(scalar) if scalar.integer().is_some() => "a number",
            Kind::Scalar(_) => "a text",
        }
    }
}

impl Scalar {
    /// Returns whether the scalar is empty or null.
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain
            && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns the value of a plain `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match (self.style, self.text.as_str()) {
            (Style::Plain, "true") => Some(true),
            (Style::Plain, "false") => Some(false),
            _ => None,
        }
    }

    /// Returns the value of plain decimal digits. A leading zero, an
    /// underscore, a sign or a point makes it a text.
    pub(crate) fn integer(&self) -> Option<u64> {
        let digits = self.text.as_str();
        let plain = self.style == Style::Plain && digits.bytes().all(|b| b.is_ascii_digit());
        let octal = digits.len() > 1 && digits.starts_with('0');
        if plain && !octal { digits.parse().ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Source;

    fn source(text: &str) -> Arc<Source> {
        Arc::new(Source { name: "t.yml".into(), text: text.into() })
    }

    fn errors(text: &str) -> String {
        let mistakes = parse(&source(text)).unwrap_err();
        mistakes.iter().map(|m| format!("{:?} {}\n", m.position(), m.message)).collect()
    }

    #[test]
    fn values_know_their_place_and_style() {
        let text = "é: plain # c\n\"k\": [ 'q', 0640 ]\nb: |\n  x\n";
        let node = parse(&source(text)).unwrap();
        let Kind::Map(entries) = &node.kind else { panic!("{node:?}") };
        assert_eq!(&text[entries[0].value.span.clone()], "plain");
        assert_eq!(&text[entries[1].key.span.clone()], "\"k\"");
        assert_eq!(entries[1].key.text, "k");
        let Kind::List(items) = &entries[1].value.kind else { panic!() };
        assert_eq!(&text[entries[1].value.span.clone()], "[ 'q', 0640 ]");
        assert_eq!(&text[items[0].span.clone()], "'q'");
        assert_eq!(items[0].as_scalar().unwrap().style, Style::Quoted);
        assert_eq!(items[1].as_scalar().unwrap().integer(), None);
        assert_eq!(entries[2].value.as_scalar().unwrap().text, "x\n");
    }

    #[test]
    fn a_text_that_is_no_yaml_gets_an_error_in_plain_words() {
        assert_eq!(errors("a:\n\tb: 1\n"), "(2, 1) a tab in the indentation\n");
        assert_eq!(errors("a: x\n\n \tb: 1\n"), "(3, 2) a tab in the indentation\n");
        assert_eq!(errors("a: \"x\nb: 1\n"), "(1, 4) a quote is not closed\n");
        assert_eq!(errors("a: [1, 2\nb: 1\n"), "(1, 4) a `[` is not closed\n");
        assert_eq!(errors("a: 1\n  b: 2\n"), "(2, 3) indented further than the line above\n");
        assert_eq!(errors("a: 1\n---\nb: 2\n"), "(2, 1) a second YAML document starts here\n");
        assert_eq!(errors("a: \0\n"), "(1, 4) a control character, U+0000\n");
        assert_eq!(errors("a: !vault x\n"), "(1, 4) a YAML tag has no meaning here\n");
        assert_eq!(errors("a: &a [*a]\n"), "(1, 8) this value contains itself\n");
        assert_eq!(errors("a: *b\n"), "(1, 4) this alias names no anchor\n");
        assert_eq!(errors("a: {{ b }}\n"), "(1, 5) a map cannot be a key\n");
        assert_eq!(errors("a: @b\n"), "(1, 4) a value cannot begin with `@`\n");
    }

    #[test]
    fn a_bomb_and_a_pit_stop_at_once() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..30 {
            let refs = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{refs}]\n"));
        }
        assert!(errors(&bomb).contains("more than 100000 values"));
        assert!(errors(&"[".repeat(100_000)).contains("nested too deeply"));
        let stairs: String = (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert!(errors(&stairs).contains("nested too deeply"));
        assert!(errors(&"- ".repeat(10_000)).contains("nested too deeply"));
    }

    #[test]
    fn nothing_is_a_null() {
        assert!(parse(&source("")).unwrap().is_null());
        assert!(parse(&source("# only a comment\n")).unwrap().is_null());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = parse(&source(&text));
        }

        #[test]
        fn no_text_of_yaml_signs_makes_it_panic(text in "[-\\[\\]{}:,&*!|>'\"%@` #a\n\té~]{0,60}") {
            match parse(&source(&text)) {
                Ok(_) => {}
                Err(mistakes) => for mistake in mistakes { mistake.render(false); },
            }
        }
    }
}
