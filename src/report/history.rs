//! Prints runs and saved plans.

use std::fmt::Write;

use super::plan::{self, symbol};
use super::style::{Style, View};
use super::{Report, format, json};
use crate::engine::{Change, Origin, Outcome, Run, SavedPlan};

impl Report {
    pub(crate) fn saved_plan(&mut self, plan: &SavedPlan) {
        if self.screen.json {
            self.emit(json::saved_plan(plan));
        }
        let text = saved_plan(plan, self.view());
        self.page(&text);
    }

    /// Lists runs, the newest first.
    pub(crate) fn history(&mut self, runs: &[Run]) {
        if self.screen.json {
            runs.iter().rev().for_each(|run| self.emit(json::run(run)));
        }
        let text = list(runs, self.style());
        self.say(&text);
    }

    pub(crate) fn run(&mut self, run: &Run, changes: &[Change]) {
        if self.screen.json {
            self.emit(json::run(run));
            changes.iter().for_each(|change| self.emit(json::change(change)));
        }
        let text = one(run, changes, self.view());
        self.page(&text);
    }

    /// Reports a run whose end was not reported yet.
    pub(crate) fn unreported(&mut self, run: &Run) {
        let text = one(run, &[], self.view_of_err());
        self.note(&format!(
            "The connection to the last run was lost. It went on and ended:\n{text}\n"
        ));
    }
}

/// Lists runs, the newest first.
fn list(runs: &[Run], style: Style) -> String {
    if runs.is_empty() {
        return "No run yet.\n".into();
    }
    let mut text = String::new();
    for run in runs.iter().rev() {
        let _ = writeln!(text, "{}", headline(run, style));
    }
    text
}

fn one(run: &Run, changes: &[Change], view: View) -> String {
    let mut text = headline(run, view.style) + "\n";
    if let Some(error) = &run.error {
        let _ = writeln!(text, "  failed: {error}");
    }
    if let Some(Outcome::Broken { left }) = &run.outcome {
        let _ = writeln!(text, "  not undone:\n    {}", left.join("\n    "));
    }
    let changes = plan::changes(changes, view);
    if changes.is_empty() { text } else { format!("{text}\n{changes}") }
}

fn saved_plan(plan: &SavedPlan, view: View) -> String {
    let mut text = format!("Made {}", format::moment(plan.made));
    if let Some(mail) = &plan.mail {
        let _ = write!(text, " from {}", mail.display());
    }
    text += "\n\n";
    text += &plan::intent(&plan.intent, "In short", view);
    let style = view.style;
    for changes in plan.changes.chunk_by(|a, b| a.step == b.step) {
        let _ = writeln!(text, "{}", style.heading(&changes[0].step));
        for change in changes {
            let symbol = symbol(&change.action, style);
            let line = format!("  {symbol} {}  {}", change.key, change.why.join("; "));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    for step in &plan.unseen {
        let _ = writeln!(text, "{}\n  ? could not be looked at", style.heading(step));
    }
    let _ = writeln!(text, "\n{}.", format::changes(plan.changes.len()));
    text
}

fn headline(run: &Run, style: Style) -> String {
    let outcome = match &run.outcome {
        None => style.changed("interrupted"),
        Some(Outcome::Applied) => style.added("applied"),
        Some(Outcome::Undone) => style.changed("failed, undone"),
        Some(Outcome::Settled) => style.changed("interrupted, nothing left to do"),
        Some(Outcome::Broken { .. }) => style.bad("failed, undone in part"),
    };
    let Origin { mail, playbook } = &run.origin;
    let from = mail.as_ref().map_or(String::new(), |mail| format!(", from {mail}"));
    let playbook =
        playbook.as_ref().map_or(String::new(), |it| format!(", with the playbook {it}"));
    format!(
        "{:>4}  {}  {} by {}{from}{playbook}, {}: {outcome}",
        run.number,
        format::moment(run.at),
        run.command,
        run.by,
        format::changes(run.records.len()),
    )
}
