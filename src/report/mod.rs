//! The only room that prints: plans, events and mistakes, for people or as
//! JSON lines.

mod ask;
mod check;
mod explain;
mod history;
mod json;
mod people;
mod plan;
mod progress;
mod screen;
mod sent;
mod style;
mod trial;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use serde_json::Value;

use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::engine::{Change, Event, Plan, Run, SavedPlan};
use crate::host::{self, Interruption};
use crate::local;
use crate::reach::Reach;
use crate::wire::{self, Answer, Frame, Screen};
pub use ask::is_yes;
pub use check::{Missing, Record};
pub use people::moment;
use progress::Progress;
pub use screen::hear;
use screen::{Behind, Listener};
pub use sent::Sent;
use style::Style;
pub use trial::Task;

/// More mistakes than this are only counted.
const MISTAKES_SHOWN: usize = 20;

/// Whether the run that is shown is over, and only looked whether all is well. A
/// signal that is heard cannot ask a report for that.
static IS_CHECKING: AtomicBool = AtomicBool::new(false);

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
    screen: Screen,
    /// How the host is reached that all of this is about.
    reach: Reach,
    listener: Listener,
    /// The mail.yml that this is about.
    from: Option<String>,
    /// How far the runs on other hosts are, where there are several.
    others: HashMap<String, Progress>,
    /// What another host found when it looked at itself.
    told: Option<Told>,
}

/// How many findings of each kind another host counted.
#[derive(Debug, Clone, Copy)]
struct Told {
    wrong: u64,
    ok: u64,
}

impl Report {
    /// Makes a report to whoever runs us.
    pub fn new(options: Options, reach: Reach) -> Self {
        Self {
            screen: screen::screen(&options),
            reach,
            listener: Listener::Here(Progress::default()),
            from: None,
            others: HashMap::new(),
            told: None,
        }
    }

    /// Makes a report to somebody behind a connection, who gets `frames`, sees
    /// them on `screen`, answers through `answers`, and can tell a run to stop.
    pub fn there(
        (screen, reach): (Screen, Reach),
        frames: Sender<Frame>,
        answers: Receiver<Answer>,
        stop: Interruption,
    ) -> Self {
        let behind = Behind { frames, answers, stop, has_begun: Arc::default() };
        let listener = Listener::There(behind);
        Self { screen, reach, listener, from: None, others: HashMap::new(), told: None }
    }

    /// Makes a report that is neither heard nor answered.
    pub fn to_nobody() -> Self {
        let options = Options { json: false, colour: Some(false), quiet: true, verbose: false };
        let seen = (screen::screen(&options), Reach::default());
        let (frames, answers) = (mpsc::channel().0, mpsc::channel().1);
        Self::there(seen, frames, answers, Interruption::default())
    }

    /// Tells, now and later, whether somebody behind a connection was told of a
    /// run's first step.
    pub fn has_begun(&self) -> Arc<AtomicBool> {
        match &self.listener {
            Listener::Here(_) => Arc::default(),
            Listener::There(behind) => Arc::clone(&behind.has_begun),
        }
    }

    /// Tells somebody behind a connection that this is the end, and whether
    /// that was heard.
    pub fn end(&self, code: u8, patience: Duration) -> bool {
        let Listener::There(behind) = &self.listener else { return true };
        behind.say(Frame::End(code));
        behind.answers.recv_timeout(patience) == Ok(Answer::Heard)
    }

    /// Tells of a run whose end was not heard of.
    pub fn unheard(&mut self, run: &Run) {
        let style = Style::new(self.screen.err_in_colour);
        let text = history::one(run, &[], style);
        self.note(&format!(
            "The connection to the last run was lost. It went on and ended:\n{text}\n"
        ));
    }

    /// Tells whether whoever listens is behind a connection.
    pub fn is_there(&self) -> bool {
        matches!(self.listener, Listener::There(_))
    }

    /// How the host is reached, for what is said to do next.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Tells what this report is seen on.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Says which mail.yml all that follows is about, once.
    pub fn from(&mut self, path: &Path) {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = Some(whole.display().to_string());
        if self.from != shown {
            self.note(&format!("from {}\n", whole.display()));
            self.from = shown;
        }
    }

    /// Notes the mail.yml that all that follows is about, and that was named where
    /// it came from.
    pub fn from_elsewhere(&mut self, name: &str) {
        self.from = Some(name.into());
    }

    /// Shows a plan.
    pub fn plan(&mut self, plan: &Plan, subject: &str) {
        if self.screen.json {
            json::plan(plan).into_iter().for_each(|line| self.emit(line));
        }
        if !self.screen.quiet {
            let style = self.style();
            if self.screen.verbose {
                self.say(&plan::fulfilled(plan, style));
            }
            let text = plan::text(plan, subject, style);
            self.say(&text);
        }
    }

    /// Tells what happens during a run.
    pub fn event(&mut self, event: &Event<'_>) {
        if self.screen.json {
            json::event(event).into_iter().for_each(|line| self.emit(line));
        }
        self.progress(progress_of(event));
    }

    fn progress(&mut self, at: wire::Progress) {
        if let wire::Progress::Checking { .. } = at {
            IS_CHECKING.store(true, Ordering::Relaxed);
        }
        let style = Style::new(self.screen.err_in_colour);
        self.listener.progress(at, style, self.screen.quiet);
    }

    /// Tells how a run ended.
    pub fn applied(&mut self, changes: usize, elapsed: Duration) {
        if self.screen.json {
            self.emit(json::applied(changes, elapsed));
        }
        if !self.screen.quiet {
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
        let text = match IS_CHECKING.load(Ordering::Relaxed) {
            false => "\n  ! told to stop: this step is finished, then all is undone\n",
            true => "\n  ! told to stop: the changes are made and stay, only the look ends\n",
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Tells, while a box runs, that a signal was heard.
    pub fn told_to_clean_up() {
        let _ = io::stderr().lock().write_all(b"\ntold to stop: the box is thrown away\n");
    }

    /// From now on hears whoever wants the run to stop, and says so.
    ///
    /// # Errors
    ///
    /// Fails where the system does not let us.
    pub fn interruption(&self) -> host::Result<Interruption> {
        self.listener.interruption(Self::told_to_stop)
    }

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
        self.err(&format!("{}{more}; nothing was changed\n", people::count(count, "mistake")));
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
        self.err(&format!("{about}\n\n"));
    }

    /// Shows why a command failed, as its last lines. `unchanged` says of this command
    /// that it changed nothing.
    pub(crate) fn error(&mut self, error: &CommandError, unchanged: &str) {
        self.listener.clear();
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
        self.err(&text);
    }

    /// Shows a plan that was kept in a file.
    pub fn saved_plan(&mut self, plan: &SavedPlan) {
        if self.screen.json {
            self.emit(json::saved_plan(plan));
        }
        let text = history::saved_plan(plan, self.style());
        self.say(&text);
    }

    /// Keeps a text in a file of whoever asked, for their eyes only.
    ///
    /// # Errors
    ///
    /// Fails as the system does.
    pub fn keep(&mut self, path: &Path, text: String) -> io::Result<()> {
        match &self.listener {
            Listener::Here(_) => local::write(path, text.as_bytes(), 0o600),
            Listener::There(behind) => {
                behind.say(Frame::Keep(text));
                Ok(())
            }
        }
    }

    /// Lists runs, the newest first.
    pub fn history(&mut self, runs: &[Run]) {
        if self.screen.json {
            runs.iter().rev().for_each(|run| self.emit(json::run(run)));
        }
        let text = history::list(runs, self.style());
        self.say(&text);
    }

    /// Shows what a run changed.
    pub fn run(&mut self, run: &Run, changes: &[Change]) {
        if self.screen.json {
            self.emit(json::run(run));
            changes.iter().for_each(|change| self.emit(json::change(change)));
        }
        let text = history::one(run, changes, self.style());
        self.say(&text);
    }

    /// Says something to people that is worth knowing.
    pub fn note(&mut self, text: &str) {
        if !self.screen.quiet {
            self.err(text);
        }
    }

    /// Says something to a person who is being asked.
    pub fn prompt(&mut self, text: &str) {
        self.err(text);
    }

    /// Prints something that was asked for, as it is.
    pub fn text(&mut self, text: &str) {
        self.listener.raw(text);
    }

    /// Shows what another mailprov says, that of `host`. Where several speak,
    /// each line names its host.
    pub fn relay(&mut self, frame: &Frame, host: &str, several: bool) {
        let named = |text: &str| match several {
            true => text.lines().map(|line| format!("{host}: {line}\n")).collect(),
            false => text.to_owned(),
        };
        if let Frame::Event(line) = frame
            && line.get("event").is_some_and(|event| event == "checked")
        {
            let count = |key| line.get(key).and_then(serde_json::Value::as_u64);
            self.told = count("wrong").zip(count("ok")).map(|(wrong, ok)| Told { wrong, ok });
        }
        match frame {
            // What is not a line for programs is for people.
            Frame::Out(text) if self.screen.json => {
                self.listener.clear();
                self.err(&named(&text.shown(self.screen.err_in_colour)));
            }
            Frame::Out(text) => {
                self.listener.clear();
                self.out(&named(&text.shown(self.screen.out_in_colour)));
            }
            Frame::Err(text) => {
                self.listener.clear();
                self.err(&named(&text.shown(self.screen.err_in_colour)));
            }
            Frame::Event(_) if !self.screen.json => {}
            Frame::Event(line) => self.emit(json::of_host(line.clone(), host)),
            Frame::Progress(at) if !several => self.progress(at.clone()),
            Frame::Progress(at) => {
                let style = Style::new(self.screen.err_in_colour);
                let progress = self.others.entry(host.to_owned()).or_default();
                if let Some(line) = progress.at(at, style, false)
                    && !self.screen.quiet
                {
                    self.err(&named(&line));
                }
            }
            Frame::Ready(_) | Frame::Ask(_) | Frame::Keep(_) | Frame::End(_) => {}
        }
    }

    /// Says at the end how each of several hosts came out, by exit code.
    pub fn hosts(&mut self, outcomes: &[(String, u8)]) {
        let style = Style::new(self.screen.err_in_colour);
        let line = |(host, code): &(String, u8)| match code {
            0 => format!("  {} {host}\n", style.added("✓")),
            2 => format!("  {} {host}: there are changes\n", style.changed("~")),
            code => format!("  {} {host}: failed (exit code {code})\n", style.bad("✗")),
        };
        let text: String = outcomes.iter().map(line).collect();
        self.err(&format!("\n{text}"));
    }

    /// Shows how a file that a person wrote was edited: both versions as they
    /// may be seen.
    pub fn edited(&mut self, file: &str, before: &str, after: &str) {
        if self.screen.json {
            self.emit(json::edited(file));
        }
        if !self.screen.quiet {
            let style = self.style();
            let text = plan::difference(before, after, style);
            self.say(&format!("{}\n{text}", style.heading(file)));
        }
    }

    /// Lists the accounts of a mail service.
    pub fn accounts(&mut self, accounts: &[Account]) {
        match self.screen.json {
            true => {
                accounts.iter().for_each(|it| self.emit(json::account(it)));
            }
            false => self.out(&people::accounts(accounts)),
        }
    }

    /// Says something to people.
    fn say(&self, text: &str) {
        if self.screen.json { self.err(text) } else { self.out(text) }
    }

    /// The style of what [`Report::say`] says.
    fn style(&self) -> Style {
        Style::new(self.screen.out_in_colour).whole(self.screen.verbose)
    }

    /// Prints a line for programs.
    fn emit(&self, mut value: Value) {
        if let (Some(from), Value::Object(fields)) = (&self.from, &mut value) {
            fields.entry("from").or_insert_with(|| from.as_str().into());
        }
        self.listener.emit(value);
    }

    fn out(&self, text: &str) {
        self.listener.out(text);
    }

    fn err(&self, text: &str) {
        self.listener.err(text);
    }
}

/// Says how far a run is, as it is told to people.
fn progress_of(event: &Event<'_>) -> wire::Progress {
    match event {
        Event::Started { changes } => wire::Progress::Started { step: changes[0].step.clone() },
        Event::Undoing => wire::Progress::Undoing,
        Event::Warned { text } => wire::Progress::Warned { text: (*text).into() },
        Event::Said { text } => wire::Progress::Said { text: (*text).into() },
        Event::Finished { changes, elapsed } => wire::Progress::Finished {
            step: changes[0].step.clone(),
            seconds: elapsed.as_secs_f64(),
        },
    }
}
