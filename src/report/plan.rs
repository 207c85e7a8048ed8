//! Prints a plan: its intent, then one line a change with its size, and the
//! differences of existing files. The text of new files is shown on request.

use std::fmt::Write;

use super::difference::{Difference, difference};
use super::style::{Style, View};
use super::{Report, format, json};
use crate::engine::{Change, Drift, Plan};
use crate::intent::Intent;
use crate::resource::{Action, State, action};
use crate::visible::visible_text;
use crate::wrap;

/// The limits of both columns: keys and descriptions. A longer entry is not aligned.
const WIDEST: [usize; 2] = [42, 32];

impl Report {
    pub(crate) fn plan(&mut self, plan: &Plan, subject: &str) {
        if self.screen.json {
            json::plan(plan).into_iter().for_each(|line| self.emit(line));
        }
        if !self.screen.quiet {
            let text = self.planned(plan, subject);
            self.say(&text);
        }
    }

    /// Shows a plan without a question, in the pager if it is long.
    pub(crate) fn plan_to_read(&mut self, plan: &Plan, subject: &str) {
        if self.screen.json || self.screen.quiet {
            return self.plan(plan, subject);
        }
        let text = self.planned(plan, subject);
        self.page(&text);
    }

    fn planned(&self, plan: &Plan, subject: &str) -> String {
        let view = self.view();
        let fulfilled = if view.whole { fulfilled(plan, view.style) } else { String::new() };
        fulfilled + &text(plan, subject, view)
    }

    /// Shows the edit of a file: both versions, with secrets masked.
    pub(crate) fn edited(&mut self, file: &str, before: &str, after: &str) {
        if self.screen.json {
            self.emit(json::edited(file));
        }
        if !self.screen.quiet {
            let view = self.view();
            let text = difference(before, after, view);
            self.say(&format!("{}\n{text}", view.style.heading(file)));
        }
    }
}

/// Formats a plan. `subject` is its target, such as the host name.
pub(super) fn text(plan: &Plan, subject: &str, view: View) -> String {
    let View { style, width, .. } = view;
    let mut text = notes(plan, view);
    text += &intent(&plan.intent(), &format!("In short, for {subject}"), view);
    text += &changes(&plan.changes, view);
    if !plan.changes.is_empty() {
        text.push('\n');
    }
    if !plan.affected.is_empty() {
        let _ = writeln!(text, "{}", style.heading("Mail of accounts that go or move"));
        for affected in &plan.affected {
            text += &wrap::wrap(&format!("  {}\n", visible_text(&affected.text)), width);
        }
        text.push('\n');
    }
    for unseen in &plan.unseen {
        let reason = wrap::wrap(&format!("  ? {}\n", unseen.reason), width);
        let _ = writeln!(text, "{}\n{reason}", style.heading(&unseen.step));
    }
    if !plan.unseen.is_empty() {
        let steps = format::count(plan.unseen.len(), "step");
        let all = format!("{steps} could not be compared: run this as root to see all.\n\n");
        text += &wrap::wrap(&all, width);
    }
    text + &wrap::wrap(&summary(plan, subject), width)
}

/// Formats the notes about losses, which come first.
fn notes(plan: &Plan, view: View) -> String {
    let View { style, width, .. } = view;
    if plan.notes.is_empty() {
        return String::new();
    }
    let title = "What the mail server of this host does now, and then no more";
    let mut text = format!("{}\n", style.heading(title));
    for note in &plan.notes {
        let (what, keep) = (visible_text(&note.what), visible_text(&note.keep));
        let note = format!("  {} {what}\n      to keep it: {keep}\n", style.changed("!"));
        text += &wrap::wrap(&note, width);
    }
    text + "\n"
}

pub(super) fn intent(intent: &Intent, heading: &str, view: View) -> String {
    let View { style, width, .. } = view;
    if intent.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", style.heading(heading));
    for item in &intent.0 {
        let symbol = symbol(&item.action, style);
        let line = format!("  {symbol} {}\n", visible_text(&item.text()));
        text += &wrap::wrap(&line, width);
    }
    text + "\n"
}

pub(super) fn changes(changes: &[Change], view: View) -> String {
    let View { style, whole, .. } = view;
    let mut text = String::new();
    if !whole && !changes.is_empty() {
        let _ = writeln!(text, "{}", style.heading("Changes, in order"));
    }
    let lines: Vec<(&Change, [String; 2], Difference)> = changes
        .iter()
        .map(|change| {
            let difference = Difference::of(change);
            (change, [change.key.to_string(), words(change, &difference)], difference)
        })
        .collect();
    let column = |of: usize| {
        let widths = lines.iter().map(|(_, line, _)| wrap::width(&line[of]));
        widths.filter(|width| *width <= WIDEST[of]).max().unwrap_or(0)
    };
    // Without a terminal there are no columns, so that programs can split lines at two spaces.
    let columns = if view.width.is_some() { [column(0), column(1)] } else { [0, 0] };
    for step in lines.chunk_by(|a, b| a.0.step == b.0.step) {
        if whole {
            let _ = writeln!(text, "{}", style.heading(&step[0].0.step));
        }
        for (index, (change, [key, words], difference)) in step.iter().enumerate() {
            let symbol = symbol(&action(&change.before, &change.after).to_string(), style);
            let start = format!("  {symbol} {}  ", padded(key, columns[0]));
            let mut line = wrap::behind(&start, words, view.width);
            // The name of the step follows its first change, if there is room.
            let named =
                format!("{start}{}  {}", padded(words, columns[1]), style.faint(&change.step));
            let fits = |width| wrap::width(&named) <= width;
            if index == 0 && !whole && view.width.is_none_or(fits) {
                line = named;
            }
            let _ = writeln!(text, "{}", line.trim_end());
            let is_new = [&change.before, &change.after].contains(&&State::Absent);
            if whole || !is_new {
                text.push_str(&difference.text(view));
            }
        }
        if whole {
            text.push('\n');
        }
    }
    text.truncate(text.trim_end_matches('\n').len());
    if changes.is_empty() { text } else { text + "\n" }
}

/// Formats the list of steps without changes.
fn fulfilled(plan: &Plan, style: Style) -> String {
    plan.fulfilled.iter().map(|step| format!("{}\n", style.faint(&format!("= {step}")))).collect()
}

fn summary(plan: &Plan, subject: &str) -> String {
    let many = |wanted| {
        plan.changes.iter().filter(|change| action(&change.before, &change.after) == wanted).count()
    };
    let counts = [
        (many(Action::Create), "to create"),
        (many(Action::Update), "to change"),
        (many(Action::Delete), "to remove"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
    let playbook = plan.origin.playbook.as_ref();
    let with = playbook.map_or(String::new(), |it| format!(" with the playbook {it}"));
    match (plan.changes.is_empty(), plan.unseen.is_empty()) {
        (true, true) => format!("Nothing to do{with}: {subject} is as it should be.\n"),
        (true, false) => format!("Nothing to do{with} as far as can be seen.\n"),
        _ => format!(
            "{} for {subject}{with}: {}.\n",
            format::changes(plan.changes.len()),
            counts.join(", ")
        ),
    }
}

/// Returns the symbol of an action in its colour.
pub(super) fn symbol(action: &str, style: Style) -> String {
    match action {
        "create" => style.added("+"),
        "delete" => style.removed("-"),
        _ => style.changed("~"),
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(wrap::width(text))))
}

/// Describes the size of a change, and its reason.
fn words(change: &Change, difference: &Difference) -> String {
    let mut words = change.why();
    if let Some(size) = difference.size() {
        words.retain(|word| word != "content");
        words.insert(0, size);
    }
    match &change.drift {
        Some(Drift { run, kept_aside: Some(aside) }) => words.push(format!(
            "replaced by a package upgrade since run {run}, which put it aside as {}",
            aside.display()
        )),
        Some(Drift { run, .. }) => words.push(format!("changed by hand since run {run}")),
        None => {}
    }
    words.join("; ")
}
