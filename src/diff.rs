//! Compares two texts: returns the removed and added lines, and the words of them that changed.

use similar::{ChangeTag, TextDiff};

/// The number of unchanged lines around a change.
const CONTEXT: usize = 3;

/// A line of a unified diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The position of the following lines in both texts: `@@ -1,3 +1,4 @@`.
    Place(String),
    /// A line of both texts.
    Same(String),
    /// A line of the old text.
    Removed(Vec<Part>),
    /// A line of the new text.
    Added(Vec<Part>),
    /// The last line of one text has no newline.
    NoNewline,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The text, without the newline.
    pub text: String,
    /// Whether this part changed while the rest of the line did not.
    pub changed: bool,
}

/// Compares two texts line by line.
pub fn lines(old: &str, new: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    let mut unified = diff.unified_diff();
    for hunk in unified.context_radius(CONTEXT).iter_hunks() {
        lines.push(Line::Place(hunk.header().to_string()));
        for op in hunk.ops() {
            for change in diff.iter_inline_changes(op) {
                let mut parts: Vec<Part> = change
                    .iter_strings_lossy()
                    .map(|(changed, text)| Part { text: text.into_owned(), changed })
                    .collect();
                let ends = parts.last().is_some_and(|part| part.text.ends_with('\n'));
                if let Some(last) = parts.last_mut() {
                    last.text.truncate(last.text.trim_end_matches(['\n', '\r']).len());
                }
                lines.push(match change.tag() {
                    ChangeTag::Equal => {
                        Line::Same(parts.into_iter().map(|part| part.text).collect())
                    }
                    ChangeTag::Delete => Line::Removed(parts),
                    ChangeTag::Insert => Line::Added(parts),
                });
                if !ends {
                    lines.push(Line::NoNewline);
                }
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changed_words_of_a_line_are_marked() {
        let lines = lines("a\nquota is 5G today\n", "a\nquota is 6G today\n");
        let Line::Added(parts) = &lines[3] else { panic!("{lines:?}") };
        let changed: Vec<_> = parts.iter().filter(|part| part.changed).collect();
        assert_eq!(changed.len(), 1);
        assert!(changed[0].text.contains("6G"));
    }

    #[test]
    fn equal_texts_have_no_lines() {
        assert_eq!(lines("a\n", "a\n"), []);
    }
}
