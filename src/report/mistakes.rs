//! What went wrong, and what a person wrote wrongly.

use super::style::Style;
use super::{Report, format, json};
use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;

/// More mistakes than this are only counted.
const MISTAKES_SHOWN: usize = 20;

impl Report {
    /// Shows mistakes in what a person wrote.
    fn diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        if self.screen.json {
            diagnostics.iter().for_each(|it| self.emit(json::diagnostic(it)));
        }
        let colour = self.screen.err_in_colour;
        for diagnostic in diagnostics.iter().take(MISTAKES_SHOWN) {
            self.err(&format!("{}\n\n", diagnostic.render(colour)));
        }
        let count = diagnostics.len();
        let more = count.saturating_sub(MISTAKES_SHOWN);
        let more = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
        self.err(&format!("{}{more}; nothing was changed\n", format::count(count, "mistake")));
    }

    /// Shows mistakes that do not keep the command from its work, and what that
    /// does about them.
    pub fn warnings(&mut self, warnings: &[Diagnostic], about: &str) {
        if self.screen.json {
            warnings.iter().for_each(|it| self.out(&format!("{}\n", json::diagnostic(it))));
        }
        let colour = self.screen.err_in_colour;
        for warning in warnings {
            self.err(&format!("{}\n\n", warning.render(colour)));
        }
        self.prompt(&format!("{about}\n\n"));
    }

    /// Shows why a command failed, as its last lines. `unchanged` says of this command
    /// that it changed nothing.
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
        let mut text = format!("{} {error}\n", style.bad("error:"));
        if !after.is_empty() {
            text.push_str(&format!("{after}\n"));
        }
        self.prompt(&text);
    }
}
