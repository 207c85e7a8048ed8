//! Edits maps and lists in block style.
//!
//! An entry is a range of lines: from that of its key or dash to that of the
//! end of its value, and the comments right below that are indented further
//! than the key.

use std::ops::Range;

use super::{Edit, Entry, Kind, Node, Refusal, Splice, Value, flow, not_a};

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Adds an entry after the first `index` entries of a map.
pub(super) fn insert(
    text: &str,
    entries: &[Entry],
    index: usize,
    key: &str,
    value: &Value,
) -> Edit {
    let column = column(text, entries[0].key.span.start);
    let maps = || entries.iter().rev().filter(|entry| matches!(entry.value.kind, Kind::Map(_)));
    let newline = newline(text);
    let line = match maps().next() {
        Some(beside) if flow::is_flow(text, &beside.value) => {
            format!("{}{}", " ".repeat(column), value.flow_entry(key))
        }
        _ => {
            let step = maps().find_map(|entry| {
                let inner = self::column(text, entry.value.span.start);
                inner.checked_sub(column).filter(|step| (1..=8).contains(step))
            });
            value.block_entry(key, column, step.unwrap_or(2), newline)
        }
    };
    Ok(put(text, entries[index - 1].end(text), column, &line, newline))
}

/// Adds an item to the end of a list.
pub(super) fn push(text: &str, items: &[Node], value: &Value) -> Edit {
    let (Some(first), Some(last)) = (items.first(), items.last()) else {
        return Ok(Splice { range: 0..0, text: String::new() });
    };
    let dash = dash(text, first)?;
    let column = column(text, dash.start);
    // The distance from the dash is that of the first item.
    let lead = " ".repeat(column);
    let gap = " ".repeat((dash.end - dash.start).saturating_sub(1).max(1));
    let line = format!("{lead}-{gap}{}", value.flow());
    Ok(put(text, last.end(text), column, &line, newline(text)))
}

/// Removes the lines of an entry or an item.
pub(super) fn remove(text: &str, node: &Node, index: usize) -> Edit {
    let (start, end, count) = match &node.kind {
        Kind::Map(entries) => {
            let entry = &entries[index];
            (entry.key.span.start, entry.end(text), entries.len())
        }
        Kind::List(items) => {
            (dash(text, &items[index])?.start, items[index].end(text), items.len())
        }
        Kind::Scalar(_) => return Err(not_a(node, "this is neither a map nor a list")),
    };
    if count == 1 {
        return Err(not_a(node, "nothing else would be left here"));
    }
    let first = line_start(text, start);
    if !text[first..start].bytes().all(|byte| byte == b' ') {
        return Err(not_a(node, "what is to be removed does not begin its line"));
    }
    let after = lines_end(text, end, column(text, start));
    // If the last line has no newline, the line before must not keep one either.
    let range = match text[..after].ends_with('\n') {
        true => first..after,
        false => line_break_before(text, first)..after,
    };
    Ok(Splice { range, text: String::new() })
}

/// Adds a line after the entry whose value ends at `end`.
fn put(text: &str, end: usize, column: usize, line: &str, newline: &str) -> Splice {
    let at = lines_end(text, end, column);
    let text = match text[..at].ends_with('\n') {
        true => format!("{line}{newline}"),
        false => format!("{newline}{line}"),
    };
    Splice { range: at..at, text }
}

/// Returns the end of the lines of an entry whose value ends at `end`.
fn lines_end(text: &str, end: usize, column: usize) -> usize {
    // A block scalar ends with its newline, other values before it.
    let end = text[..end].trim_end().len();
    let mut at = text[end..].find('\n').map_or(text.len(), |newline| end + newline + 1);
    while let Some(line) = text[at..].split_inclusive('\n').next() {
        let comment = line.trim_start_matches(' ');
        if !comment.starts_with('#') || line.len() - comment.len() <= column {
            break;
        }
        at += line.len();
    }
    at
}

/// Finds the dash before an item, with the spaces after it.
fn dash(text: &str, item: &Node) -> Result<Range<usize>, Refusal> {
    let before = &text[line_start(text, item.span.start)..item.span.start];
    let lead = before.len() - before.trim_start_matches(' ').len();
    let rest = &before[lead..];
    let simple = rest.strip_prefix('-').is_some_and(|gap| gap.bytes().all(|byte| byte == b' '));
    if !simple {
        return Err(not_a(item, "the item does not stand simply behind its dash"));
    }
    Ok(item.span.start - rest.len()..item.span.start)
}

fn column(text: &str, at: usize) -> usize {
    at - line_start(text, at)
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(first_byte(text), |newline| newline + 1)
}

fn first_byte(text: &str) -> usize {
    if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 }
}

/// Returns the position of the line break before a line.
fn line_break_before(text: &str, line: usize) -> usize {
    let before = &text[..line];
    let before = before.strip_suffix('\n').unwrap_or(before);
    before.strip_suffix('\r').unwrap_or(before).len()
}

/// Returns the kind of line ends in a text.
fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}
