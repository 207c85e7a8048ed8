//! Runs and saved plans as people read them.

use std::fmt::Write;

use super::people;
use super::plan::show;
use super::style::Style;
use crate::engine::{Change, Origin, Outcome, Run, SavedPlan};

/// Lists runs, the newest first.
pub(super) fn list(runs: &[Run], style: Style) -> String {
    if runs.is_empty() {
        return "No run yet.\n".into();
    }
    let mut text = String::new();
    for run in runs.iter().rev() {
        let _ = writeln!(text, "{}", headline(run, style));
    }
    text
}

/// Shows one run with the changes that it made.
pub(super) fn one(run: &Run, changes: &[Change], style: Style) -> String {
    let mut text = headline(run, style) + "\n";
    if let Some(error) = &run.error {
        let _ = writeln!(text, "  failed: {error}");
    }
    if let Some(Outcome::Broken { left }) = &run.outcome {
        let _ = writeln!(text, "  not undone:\n    {}", left.join("\n    "));
    }
    for changes in changes.chunk_by(|a, b| a.step == b.step) {
        let _ = writeln!(text, "\n{}", style.heading(&changes[0].step));
        changes.iter().for_each(|change| show(&mut text, change, style));
    }
    text
}

/// Shows a saved plan.
pub(super) fn saved_plan(plan: &SavedPlan, style: Style) -> String {
    let mut text = format!("Made {}", people::moment(plan.made));
    if let Some(mail) = &plan.mail {
        let _ = write!(text, " from {}", mail.display());
    }
    text.push('\n');
    for changes in plan.changes.chunk_by(|a, b| a.step == b.step) {
        let _ = writeln!(text, "\n{}", style.heading(&changes[0].step));
        for change in changes {
            let symbol = match change.action.as_str() {
                "create" => style.added("+"),
                "delete" => style.removed("-"),
                _ => style.changed("~"),
            };
            let line = format!("  {symbol} {}  {}", change.key, change.why.join("; "));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    for step in &plan.unseen {
        let _ = writeln!(text, "\n{}\n  ? could not be looked at", style.heading(step));
    }
    let _ = writeln!(text, "\n{}.", people::changes(plan.changes.len()));
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
        people::moment(run.at),
        run.command,
        run.by,
        people::changes(run.records.len()),
    )
}
