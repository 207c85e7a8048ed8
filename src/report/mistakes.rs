//! Prints errors, and mistakes in files.

use super::style::Style;
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
        let colour = self.screen.err_in_colour;
        for diagnostic in diagnostics.iter().take(MISTAKES_SHOWN) {
            self.err(&format!("{}\n\n", self.fitted(diagnostic).render(colour)));
        }
        let count = diagnostics.len();
        let more = count.saturating_sub(MISTAKES_SHOWN);
        let more = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
        self.err(&format!("{}{more}; nothing was changed\n", format::count(count, "mistake")));
    }

    /// Fits the text of a mistake to the terminal.
    fn fitted(&self, mistake: &Diagnostic) -> Diagnostic {
        let Some(width) = self.err_width() else { return mistake.clone() };
        // The text is preceded by `warning: `, or below the line numbers by ` = help: `.
        let number = mistake.position().0.to_string().len();
        let within = |text: &str, before| wrap(text, Some(width.saturating_sub(before)));
        Diagnostic {
            message: within(&mistake.message, "warning: ".len()),
            help: mistake.help.as_deref().map(|help| within(help, number + "  = help: ".len())),
            ..mistake.clone()
        }
    }

    /// Shows mistakes that do not stop the command, and what it does `about` them.
    pub(crate) fn warnings(&mut self, warnings: &[Diagnostic], about: &str) {
        if self.screen.json {
            warnings.iter().for_each(|it| self.out(&format!("{}\n", json::diagnostic(it))));
        }
        let colour = self.screen.err_in_colour;
        for warning in warnings {
            self.err(&format!("{}\n\n", self.fitted(warning).render(colour)));
        }
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
        let mut text = format!("{} {error}\n", style.bad("error:"));
        if !after.is_empty() {
            text.push_str(&format!("{after}\n"));
        }
        self.prompt(&text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::Source;
    use crate::reach::Reach;
    use crate::report::{Options, sink::screen};

    #[test]
    fn the_words_of_a_mistake_stand_below_one_another() {
        let options = Options {
            json: false,
            colour: Some(false),
            quiet: false,
            verbose: false,
            pager: false,
        };
        let mut report = Report::new(options, Reach::default());
        report.screen = crate::wire::Screen { err_width: Some(44), ..screen(&options) };
        let source = Arc::new(Source { name: "mail.yml".into(), text: "hostname: x\n".into() });
        let mistake =
            Diagnostic::new(&source, 10..11, "`x` is no full name of a host on the internet")
                .help("write the name that the MX record points to, such as mail.example.org");
        let shown = report.fitted(&mistake).render(false);
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
