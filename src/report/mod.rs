//! The only room that prints: plans, events and mistakes, for people or as
//! JSON lines.

mod ask;
mod explain;
mod history;
mod json;
mod people;
mod plan;
mod progress;
mod style;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::engine::{Change, Event, Plan, Run, SavedPlan};
use progress::Progress;
use style::Style;

/// More mistakes than this are only counted.
const MISTAKES_SHOWN: usize = 20;

/// How much to say, in which form.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// One JSON object a line on standard output.
    pub json: bool,
    /// Colours: always, never, or by what each stream is.
    pub colour: Option<bool>,
    /// Only what is wrong.
    pub quiet: bool,
    /// Also what needs nothing.
    pub verbose: bool,
}

/// An account, as it is listed.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// All its addresses, its own before its aliases.
    pub addresses: Vec<String>,
    /// How much mail it may have, in bytes.
    pub quota: Option<u64>,
    /// The domains of whose unknown addresses it gets the mail.
    pub catch_all: Vec<String>,
}

/// Where all that is said goes.
#[derive(Debug)]
pub struct Report {
    options: Options,
    progress: Progress,
}

impl Report {
    /// Makes a report.
    pub fn new(options: Options) -> Self {
        Self { options, progress: Progress::new() }
    }

    /// Shows a plan.
    pub fn plan(&mut self, plan: &Plan, subject: &str) {
        if self.options.json {
            json::plan(plan).iter().for_each(|line| self.out(&format!("{line}\n")));
        }
        if !self.options.quiet {
            let style = self.style();
            if self.options.verbose {
                self.say(&plan::fulfilled(plan, style));
            }
            let text = plan::text(plan, subject, style);
            self.say(&text);
        }
    }

    /// Tells what happens during a run.
    pub fn event(&mut self, event: &Event<'_>) {
        if self.options.json {
            json::event(event).iter().for_each(|line| self.out(&format!("{line}\n")));
        }
        if !self.options.quiet {
            let style = Style::new(self.colour(io::stderr().is_terminal()));
            self.progress.event(event, style);
        }
    }

    /// Tells how a run ended.
    pub fn applied(&mut self, changes: usize, elapsed: Duration) {
        if self.options.json {
            self.out(&format!("{}\n", json::applied(changes, elapsed)));
        }
        if !self.options.quiet {
            let text = format!(
                "Done: {} made in {}.\n",
                people::changes(changes),
                people::duration(elapsed)
            );
            self.say(&text);
        }
    }

    /// Tells, in the middle of a step, that a signal was heard.
    pub fn told_to_stop() {
        let text = "\n  ! told to stop: this step is finished, then all is undone\n";
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Shows mistakes in what a person wrote.
    pub fn diagnostics(&mut self, diagnostics: &[Diagnostic]) {
        if self.options.json {
            diagnostics.iter().for_each(|it| self.out(&format!("{}\n", json::diagnostic(it))));
        }
        let colour = self.colour(io::stderr().is_terminal());
        for diagnostic in diagnostics.iter().take(MISTAKES_SHOWN) {
            self.err(&format!("{}\n\n", diagnostic.render(colour)));
        }
        let count = diagnostics.len();
        let more = count.saturating_sub(MISTAKES_SHOWN);
        let more = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
        self.err(&format!("{}{more}; nothing was changed\n", people::count(count, "mistake")));
    }

    /// Shows what went wrong: the last lines of a run that failed.
    pub fn error(&mut self, error: &str, after: &str) {
        self.progress.clear();
        if self.options.json {
            self.out(&format!("{}\n", json::error(error, after)));
        }
        let style = Style::new(self.colour(io::stderr().is_terminal()));
        let mut text = format!("{} {error}\n", style.bad("error:"));
        if !after.is_empty() {
            text.push_str(&format!("{after}\n"));
        }
        self.err(&text);
    }

    /// Shows a plan that was kept in a file.
    pub fn saved_plan(&mut self, plan: &SavedPlan) {
        if self.options.json {
            self.out(&format!("{}\n", json::saved_plan(plan)));
        }
        let text = history::saved_plan(plan, self.style());
        self.say(&text);
    }

    /// Lists runs, the newest first.
    pub fn history(&mut self, runs: &[Run]) {
        if self.options.json {
            runs.iter().rev().for_each(|run| self.out(&format!("{}\n", json::run(run))));
        }
        let text = history::list(runs, self.style());
        self.say(&text);
    }

    /// Shows what a run changed.
    pub fn run(&mut self, run: &Run, changes: &[Change]) {
        if self.options.json {
            self.out(&format!("{}\n", json::run(run)));
            changes.iter().for_each(|change| self.out(&format!("{}\n", json::change(change))));
        }
        let text = history::one(run, changes, self.style());
        self.say(&text);
    }

    /// Says something to people that is worth knowing.
    pub fn note(&mut self, text: &str) {
        if !self.options.quiet {
            self.err(text);
        }
    }

    /// Says something to a person who is being asked.
    pub fn prompt(&mut self, text: &str) {
        self.err(text);
    }

    /// Prints something that was asked for, as it is.
    pub fn text(&mut self, text: &str) {
        self.out(text);
    }

    /// Shows how a file that a person wrote was edited: both versions as they
    /// may be seen.
    pub fn edited(&mut self, file: &str, before: &str, after: &str) {
        if self.options.json {
            self.out(&format!("{}\n", json::edited(file)));
        }
        if !self.options.quiet {
            let style = self.style();
            let text = plan::difference(before, after, style);
            self.say(&format!("{}\n{text}", style.heading(file)));
        }
    }

    /// Lists the accounts of a mail service.
    pub fn accounts(&mut self, accounts: &[Account]) {
        match self.options.json {
            true => {
                accounts.iter().for_each(|it| self.out(&format!("{}\n", json::account(it))));
            }
            false => self.out(&people::accounts(accounts)),
        }
    }

    /// Says something to people.
    fn say(&self, text: &str) {
        if self.options.json { self.err(text) } else { self.out(text) }
    }

    /// The style of what [`Report::say`] says.
    fn style(&self) -> Style {
        let terminal = match self.options.json {
            true => io::stderr().is_terminal(),
            false => io::stdout().is_terminal(),
        };
        Style::new(self.colour(terminal))
    }

    fn colour(&self, terminal: bool) -> bool {
        let unwanted = |name| {
            std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty())
        };
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        self.options.colour.unwrap_or(terminal && !unwanted("NO_COLOR") && !dumb)
    }

    /// Nobody listens any more where this fails (`| head`); a run goes on.
    fn out(&self, text: &str) {
        let _ = io::stdout().lock().write_all(text.as_bytes());
    }

    fn err(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
