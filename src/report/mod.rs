//! The only room that prints: plans, events and mistakes, for people or as JSON lines.

mod ask;
mod check;
mod difference;
mod explain;
mod format;
mod history;
mod json;
mod mistakes;
mod narration;
mod plan;
mod progress;
mod relay;
mod sent;
mod sink;
mod style;

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use serde_json::Value;

use crate::engine::Event;
use crate::host::{self, Interruption, Pager};
use crate::local;
use crate::reach::Reach;
use crate::wire::{self, Answer, Frame, Screen};
use crate::wrap::wrap;
pub(crate) use ask::is_yes;
pub(crate) use check::{Missing, Record};
pub use format::moment;
use progress::Progress;
use relay::Told;
pub use sent::Sent;
pub(crate) use sink::hear;
use sink::{RemoteSink, Sink};
use style::{Style, View};

/// Whether the run is over, and only the checks afterwards are running. A
/// signal handler has no access to a report.
static IS_CHECKING: AtomicBool = AtomicBool::new(false);

/// The amount and form of the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// JSON lines on standard output.
    pub json: bool,
    /// Colours: always, never, or only on a terminal.
    pub colour: Option<bool>,
    /// Print only problems.
    pub quiet: bool,
    /// Also print steps without changes.
    pub verbose: bool,
    /// Use a pager for long texts, if standard output is a terminal.
    pub pager: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub name: String,
    /// All addresses, its own before its aliases.
    pub addresses: Vec<String>,
    /// The quota in bytes.
    pub quota: Option<u64>,
    /// The domains of its catch-alls.
    pub catch_all: Vec<String>,
}

/// The destination of all output.
#[derive(Debug)]
pub(crate) struct Report {
    screen: Screen,
    reach: Reach,
    sink: Sink,
    /// The mail.yml that the output is about.
    from: Option<String>,
    /// The progress of runs on other hosts, if there are several.
    others: HashMap<String, Progress>,
    /// The findings that another host reported about itself.
    told: Option<Told>,
    pager: Option<Pager>,
}

impl Report {
    pub(crate) fn new(options: Options, reach: Reach) -> Self {
        Self {
            screen: sink::screen(&options),
            reach,
            sink: Sink::Terminal(Progress::default()),
            from: None,
            others: HashMap::new(),
            told: None,
            pager: options
                .pager
                .then(Pager::choose)
                .flatten()
                .filter(|_| io::stdout().is_terminal()),
        }
    }

    /// Returns a report over a connection: sends `frames`, formats them for
    /// `screen`, receives `answers`, and lets the other end stop a run.
    pub(crate) fn there(
        (screen, reach): (Screen, Reach),
        frames: Sender<Frame>,
        answers: Receiver<Answer>,
        stop: Interruption,
    ) -> Self {
        let sink = Sink::Remote(RemoteSink { frames, answers, stop, has_begun: Arc::default() });
        Self { screen, reach, sink, from: None, others: HashMap::new(), told: None, pager: None }
    }

    /// Returns a flag that becomes true once the first step of a run was sent over the connection.
    pub(crate) fn has_begun(&self) -> Arc<AtomicBool> {
        match &self.sink {
            Sink::Terminal(_) => Arc::default(),
            Sink::Remote(remote) => Arc::clone(&remote.has_begun),
        }
    }

    /// Sends the end over the connection, and returns whether it was acknowledged.
    pub(crate) fn end(&self, code: u8, patience: Duration) -> bool {
        let Sink::Remote(remote) = &self.sink else { return true };
        remote.say(Frame::End(code));
        remote.answers.recv_timeout(patience) == Ok(Answer::Ack)
    }

    /// Returns whether the report goes over a connection.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self.sink, Sink::Remote(_))
    }

    /// Returns how the host is reached, for suggested command lines.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(crate) fn screen(&self) -> Screen {
        self.screen
    }

    /// Names the mail.yml that the following output is about, once.
    pub(crate) fn from(&mut self, path: &Path) {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = Some(whole.display().to_string());
        if self.from != shown {
            self.note(&format!("from {}\n", whole.display()));
            self.from = shown;
        }
    }

    /// Records the mail.yml that the following output is about, which the other
    /// end has already named.
    pub(crate) fn set_mail_file(&mut self, name: &str) {
        self.from = Some(name.into());
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) {
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
        self.sink.progress(at, style, self.screen.quiet);
    }

    pub(crate) fn applied(&mut self, changes: usize, elapsed: Duration) {
        if self.screen.json {
            self.emit(json::applied(changes, elapsed));
        }
        if !self.screen.quiet {
            let text = format!(
                "Done: {} made in {}.\n",
                format::changes(changes),
                format::duration(elapsed)
            );
            self.say(&text);
        }
    }

    /// Reports, in the middle of a step, that a signal arrived.
    pub(crate) fn told_to_stop() {
        let text = match IS_CHECKING.load(Ordering::Relaxed) {
            false => "\n  ! told to stop: this step is finished, then all is undone\n",
            true => "\n  ! told to stop: the changes are made and stay, only the look ends\n",
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Reports, while a box runs, that a signal arrived.
    pub(crate) fn told_to_clean_up() {
        let _ = io::stderr().lock().write_all(b"\ntold to stop: the box is thrown away\n");
    }

    /// Handles requests to stop the run from now on, and reports them.
    pub(crate) fn interruption(&self) -> host::Result<Interruption> {
        self.sink.interruption(Self::told_to_stop)
    }

    /// Saves a text in a file of the person's, readable by its owner only.
    pub(crate) fn keep(&mut self, path: &Path, text: String) -> io::Result<()> {
        match &self.sink {
            Sink::Terminal(_) => local::write(path, text.as_bytes(), 0o600),
            Sink::Remote(remote) => {
                remote.say(Frame::Keep(text));
                Ok(())
            }
        }
    }

    /// Prints a note for people.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.screen.quiet {
            self.prompt(text);
        }
    }

    /// Prints a text that belongs to a question.
    pub(crate) fn prompt(&mut self, text: &str) {
        self.err(&wrap(text, self.err_width()));
    }

    /// Prints a text that was asked for, unchanged.
    pub(crate) fn text(&mut self, text: &str) {
        self.sink.raw(text);
    }

    pub(crate) fn accounts(&mut self, accounts: &[Account]) {
        match self.screen.json {
            true => {
                accounts.iter().for_each(|it| self.emit(json::account(it)));
            }
            false => self.out(&format::accounts(accounts)),
        }
    }

    /// Prints a text for people.
    fn say(&self, text: &str) {
        if self.screen.json { self.err(text) } else { self.out(text) }
    }

    /// Prints prose for people, wrapped to the terminal.
    fn say_prose(&self, text: &str) {
        self.say(&wrap(text, self.view().width));
    }

    /// Returns the style of [`Report::say`].
    fn style(&self) -> Style {
        Style::new(self.screen.out_in_colour)
    }

    /// Returns the view for plans on standard output.
    fn view(&self) -> View {
        let width = if self.screen.json { self.screen.err_width } else { self.screen.out_width };
        View { style: self.style(), width: width.map(usize::from), whole: self.screen.verbose }
    }

    /// Returns the view for plans on standard error.
    fn view_of_err(&self) -> View {
        let style = Style::new(self.screen.err_in_colour);
        View { style, width: self.err_width(), whole: self.screen.verbose }
    }

    fn err_width(&self) -> Option<usize> {
        self.screen.err_width.map(usize::from)
    }

    /// Shows a long text.
    fn page(&self, text: &str) {
        match &self.sink {
            _ if self.screen.json => self.err(text),
            Sink::Remote(_) if !self.screen.reviews => self.out(text),
            sink => sink.page(text, self.pager.as_ref()),
        }
    }

    fn emit(&self, mut value: Value) {
        if let (Some(from), Value::Object(fields)) = (&self.from, &mut value) {
            fields.entry("from").or_insert_with(|| from.as_str().into());
        }
        self.sink.emit(value);
    }

    fn out(&self, text: &str) {
        self.sink.out(text);
    }

    fn err(&self, text: &str) {
        self.sink.err(text);
    }
}

/// Returns the progress of a run, in words.
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
