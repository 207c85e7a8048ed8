//! Describes how a file differs: how many lines, and which.

use std::fmt::Write;
use std::path::Path;

use super::format;
use super::style::{Style, View};
use crate::diff::{self, Line, Part};
use crate::engine::Change;
use crate::resource::{Blob, Key, State};
use crate::services;
use crate::visible::visible_text;

/// A longer difference is shortened in the middle.
const LONG: usize = 40;
const FIRST: usize = 25;
const LAST: usize = 10;

/// The difference of a file's content.
pub(super) enum Difference {
    /// No difference, or no content.
    None,
    /// The lines of a text that may be shown. `all`: the text is new or removed, not compared.
    Text { lines: Vec<Line>, all: bool },
    /// A secret text, of which only the size may be shown.
    Secret(Vec<Line>, bool),
    /// Not a text.
    Bytes(usize),
}

impl Difference {
    pub(super) fn of(change: &Change) -> Self {
        let (old, new) = (blob(&change.before), blob(&change.after));
        if old == new {
            return Self::None;
        }
        let is_all = old.is_none() || new.is_none();
        let as_text = |blob: Option<&Blob>| -> Option<String> {
            let bytes = blob.map_or(Vec::new(), |blob| blob.shown().bytes().to_vec());
            Some(String::from_utf8(bytes).ok()?.replace('\r', "\\r"))
        };
        let (Some(before), Some(after)) = (as_text(old), as_text(new)) else {
            return Self::Bytes(new.or(old).map_or(0, |blob| blob.content.bytes().len()));
        };
        if change.before.is_secret() || change.after.is_secret() {
            return match masked(change, old, new) {
                Some((old, new)) => Self::Text { lines: diff::lines(&old, &new), all: is_all },
                None => Self::Secret(diff::lines(&before, &after), is_all),
            };
        }
        Self::Text { lines: diff::lines(&before, &after), all: is_all }
    }

    /// Describes the size: the lines of a new or removed file, or the lines added and removed.
    pub(super) fn size(&self) -> Option<String> {
        Some(match self {
            Self::None => return None,
            Self::Text { lines, all: true } => format::count(added(lines) + removed(lines), "line"),
            Self::Text { lines, all: false } => format!("+{} −{}", added(lines), removed(lines)),
            Self::Secret(lines, true) => {
                format!("secret; {}", format::count(added(lines) + removed(lines), "line"))
            }
            Self::Secret(lines, false) => format!("secret; +{} −{}", added(lines), removed(lines)),
            Self::Bytes(bytes) => format::count(*bytes, "byte"),
        })
    }

    pub(super) fn text(&self, view: View) -> String {
        match self {
            Self::None => String::new(),
            Self::Text { lines, all } => drawn(lines, *all, view),
            Self::Secret(..) if view.whole => "    (secret, so not shown)\n".into(),
            Self::Bytes(_) if view.whole => "    (not text, so not shown)\n".into(),
            Self::Secret(..) | Self::Bytes(_) => String::new(),
        }
    }
}

/// Returns the lines that a change adds to a file and removes, or `None` if it is not a text.
pub(super) fn line_counts(change: &Change) -> Option<(usize, usize)> {
    match Difference::of(change) {
        Difference::Text { lines, .. } | Difference::Secret(lines, _) => {
            Some((added(&lines), removed(&lines)))
        }
        Difference::None | Difference::Bytes(_) => None,
    }
}

fn added(lines: &[Line]) -> usize {
    lines.iter().filter(|line| matches!(line, Line::Added(_))).count()
}

fn removed(lines: &[Line]) -> usize {
    lines.iter().filter(|line| matches!(line, Line::Removed(_))).count()
}

/// The mail.yml of a host that receives it from another machine.
const MAIL: &str = "/etc/mailprov/mail.yml";

/// Returns both versions of a host's mail.yml with secrets masked.
fn masked(change: &Change, old: Option<&Blob>, new: Option<&Blob>) -> Option<(String, String)> {
    let Key::File(path) = &change.key else { return None };
    if path != Path::new(MAIL) {
        return None;
    }
    let text = |blob: Option<&Blob>| {
        String::from_utf8(blob.map_or(&[][..], |blob| blob.content.bytes()).to_vec()).ok()
    };
    let (old, new) = (text(old)?, text(new)?);
    match new.is_empty() {
        true => services::masked_texts("", &old).map(|(_, old)| (old, String::new())),
        false => services::masked_texts(&old, &new),
    }
}

pub(super) fn difference(old: &str, new: &str, view: View) -> String {
    drawn(&diff::lines(old, new), old.is_empty(), view)
}

/// Formats a difference, shortened in the middle. If `all` is new, the position is left out.
fn drawn(lines: &[Line], all: bool, view: View) -> String {
    let style = view.style;
    let is_shown = |line: &&Line| !(all && matches!(line, Line::Place(_)));
    let lines: Vec<&Line> = lines.iter().filter(is_shown).collect();
    let left_out = match lines.len() > LONG && !view.whole {
        true => FIRST..lines.len() - LAST,
        false => 0..0,
    };
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if !left_out.contains(&index) {
            let _ = writeln!(text, "    {}", shown(line, style));
        } else if index == left_out.start {
            let more = format!("… {} more lines (-v shows all)", left_out.len());
            let _ = writeln!(text, "    {}", style.faint(&more));
        }
    }
    text
}

fn blob(state: &State) -> Option<&Blob> {
    match state {
        State::File { blob, .. } => Some(blob),
        _ => None,
    }
}

fn shown(line: &Line, style: Style) -> String {
    match line {
        Line::Place(place) => style.faint(place),
        Line::Same(text) => format!("  {}", visible_text(text)),
        Line::Removed(parts) => style.removed("- ") + &marked(parts, false, style),
        Line::Added(parts) => style.added("+ ") + &marked(parts, true, style),
        Line::NoNewline => style.faint("\\ no newline at the end"),
    }
}

fn marked(parts: &[Part], added: bool, style: Style) -> String {
    let whole_line =
        parts.iter().all(|part| part.changed) || parts.iter().all(|part| !part.changed);
    let mark = |part: &Part| {
        let text = visible_text(&part.text);
        match (part.changed && !whole_line, added) {
            (true, _) => style.emphasised(&text, added),
            (false, true) => style.added(&text),
            (false, false) => style.removed(&text),
        }
    };
    parts.iter().map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: View = View { style: Style::new(false), width: None, whole: false };

    #[test]
    fn the_middle_of_ten_thousand_lines_is_only_counted() {
        let new: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let shown = difference("", &new, SHORT);
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert_eq!(lines.len(), FIRST + 1 + LAST);
        assert_eq!(
            lines[FIRST - 1..=FIRST + 1],
            ["+ 24", "… 9965 more lines (-v shows all)", "+ 9990"]
        );
        let whole = difference("", &new, View { whole: true, ..SHORT });
        assert_eq!(whole.lines().count(), 10_000);
    }

    #[test]
    fn one_line_among_ten_thousand_is_shown_with_its_neighbours() {
        let old: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let shown = difference(&old, &old.replace("\n5000\n", "\n5000\nnew\n"), SHORT);
        assert_eq!(shown.lines().count(), 8, "{shown}");
    }
}
