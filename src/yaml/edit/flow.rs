//! Edits maps and lists in flow style.

use std::ops::Range;

use super::{Edit, Kind, Node, Refusal, Splice};

/// Returns whether a map or list is in flow style.
pub(super) fn is_flow(text: &str, node: &Node) -> bool {
    text.get(node.span.clone()).is_some_and(|text| text.starts_with(['[', '{']))
}

/// Adds `new` after the last entry.
pub(super) fn insert(text: &str, node: &Node, new: &str) -> Edit {
    let entries = entries(text, node);
    let Some(last) = entries.last() else {
        let open = node.span.start + 1;
        gap(text, open..node.span.end - 1)?;
        return Ok(Splice { range: open..open, text: new.to_owned() });
    };
    // On a line of its own, if the last entry has one.
    let line = text[..last.start].rfind('\n').map_or(0, |newline| newline + 1);
    let lead = &text[line..last.start];
    let own_line = line > node.span.start && lead.trim().is_empty();
    let newline = if text[..line].ends_with("\r\n") { "\r\n" } else { "\n" };
    let between = if own_line { format!("{newline}{lead}") } else { " ".to_owned() };
    Ok(match gap(text, last.end..node.span.end - 1)? {
        Some(comma) => Splice { range: comma + 1..comma + 1, text: format!("{between}{new},") },
        None => Splice { range: last.end..last.end, text: format!(",{between}{new}") },
    })
}

/// Removes an entry with the comma that separates it from the next or previous one.
pub(super) fn remove(text: &str, node: &Node, index: usize) -> Edit {
    let entries = entries(text, node);
    let entry = &entries[index];
    let next = entries.get(index + 1);
    let until = next.map_or(node.span.end - 1, |next| next.start);
    let comma_after = gap(text, entry.end..until)?;
    let range = match index.checked_sub(1).map(|before| &entries[before]) {
        Some(before) => match (gap(text, before.end..entry.start)?, next, comma_after) {
            (Some(comma), None, Some(trailing)) => comma + 1..trailing + 1,
            _ => before.end..entry.end,
        },
        None if next.is_some() => entry.start..until,
        None => entry.start..comma_after.map_or(entry.end, |comma| comma + 1),
    };
    Ok(Splice { range, text: String::new() })
}

/// Returns the range of each entry.
fn entries(text: &str, node: &Node) -> Vec<Range<usize>> {
    match &node.kind {
        Kind::Map(entries) => {
            entries.iter().map(|entry| entry.key.span.start..entry.end(text)).collect()
        }
        Kind::List(items) => items.iter().map(|item| item.span.clone()).collect(),
        Kind::Scalar(_) => Vec::new(),
    }
}

/// Returns the position of the comma between two entries, if there is nothing else between them.
fn gap(text: &str, range: Range<usize>) -> Result<Option<usize>, Refusal> {
    let refusal = |message, help| Refusal { place: range.clone(), message, help };
    let Some(between) = text.get(range.clone()) else {
        let help = "write out the alias, or edit it by hand";
        return Err(refusal("what is meant here is written elsewhere", help));
    };
    match between.trim() {
        "" => Ok(None),
        "," => Ok(between.find(',').map(|comma| range.start + comma)),
        other if other.contains('#') => Err(refusal(
            "a comment stands within brackets, where it would end up beside something else",
            "move it to a line above the key, or edit it by hand",
        )),
        _ => Err(refusal(
            "this place has an anchor, an alias or a `?` in it",
            "write out the alias, or edit it by hand",
        )),
    }
}
