//! Plans, findings and errors as plain text, for a mail.

use super::style::{Style, View};
use super::{check, mistakes, plan};
use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::engine::Plan;
use crate::finding::Finding;
use crate::wire::Styled;

fn view() -> View {
    View { style: Style::new(false), width: None, whole: false }
}

/// Removes styles, and makes escape sequences visible.
fn plain(text: &str) -> String {
    Styled::read(text).shown(false)
}

/// Writes a plan. `subject` is what it is for.
pub(crate) fn plan_text(plan: &Plan, subject: &str) -> String {
    plain(&plan::text(plan, subject, view()))
}

/// Writes what is not as it must be of what checks found, by their names.
pub(crate) fn findings_text(found: &[(&str, Vec<Finding>)]) -> String {
    let listed = |(part, findings): &(&str, Vec<Finding>)| {
        check::listed(part, findings, true, false, view().style)
    };
    let all: Vec<_> = found.iter().flat_map(|(_, findings)| findings.clone()).collect();
    plain(&(found.iter().map(listed).collect::<String>() + &check::following(&all, false)))
}

/// Writes why a command failed.
pub(crate) fn error_text(error: &CommandError) -> String {
    plain(&match error.diagnostics() {
        [] => mistakes::failure(&error.to_string(), &error.advice(""), view().style),
        all => mistakes::listed(all, view()),
    })
}

/// Writes mistakes that do not keep a plan from being made, and what it does about
/// them.
pub(crate) fn warnings_text((warnings, about): &(Vec<Diagnostic>, &'static str)) -> String {
    plain(&format!("{}{about}\n\n", mistakes::rendered(warnings, view())))
}
