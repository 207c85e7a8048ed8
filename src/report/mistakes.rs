//! Prints errors, and mistakes in files.

use super::style::{Style, View};
use super::{Report, format, json};
use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::wrap::wrap;

/// The limit of mistakes that are shown; the rest is counted.
const MISTAKES_SHOWN: usize = 20;

impl Report {
    fn diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        if self.screen.json {
            diagnostics.iter().for_each(|it| self.emit(json::diagnostic(it)));
        }
        self.err(&listed(diagnostics, self.view_of_err()));
    }

    /// Shows mistakes that do not stop the command, and what it does about them.
    pub(crate) fn warnings(&mut self, warnings: Option<&(Vec<Diagnostic>, &str)>) {
        let Some((warnings, about)) = warnings else { return };
        if self.screen.json {
            warnings.iter().for_each(|it| self.out(&format!("{}\n", json::diagnostic(it))));
        }
        self.err(&rendered(warnings, self.view_of_err()));
        self.prompt(&format!("{about}\n\n"));
    }

    /// Shows the error of a command as its last lines. `unchanged` says that
    /// the command changed nothing.
    pub(crate) fn error(&mut self, error: &CommandError, unchanged: &str) {
        self.sink.clear();
        if let Some(file) = error.file() {
            self.from(file);
        }
        if !error.diagnostics().is_empty() {
            return self.diagnostics(error.diagnostics());
        }
        let (after, error) = (error.advice(unchanged), error.to_string());
        if self.screen.json {
            self.emit(json::error(&error, &after));
        }
        let style = Style::new(self.screen.err_in_colour);
        self.prompt(&failure(&error, &after, style));
    }
}

/// Writes an error, with what comes after it.
pub(super) fn failure(error: &str, after: &str, style: Style) -> String {
    let after = if after.is_empty() { String::new() } else { format!("{after}\n") };
    format!("{} {error}\n{after}", style.bad("error:"))
}

/// Writes mistakes, and their count.
pub(super) fn listed(mistakes: &[Diagnostic], view: View) -> String {
    let shown = rendered(&mistakes[..mistakes.len().min(MISTAKES_SHOWN)], view);
    let more = mistakes.len().saturating_sub(MISTAKES_SHOWN);
    let more = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
    let count = format::count(mistakes.len(), "mistake");
    format!("{shown}{count}{more}; nothing was changed\n")
}

/// Writes mistakes, each with its place.
pub(super) fn rendered(mistakes: &[Diagnostic], view: View) -> String {
    let is_styled = view.style.is_on();
    mistakes.iter().map(|it| format!("{}\n\n", fitted(it, view.width).render(is_styled))).collect()
}

/// Fits the text of a mistake to the terminal.
fn fitted(mistake: &Diagnostic, width: Option<usize>) -> Diagnostic {
    let Some(width) = width else { return mistake.clone() };
    // The text is preceded by `warning: `, or below the line numbers by ` = help: `.
    let number = mistake.position().0.to_string().len();
    let within = |text: &str, before| wrap(text, Some(width.saturating_sub(before)));
    Diagnostic {
        message: within(&mistake.message, "warning: ".len()),
        help: mistake.help.as_deref().map(|help| within(help, number + "  = help: ".len())),
        ..mistake.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn the_words_of_a_mistake_stand_below_one_another() {
        let source = Arc::new(Source { name: "mail.yml".into(), text: "hostname: x\n".into() });
        let mistake =
            Diagnostic::new(&source, 10..11, "`x` is no full name of a host on the internet")
                .help("write the name that the MX record points to, such as mail.example.org");
        let shown = fitted(&mistake, Some(44)).render(false);
        insta::assert_snapshot!(shown, @r"
        error: `x` is no full name of a host on
               the internet
         --> mail.yml:1:11
          |
        1 | hostname: x
          |           ^
          |
          = help: write the name that the MX record
                  points to, such as
                  mail.example.org
        ");
    }
}
