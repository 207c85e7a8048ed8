//! A value and the place it was written at.

use std::ops::Range;

use crate::yaml::{Decoder, Key, Node};

/// A value with its place in `mail.yml`, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it is written; for a default, the key it follows from.
    pub span: Range<usize>,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}

/// Why a text is not what it should be, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The mistake.
    pub message: String,
    /// The remedy.
    pub help: String,
}

impl Invalid {
    /// Joins what is wrong and the remedy.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// What is left of a secret in the text that may be shown. An error that
/// repeats such a text would show it after all.
const MASKED: &str = "****";

/// Reads a one-line text as a `T`, or reports why it is none.
pub(crate) fn value<T>(
    decoder: &mut Decoder,
    node: &Node,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Option<Spanned<T>> {
    let text = decoder.line(node)?;
    checked(decoder, parse(text), &node.span)
}

/// Reads a key as a `T`, or reports why it is none.
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
