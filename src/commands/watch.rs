//! `mailprov watch`: runs `plan` and `check`, and mails their reports.

use super::{CommandError, Exit, say};
use crate::app::{Context, MailSource, Watched, send_mail};
use crate::cli::{self, Global};
use crate::report::{Report, error_text, findings_text, plan_text, warnings_text};

/// Runs both, and reports to the terminal or to the recipient of system mail.
pub(super) fn run(
    global: &Global,
    options: &cli::Watch,
    source: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let context = Context::open(global, source);
    if !options.by_mail {
        return show(&context?, report);
    }
    let (exit, text) = match &context {
        Ok(context) => {
            let watched = Watched::of(context);
            (watched.exit(), text(context, &watched))
        }
        Err(error) => (error.kind.into(), of_plan(&error_text(error))),
    };
    match exit {
        Exit::Done => Ok(Exit::Done),
        // A later run will tell, or the message is for the caller only.
        Exit::Busy | Exit::NeedsRoot | Exit::Usage => {
            report.raw(&text);
            Ok(exit)
        }
        _ => {
            let sent = send_mail(context.as_ref().ok(), &text);
            sent.inspect_err(|_| report.raw(&text)).map(|()| Exit::Changes)
        }
    }
}

/// Shows the plan and the findings on the terminal.
fn show(context: &Context, report: &mut Report) -> Result<Exit, CommandError> {
    say(context, report);
    let watched = Watched::of(context);
    let exit = watched.exit();
    report.notes(&watched.notes);
    match &watched.planned {
        Ok(planned) => {
            report.warnings(planned.warnings.as_ref());
            report.plan_to_read(&planned.plan, &context.subject());
        }
        Err(error) => report.error(error, ""),
    }
    let found = watched.checked?;
    found.iter().for_each(|(part, findings)| report.findings(part, findings));
    let all: Vec<_> = found.into_iter().flat_map(|(_, findings)| findings).collect();
    report.checked(&all, &context.subject());
    Ok(exit)
}

/// Formats the mail: the whole plan, and only the failures of the checks.
fn text(context: &Context, watched: &Watched) -> String {
    let mut text = String::new();
    if watched.plan_exit() != Exit::Done {
        let notes: String = watched.notes.iter().map(|note| format!("{note}\n")).collect();
        text += &of_plan(&match &watched.planned {
            Ok(planned) => {
                let warnings = planned.warnings.as_ref().map(warnings_text).unwrap_or_default();
                notes + &warnings + &plan_text(&planned.plan, &context.subject())
            }
            Err(error) => notes + &error_text(error),
        });
    }
    if watched.plan_exit() == Exit::Changes {
        text += "To have it as mail.yml says again: mailprov apply\n\n";
    }
    if watched.check_exit() != Exit::Done {
        let found = watched.checked.as_ref();
        let found = found.map_or_else(error_text, |found| findings_text(found));
        text += &format!("`mailprov check` says:\n\n{found}\n");
    }
    text
}

fn of_plan(text: &str) -> String {
    format!("`mailprov plan` says:\n\n{text}\n")
}
