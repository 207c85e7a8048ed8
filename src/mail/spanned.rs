//! A value and its place in the text.

use std::ops::Range;

use crate::yaml::{Decoder, Entry, Key, Node, printable};

/// A value with its place in `mail.yml`, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place; for a default, that of the key it follows from.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// Why a text is invalid, and how to correct it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The mistake.
    pub message: String,
    /// The remedy.
    pub help: String,
}

impl Invalid {
    /// Joins a mistake and its remedy.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// The text that replaces a secret in a masked source. Errors must not repeat
/// such a value, because what remains of it could reveal the secret.
const MASKED: &str = "****";

/// Parses a one-line text as a `T`, or reports why it is invalid.
pub(crate) fn value<T>(
    decoder: &mut Decoder,
    node: &Node,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Spanned<T>> {
    let text = decoder.line(node)?;
    checked(decoder, parse(text), &node.span)
}

/// Reads a value that must be one of some words.
pub(crate) fn one_of(
    decoder: &mut Decoder,
    entry: &Entry,
    words: &[&'static str],
    help: &str,
) -> Option<&'static str> {
    let word = value(decoder, &entry.value, |text| {
        words.iter().find(|word| **word == text).copied().ok_or_else(|| {
            Invalid::new(format!("`{}` cannot be `{}`", entry.key.text, printable(text)), help)
        })
    });
    word.map(|word| word.value)
}

/// Parses a key as a `T`, or reports why it is invalid.
pub(crate) fn key<T>(
    decoder: &mut Decoder,
    key: &Key,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Spanned<T>> {
    checked(decoder, parse(&key.text), &key.span)
}

fn checked<T>(
    decoder: &mut Decoder,
    result: Result<T, Invalid>,
    span: &Range<usize>,
) -> Option<Spanned<T>> {
    match result {
        Ok(value) => Some(Spanned::new(value, span.clone())),
        Err(_) if decoder.written(span).contains(MASKED) => {
            let help = "a password or hash stands only under `password`, in quotes";
            decoder.error(span, "this looks like a secret at a wrong place", help);
            None
        }
        Err(Invalid { message, help }) => {
            decoder.error(span, message, &help);
            None
        }
    }
}
