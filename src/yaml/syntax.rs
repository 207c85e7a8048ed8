//! Explains the errors of the YAML parser in plain words, each with a remedy.

use std::ops::Range;
use std::sync::Arc;

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Diagnostic, Source};

const INDENT: &str =
    "indent with spaces: keys of one map stand in one column, what is below a key further right";
const QUOTE: &str = "put the value in double quotes";

/// Turns an error of the parser into a diagnostic. `open` is the beginning of
/// the list or map being parsed.
pub(super) fn explain(
    source: &Arc<Source>,
    error: &ScanError,
    open: Option<&Range<usize>>,
) -> Diagnostic {
    let text = &source.text;
    let mut at = error.marker().byte_offset().unwrap_or(text.len());
    if *error.kind() == ErrorKind::TabInPlainScalar {
        // The parser stops at the end of the value, on a line before.
        at += text.get(at..).and_then(|rest| rest.find('\t')).unwrap_or_default();
    }
    if let Some(tab) = tab_in_indentation(text, at) {
        return Diagnostic::new(source, tab, "a tab in the indentation")
            .help("YAML is indented with spaces: replace the tab by spaces");
    }
    if let Some(mistake) = earlier_line(source, error.kind(), at) {
        return mistake;
    }
    let bracket = open.and_then(|open| unclosed(text, open.start, at));
    let (place, (message, help)) = match bracket {
        Some(bracket) if *error.kind() != ErrorKind::RecursionLimitExceeded => {
            let kind = ErrorKind::UnclosedFlowCollection { open: bracket };
            (open.map_or(at, |open| open.start), words(&kind))
        }
        _ => (at, words(error.kind())),
    };
    let mistake = Diagnostic::new(source, place..next_character(text, place), message);
    if help.is_empty() { mistake } else { mistake.help(help) }
}

/// Finds the line above that causes an error on a later line.
fn earlier_line(source: &Arc<Source>, kind: &ErrorKind, at: usize) -> Option<Diagnostic> {
    let text = &source.text;
    let start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
    if *kind == ErrorKind::InvalidTrailingDoubleQuotedScalar {
        let quote = unpaired_quote(&text[..start])?;
        return Some(
            Diagnostic::new(source, quote..quote + 1, "a quote is not closed")
                .help("add the closing quote"),
        );
    }
    if !matches!(kind, ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidSimpleKey) {
        return None;
    }
    let above = text[..start].trim_end();
    let above = above.rfind('\n').map_or(0, |newline| newline + 1)..above.len();
    let (line, indent) = unindented(&text[above.clone()]);
    let (_, own_indent) = unindented(text[start..].lines().next().unwrap_or_default());
    let is_key = line.contains(": ") || line.ends_with(':');
    if !is_key && !line.is_empty() && indent == own_indent && !line.starts_with(['-', '#']) {
        let place = above.start + indent..above.end;
        return Some(
            Diagnostic::new(source, place, "expected `key: value`")
                .help("put a `:` and a space after the key"),
        );
    }
    if is_key && own_indent > indent {
        let place = start + own_indent..at;
        return Some(
            Diagnostic::new(source, place, "indented further than the line above")
                .help("begin it in the same column as the keys beside it"),
        );
    }
    None
}

fn unindented(line: &str) -> (&str, usize) {
    let text = line.trim_start();
    (text, line.len() - text.len())
}

/// Returns the last double quote of the first line with an odd number of them.
fn unpaired_quote(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut quotes = line.match_indices('"').filter(|(at, _)| !line[..*at].ends_with('\\'));
        if quotes.clone().count() % 2 == 1 {
            return quotes.next_back().map(|(at, _)| start + at);
        }
        start += line.len();
    }
    None
}

/// Returns the open bracket, if the error is on a later line.
fn unclosed(text: &str, open: usize, error: usize) -> Option<char> {
    let between = text.get(open..error.min(text.len()))?;
    let bracket = between.chars().next().filter(|c| matches!(c, '[' | '{'))?;
    between.contains('\n').then_some(bracket)
}

/// Returns a diagnostic for the first character that YAML does not allow.
pub(super) fn control_character(source: &Arc<Source>) -> Option<Diagnostic> {
    let (at, found) = source
        .text
        .char_indices()
        .find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}'))?;
    let message = format!("a control character, U+{:04X}", u32::from(found));
    let place = at..at + found.len_utf8();
    Some(Diagnostic::new(source, place, message).help("remove the character"))
}

/// Returns the diagnostic for nesting beyond the limit.
pub(super) fn too_deep(source: &Arc<Source>, place: Range<usize>) -> Diagnostic {
    Diagnostic::new(source, place, "lists and maps are nested too deeply")
        .help("at most 64 levels are read")
}

/// Finds the tab that indents the line of the error.
fn tab_in_indentation(text: &str, at: usize) -> Option<Range<usize>> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let indent = text[line..].find(|c| c != ' ' && c != '\t').map_or(text.len(), |n| line + n);
    text[line..indent].find('\t').map(|tab| line + tab..line + tab + 1)
}

fn next_character(text: &str, at: usize) -> usize {
    let next = text.get(at..).and_then(|rest| rest.chars().next());
    at + next.filter(|c| !c.is_control()).map_or(0, char::len_utf8)
}

/// Returns the message and the remedy.
fn words(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as E;
    let (message, help) = match kind {
        E::UnexpectedEofFlowSequence | E::UnclosedFlowCollection { open: '[' } => {
            ("a `[` is not closed", "add the `]`")
        }
        E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::UnclosedFlowCollection { .. } => ("a `{` is not closed", "add the `}`"),
        E::ExpectedFlowSequenceSeparator => {
            ("expected `,` or `]`", "separate the values of a `[…]` list by commas")
        }
        E::ExpectedFlowMappingSeparator => {
            ("expected `,` or `}`", "separate the entries of a `{…}` map by commas")
        }
        E::MismatchedFlowCollectionEnd { open, close } => {
            return (
                format!("`{close}` does not close the `{open}`"),
                "close what was opened last",
            );
        }
        E::MisplacedFlowCollectionEnd => {
            ("a closing bracket without an opening one", "remove it, or put the value in quotes")
        }
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => {
            ("a quote is not closed", "add the closing quote")
        }
        E::InvalidTrailingSingleQuotedScalar => (
            "text after the closing quote",
            "end the value at the quote; a `'` within single quotes is written `''`",
        ),
        E::InvalidTrailingDoubleQuotedScalar => (
            "text after the closing quote",
            "end the value at the quote; a `\"` within double quotes is written `\\\"`",
        ),
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => (
            "an escape that YAML does not know",
            "write a backslash as `\\\\`, or use single quotes, where it is an ordinary character",
        ),
        E::UnknownAnchor => (
            "this alias names no anchor",
            "a value that begins with `*` must be in quotes; an alias needs `&name` above it",
        ),
        E::MissingAnchorOrAliasName => {
            ("a name is missing", "a value that begins with `&` or `*` must be in quotes")
        }
        E::ExpectedTagBang
        | E::ExpectedTagDirectiveBang
        | E::InvalidGlobalTagCharacter
        | E::UndeclaredTagHandle
        | E::InvalidTagTerminator
        | E::MissingTagUri
        | E::UnclosedVerbatimTag
        | E::InvalidTagEscape => {
            ("a YAML tag has no meaning here", "a value that begins with `!` must be in quotes")
        }
        E::DirectiveDisallowed => {
            ("a line that begins with `%`", "remove the line; YAML directives are not used here")
        }
        E::UnexpectedCharacter { character } => {
            return (format!("a value cannot begin with `{character}`"), QUOTE);
        }
        E::RecursionLimitExceeded => {
            ("lists and maps are nested too deeply", "at most 64 levels are read")
        }
        E::SimpleKeyExpected | E::InvalidSimpleKey => {
            ("expected `key: value`", "put a `:` and a space after the key")
        }
        E::MappingValueNotAllowed | E::InvalidColonPlacement => (
            "a `:` where no key can be",
            "indent a key like the keys beside it; put a value that contains `: ` in quotes",
        ),
        E::BlockSequenceEntryNotAllowed | E::BlockEntryInFlowCollection => (
            "a `- ` where no list can be",
            "begin the list on a line of its own, further right than its key",
        ),
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => ("a tab where YAML wants spaces", "replace the tab by spaces"),
        E::CommentNotSeparated | E::CommentInterceptedScalar => (
            "a comment in the middle of a value",
            "put a space before the `#`, or the whole value in quotes",
        ),
        E::BomInsideDocument => ("a byte order mark in the text", "remove the character"),
        E::InvalidBlockScalarHeader | E::ZeroBlockScalarIndent => {
            ("text after `|` or `>`", "begin the text on the next line, indented")
        }
        E::ExpectedBlockMappingKey => ("expected a key", INDENT),
        E::ExpectedBlockSequenceEntry => {
            ("expected `- `", "begin each value of the list with `- `, all in one column")
        }
        E::ExpectedDocumentStart
        | E::InvalidDocumentEnd
        | E::MissingDocumentEndBeforeDirective
        | E::ExpectedNodeContent => ("this does not belong to what stands above it", INDENT),
        E::InvalidIndentation
        | E::InvalidBlockScalarIndent
        | E::InvalidQuotedScalarIndent
        | E::InvalidFlowScalarIndent => ("the indentation does not fit the lines above", INDENT),
        _ => ("this is not YAML", "put a value with unusual characters in double quotes"),
    };
    (message.to_owned(), help)
}
