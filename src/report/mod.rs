//! The only room that prints: plans, events and mistakes, for people or as
//! JSON lines.

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

/// Whether the run that is shown is over, and only looked whether all is well. A
/// signal that is heard cannot ask a report for that.
static IS_CHECKING: AtomicBool = AtomicBool::new(false);

/// How much to say, in which form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// One JSON object a line on standard output.
    pub json: bool,
    /// Colours: always, never, or by what each stream is.
    pub colour: Option<bool>,
    /// Only what is wrong.
    pub quiet: bool,
    /// Also what needs nothing.
    pub verbose: bool,
    /// Long texts are read in a pager where standard output is a terminal.
    pub pager: bool,
}

/// An account, as it is listed.
#[derive(Debug, Clone)]
pub(crate) struct Account {
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
pub(crate) struct Report {
    screen: Screen,
    /// How the host is reached that all of this is about.
    reach: Reach,
    sink: Sink,
    /// The mail.yml that this is about.
    from: Option<String>,
    /// How far the runs on other hosts are, where there are several.
    others: HashMap<String, Progress>,
    /// What another host found when it looked at itself.
    told: Option<Told>,
    /// What long texts are read in.
    pager: Option<Pager>,
}

impl Report {
    /// Makes a report to whoever runs us.
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

    /// Makes a report to somebody behind a connection, who gets `frames`, sees
    /// them on `screen`, answers through `answers`, and can tell a run to stop.
    pub(crate) fn there(
        (screen, reach): (Screen, Reach),
        frames: Sender<Frame>,
        answers: Receiver<Answer>,
        stop: Interruption,
    ) -> Self {
        let sink = Sink::Remote(RemoteSink { frames, answers, stop, has_begun: Arc::default() });
        Self { screen, reach, sink, from: None, others: HashMap::new(), told: None, pager: None }
    }

    /// Tells, now and later, whether somebody behind a connection was told of a
    /// run's first step.
    pub(crate) fn has_begun(&self) -> Arc<AtomicBool> {
        match &self.sink {
            Sink::Terminal(_) => Arc::default(),
            Sink::Remote(remote) => Arc::clone(&remote.has_begun),
        }
    }

    /// Tells somebody behind a connection that this is the end, and whether
    /// that was heard.
    pub(crate) fn end(&self, code: u8, patience: Duration) -> bool {
        let Sink::Remote(remote) = &self.sink else { return true };
        remote.say(Frame::End(code));
        remote.answers.recv_timeout(patience) == Ok(Answer::Ack)
    }

    /// Tells whether whoever listens is behind a connection.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self.sink, Sink::Remote(_))
    }

    /// How the host is reached, for what is said to do next.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Tells what this report is seen on.
    pub(crate) fn screen(&self) -> Screen {
        self.screen
    }

    /// Says which mail.yml all that follows is about, once.
    pub(crate) fn from(&mut self, path: &Path) {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = Some(whole.display().to_string());
        if self.from != shown {
            self.note(&format!("from {}\n", whole.display()));
            self.from = shown;
        }
    }

    /// Notes the mail.yml that all that follows is about, and that was named where
    /// it came from.
    pub(crate) fn from_elsewhere(&mut self, name: &str) {
        self.from = Some(name.into());
    }

    /// Tells what happens during a run.
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

    /// Tells how a run ended.
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

    /// Tells, in the middle of a step, that a signal was heard.
    pub(crate) fn told_to_stop() {
        let text = match IS_CHECKING.load(Ordering::Relaxed) {
            false => "\n  ! told to stop: this step is finished, then all is undone\n",
            true => "\n  ! told to stop: the changes are made and stay, only the look ends\n",
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Tells, while a box runs, that a signal was heard.
    pub(crate) fn told_to_clean_up() {
        let _ = io::stderr().lock().write_all(b"\ntold to stop: the box is thrown away\n");
    }

    /// From now on hears whoever wants the run to stop, and says so.
    ///
    /// # Errors
    ///
    /// Fails where the system does not let us.
    pub(crate) fn interruption(&self) -> host::Result<Interruption> {
        self.sink.interruption(Self::told_to_stop)
    }

    /// Keeps a text in a file of whoever asked, for their eyes only.
    ///
    /// # Errors
    ///
    /// Fails as the system does.
    pub(crate) fn keep(&mut self, path: &Path, text: String) -> io::Result<()> {
        match &self.sink {
            Sink::Terminal(_) => local::write(path, text.as_bytes(), 0o600),
            Sink::Remote(remote) => {
                remote.say(Frame::Keep(text));
                Ok(())
            }
        }
    }

    /// Says something to people that is worth knowing.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.screen.quiet {
            self.prompt(text);
        }
    }

    /// Says something to a person who is being asked.
    pub(crate) fn prompt(&mut self, text: &str) {
        self.err(&wrap(text, self.err_width()));
    }

    /// Prints something that was asked for, as it is.
    pub(crate) fn text(&mut self, text: &str) {
        self.sink.raw(text);
    }

    /// Lists the accounts of a mail service.
    pub(crate) fn accounts(&mut self, accounts: &[Account]) {
        match self.screen.json {
            true => {
                accounts.iter().for_each(|it| self.emit(json::account(it)));
            }
            false => self.out(&format::accounts(accounts)),
        }
    }

    /// Says something to people.
    fn say(&self, text: &str) {
        if self.screen.json { self.err(text) } else { self.out(text) }
    }

    /// The same for prose, which is fitted to the terminal.
    fn say_prose(&self, text: &str) {
        self.say(&wrap(text, self.view().width));
    }

    /// The style of what [`Report::say`] says.
    fn style(&self) -> Style {
        Style::new(self.screen.out_in_colour)
    }

    /// How that shows plans.
    fn view(&self) -> View {
        let width = if self.screen.json { self.screen.err_width } else { self.screen.out_width };
        View { style: self.style(), width: width.map(usize::from), whole: self.screen.verbose }
    }

    /// The same on standard error.
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

    /// Prints a line for programs.
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
