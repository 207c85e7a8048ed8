//! The only room that prints: plans, events and mistakes, for people or as JSON lines.

mod app_password;
mod ask;
mod ban;
mod certificate;
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
mod shared;
mod sink;
mod style;
mod text;

use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::cli::Global;
use crate::engine::Event;
use crate::host::{self, Interruption, Pager};
use crate::local;
use crate::reach::Reach;
use crate::remote::FarEnd;
use crate::services::ListedAccount;
use crate::wire::{self, Frame, Screen};
use crate::wrap::wrap;
pub use format::moment;
use progress::Progress;
use relay::Told;
pub use sent::Sent;
pub(crate) use shared::SharedReport;
use sink::Sink;
use style::{Style, View};
pub(crate) use text::{error_text, findings_text, plan_text, warnings_text};

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
    /// Whether the run is over, and only the check after it goes on.
    is_checking: Arc<AtomicBool>,
}

impl Report {
    /// Makes a report to the terminal.
    pub(crate) fn new(global: &Global) -> Self {
        let pager = (!global.no_pager).then(Pager::choose).flatten();
        let pager = pager.filter(|_| io::stdout().is_terminal());
        let sink = Sink::Terminal(Progress::default());
        Self::to(sink::screen(global), global.reach(), sink, pager)
    }

    /// Makes a report that goes over a connection, formatted for `screen`.
    pub(crate) fn remote(screen: Screen, reach: Reach, far_end: FarEnd) -> Self {
        Self::to(screen, reach, Sink::Remote(far_end), None)
    }

    fn to(screen: Screen, reach: Reach, sink: Sink, pager: Option<Pager>) -> Self {
        Self {
            screen,
            reach,
            sink,
            from: None,
            others: HashMap::new(),
            told: None,
            pager,
            is_checking: Arc::default(),
        }
    }

    /// Sends the end over the connection.
    pub(crate) fn end(self, code: u8) {
        if let Sink::Remote(remote) = self.sink {
            remote.end(code);
        }
    }

    /// Returns whether the report goes over a connection.
    pub(crate) fn is_remote(&self) -> bool {
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
            self.is_checking.store(true, Ordering::Relaxed);
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

    /// Returns a function that reports, in the middle of a step, that a signal arrived.
    pub(crate) fn stop_notice(&self) -> impl Fn() + Send + Sync + 'static {
        let is_checking = Arc::clone(&self.is_checking);
        move || {
            let text = match is_checking.load(Ordering::Relaxed) {
                false => "\n  ! told to stop: this step is finished, then all is undone\n",
                true => "\n  ! told to stop: the changes are made and stay, only the look ends\n",
            };
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }

    /// Reports, while a box runs, that a signal arrived.
    pub(crate) fn told_to_clean_up() {
        let _ = io::stderr().lock().write_all(b"\ntold to stop: the box is thrown away\n");
    }

    /// Handles requests to stop the run from now on, and reports them.
    pub(crate) fn interruption(&self) -> host::Result<Interruption> {
        self.sink.interruption(self.stop_notice())
    }

    /// Returns whether the other side of a connection, if there is one, still waits.
    pub(crate) fn is_awaited(&self) -> bool {
        match &self.sink {
            Sink::Remote(remote) => remote.is_waiting(),
            Sink::Terminal(_) => true,
        }
    }

    /// Saves a text in a file of the user's, readable by its owner only.
    pub(crate) fn save(&mut self, path: &Path, text: String) -> io::Result<()> {
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

    /// Prints notes, each on a line.
    pub(crate) fn notes(&mut self, sentences: impl IntoIterator<Item = impl AsRef<str>>) {
        sentences.into_iter().for_each(|it| self.note(&format!("{}\n", it.as_ref())));
    }

    /// Prints a text that belongs to a question.
    pub(crate) fn prompt(&mut self, text: &str) {
        self.err(&wrap(text, self.err_width()));
    }

    /// Prints a text that was asked for, unchanged.
    pub(crate) fn raw(&mut self, text: &str) {
        self.sink.raw(text);
    }

    /// Lists the accounts of a mail service.
    pub(crate) fn accounts(&mut self, accounts: &[ListedAccount]) {
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
