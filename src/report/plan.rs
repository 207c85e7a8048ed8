//! A plan as people read it: steps, what changes in each and why, diffs.

use std::fmt::Write;
use std::path::Path;

use super::people;
use super::style::Style;
use crate::diff::{self, Line, Part};
use crate::engine::{Change, Drift, Plan};
use crate::resource::{Action, Blob, Key, State, action};
use crate::services;
use crate::visible::visible_text;

/// Where more lines than this come or go in one place, a person does not read
/// them all; files that people wrote are shorter.
const LONG: usize = 400;

/// How many lines of those are shown, at the beginning and at the end.
const FIRST: usize = 20;
const LAST: usize = 5;

/// Renders a plan. `subject` is what it is for, such as the host name.
pub(super) fn text(plan: &Plan, subject: &str, style: Style) -> String {
    let mut text = notes(plan, style);
    for changes in plan.changes.chunk_by(|a, b| a.step == b.step) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", style.heading(&changes[0].step));
        for change in changes {
            show(&mut text, change, style);
        }
        text.push('\n');
    }
    if !plan.affected.is_empty() {
        let _ = writeln!(text, "{}", style.heading("What becomes of people's mail"));
        for affected in &plan.affected {
            let _ = writeln!(text, "  {}", visible_text(&affected.text));
        }
        text.push('\n');
    }
    for unseen in &plan.unseen {
        let _ = writeln!(text, "{}\n  ? {}\n", style.heading(&unseen.step), unseen.reason);
    }
    if !plan.unseen.is_empty() {
        let steps = people::count(plan.unseen.len(), "step");
        let _ = writeln!(text, "{steps} could not be compared: run this as root to see all.\n");
    }
    text.push_str(&summary(plan, subject));
    text
}

/// Says, before all else, what will be no more.
fn notes(plan: &Plan, style: Style) -> String {
    if plan.notes.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{}\n",
        style.heading("What the mail server of this host does now, and then no more")
    );
    for note in &plan.notes {
        let _ = writeln!(text, "  {} {}", style.changed("!"), visible_text(&note.what));
        let _ = writeln!(text, "      to keep it: {}", visible_text(&note.keep));
    }
    text.push('\n');
    text
}

/// Lists the steps that need nothing.
pub(super) fn fulfilled(plan: &Plan, style: Style) -> String {
    plan.fulfilled.iter().map(|step| format!("{}\n", style.faint(&format!("= {step}")))).collect()
}

fn summary(plan: &Plan, subject: &str) -> String {
    let many = |wanted| {
        plan.changes.iter().filter(|change| action(&change.before, &change.after) == wanted).count()
    };
    let (create, update, delete) =
        (many(Action::Create), many(Action::Update), many(Action::Delete));
    let playbook = plan.origin.playbook.as_ref();
    let with = playbook.map_or(String::new(), |it| format!(" with the playbook {it}"));
    match (plan.changes.is_empty(), plan.unseen.is_empty()) {
        (true, true) => format!("Nothing to do{with}: {subject} is as it should be.\n"),
        (true, false) => format!("Nothing to do{with} as far as can be seen.\n"),
        _ => format!(
            "{} for {subject}{with}: {create} to create, {update} to change, {delete} to remove.\n",
            people::changes(plan.changes.len())
        ),
    }
}

/// Shows one change.
pub(super) fn show(text: &mut String, change: &Change, style: Style) {
    let symbol = match action(&change.before, &change.after) {
        Action::Create => style.added("+"),
        Action::Update => style.changed("~"),
        Action::Delete => style.removed("-"),
    };
    let mut words = change.why();
    match &change.drift {
        Some(Drift { run, kept_aside: Some(aside) }) => words.push(format!(
            "replaced by a package upgrade since run {run}, which put it aside as {}",
            aside.display()
        )),
        Some(Drift { run, .. }) => words.push(format!("changed by hand since run {run}")),
        None => {}
    }
    let line = format!("  {symbol} {}  {}", change.key, style.faint(&words.join("; ")));
    let _ = writeln!(text, "{}", line.trim_end());
    content(text, change, style);
}

/// Shows what of a file's content changes.
fn content(text: &mut String, change: &Change, style: Style) {
    let (old, new) = (blob(&change.before), blob(&change.after));
    if old == new {
        return;
    }
    if change.before.is_secret() || change.after.is_secret() {
        match veiled(change, old, new) {
            Some((old, new)) => text.push_str(&difference(&old, &new, style)),
            None => text.push_str("    (secret, so not shown)\n"),
        }
        return;
    }
    let as_text = |blob: Option<&Blob>| -> Option<String> {
        let bytes = blob.map_or(&[][..], |blob| blob.content.bytes());
        Some(String::from_utf8(bytes.to_vec()).ok()?.replace('\r', "\\r"))
    };
    match (as_text(old), as_text(new)) {
        (Some(old), Some(new)) => {
            text.push_str(&difference(&old, &new, style));
        }
        _ => text.push_str("    (not text, so not shown)\n"),
    }
}

/// Where a mail.yml that was sent to a host is.
const MAIL: &str = "/etc/mailprov/mail.yml";

/// Returns both versions of a host's mail.yml as they may be seen.
fn veiled(change: &Change, old: Option<&Blob>, new: Option<&Blob>) -> Option<(String, String)> {
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

/// Shows two texts as what goes and what comes.
pub(super) fn difference(old: &str, new: &str, style: Style) -> String {
    let mut text = String::new();
    // Where all is new there is one place, and it says nothing.
    let says_nothing = |line: &Line| matches!(line, Line::Place(_)) && old.is_empty();
    let lines: Vec<Line> =
        diff::lines(old, new).into_iter().filter(|line| !says_nothing(line)).collect();
    for alike in lines.chunk_by(|a, b| std::mem::discriminant(a) == std::mem::discriminant(b)) {
        let hidden = match alike.len() > LONG && !style.whole {
            true => FIRST..alike.len() - LAST,
            false => 0..0,
        };
        for (index, line) in alike.iter().enumerate() {
            if !hidden.contains(&index) {
                let _ = writeln!(text, "    {}", shown(line, style));
            } else if index == hidden.start {
                let _ = writeln!(text, "    {}", left_out(line, hidden.len(), style));
            }
        }
    }
    text
}

/// Says how many lines like this one are not shown.
fn left_out(line: &Line, many: usize, style: Style) -> String {
    let sign = match line {
        Line::Added(_) => "+ ",
        Line::Removed(_) => "- ",
        _ => "  ",
    };
    style.faint(&format!("{sign}… {many} more lines (-v shows all)"))
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

    #[test]
    fn of_ten_thousand_new_lines_a_few_are_shown_and_the_rest_counted() {
        let new: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let shown = difference("", &new, Style::new(false));
        let lines: Vec<&str> = shown.lines().map(str::trim).collect();
        assert_eq!(lines.len(), FIRST + 1 + LAST);
        assert_eq!(
            lines[FIRST - 1..=FIRST + 1],
            ["+ 19", "+ … 9975 more lines (-v shows all)", "+ 9995"]
        );
        let whole = difference("", &new, Style::new(false).whole(true));
        assert_eq!(whole.lines().count(), 10_000);
    }

    #[test]
    fn one_line_among_ten_thousand_is_shown_with_its_neighbours() {
        let old: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        let shown = difference(&old, &old.replace("\n5000\n", "\n5000\nnew\n"), Style::new(false));
        assert_eq!(shown.lines().count(), 8, "{shown}");
    }
}
