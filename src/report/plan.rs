//! A plan as people read it: steps, what changes in each and why, diffs.

use std::fmt::Write;

use super::people;
use super::style::Style;
use crate::diff::{self, Line, Part};
use crate::engine::{Change, Drift, Plan};
use crate::resource::{Action, Blob, State, action, differences};

/// Renders a plan. `subject` is what it is for, such as the host name.
pub(super) fn text(plan: &Plan, subject: &str, style: Style) -> String {
    let mut text = String::new();
    for changes in plan.changes.chunk_by(|a, b| a.step == b.step) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", style.heading(&changes[0].step));
        for change in changes {
            show(&mut text, change, style);
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
    match (plan.changes.is_empty(), plan.unseen.is_empty()) {
        (true, true) => format!("Nothing to do: {subject} is as it should be.\n"),
        (true, false) => "Nothing to do as far as can be seen.\n".into(),
        _ => format!(
            "{} for {subject}: {create} to create, {update} to change, {delete} to remove.\n",
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
    let mut words = differences(&change.key, &change.before, &change.after);
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
        text.push_str("    (secret, so not shown)\n");
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

/// Shows two texts as what goes and what comes.
pub(super) fn difference(old: &str, new: &str, style: Style) -> String {
    let mut text = String::new();
    for line in diff::lines(old, new) {
        // Where all is new there is one place, and it says nothing.
        if !matches!((&line, old.is_empty()), (Line::Place(_), true)) {
            let _ = writeln!(text, "    {}", shown(&line, style));
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
        Line::Same(text) => format!("  {}", visible(text)),
        Line::Removed(parts) => style.removed("- ") + &marked(parts, false, style),
        Line::Added(parts) => style.added("+ ") + &marked(parts, true, style),
        Line::NoNewline => style.faint("\\ no newline at the end"),
    }
}

fn marked(parts: &[Part], added: bool, style: Style) -> String {
    let whole_line =
        parts.iter().all(|part| part.changed) || parts.iter().all(|part| !part.changed);
    let mark = |part: &Part| {
        let text = visible(&part.text);
        match (part.changed && !whole_line, added) {
            (true, _) => style.emphasised(&text, added),
            (false, true) => style.added(&text),
            (false, false) => style.removed(&text),
        }
    };
    parts.iter().map(mark).collect()
}

/// Shows control characters as such: what a file holds must not command the
/// terminal.
fn visible(text: &str) -> String {
    let shown = |c: char| match c.is_control() && c != '\t' {
        true => c.escape_default().collect(),
        false => c.to_string(),
    };
    text.chars().map(shown).collect()
}
