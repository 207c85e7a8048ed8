//! Where a report goes: to our own terminal, or to the far end of a connection.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};

use super::Options;
use super::progress::Progress;
use super::style::Style;
use crate::host::{Interruption, Pager, Result};
use crate::local;
use crate::secret::Secret;
use crate::visible::visible_json;
use crate::wire::{self, Answer, Frame, Question, Screen, Styled};
use crate::wrap;
use serde_json::Value;

/// Where a report goes.
#[derive(Debug)]
pub(super) enum Sink {
    /// To our own streams.
    Terminal(Progress),
    /// Over a connection.
    Remote(RemoteSink),
}

/// The far end of a connection.
#[derive(Debug)]
pub(super) struct RemoteSink {
    /// What goes there. Never waited for: a run must not stand still because a
    /// connection does.
    pub(super) frames: Sender<Frame>,
    /// What is said there.
    pub(super) answers: Receiver<Answer>,
    /// Whether a run is to stop.
    pub(super) stop: Interruption,
    /// Whether a run has begun.
    pub(super) has_begun: Arc<AtomicBool>,
}

impl RemoteSink {
    /// Asks, and waits for the answer.
    fn ask(&self, question: Question) -> Option<Secret<String>> {
        self.say(Frame::Ask(question));
        match self.answers.recv() {
            Ok(Answer::Line(line)) => Some(line.0),
            _ => None,
        }
    }

    /// Says something, whether or not it is heard.
    pub(super) fn say(&self, frame: Frame) {
        let _ = self.frames.send(frame);
    }
}

impl Sink {
    /// Writes to standard output; of what could command a terminal only our own
    /// styles get there. Nobody listens any more where this fails (`| head`, a
    /// connection that is lost); a run goes on.
    pub(super) fn out(&self, text: &str) {
        let styled = Styled::read(text);
        match self {
            Self::Terminal(_) => self.raw(&styled.shown(true)),
            Self::Remote(remote) => remote.say(Frame::Out(styled)),
        }
    }

    /// Writes to standard output as it is: what is to be kept in a file.
    pub(super) fn raw(&self, text: &str) {
        match self {
            Self::Terminal(_) => drop(io::stdout().lock().write_all(text.as_bytes())),
            Self::Remote(remote) => remote.say(Frame::Out(Styled::plain(text))),
        }
    }

    /// Shows a long text on standard output, in `pager` if there is one.
    pub(super) fn page(&self, text: &str, pager: Option<&Pager>) {
        let styled = Styled::read(text);
        match self {
            Self::Terminal(_) => {
                let text = styled.shown(true);
                let pager = pager.filter(|_| is_long(&text));
                if pager.is_none_or(|pager| pager.show(&text).is_err()) {
                    self.raw(&text);
                }
            }
            Self::Remote(remote) => remote.say(Frame::Page(styled)),
        }
    }

    /// Writes a line for programs.
    pub(super) fn emit(&self, line: Value) {
        match (self, line) {
            (Self::Terminal(_), line) => {
                self.raw(&format!("{}\n", visible_json(&line.to_string())))
            }
            (Self::Remote(remote), Value::Object(line)) => remote.say(Frame::Event(line)),
            // All of ours are objects.
            (Self::Remote(_), _) => {}
        }
    }

    /// Writes to standard error, as [`Sink::out`] does.
    pub(super) fn err(&self, text: &str) {
        let styled = Styled::read(text);
        match self {
            Self::Terminal(_) => {
                drop(io::stderr().lock().write_all(styled.shown(true).as_bytes()));
            }
            Self::Remote(remote) => remote.say(Frame::Err(styled)),
        }
    }

    /// Shows how far a run is; behind a connection that is always known.
    pub(super) fn progress(&mut self, at: wire::Progress, style: Style, quiet: bool) {
        match self {
            Self::Terminal(_) if quiet => {}
            Self::Terminal(progress) => {
                if let Some(line) = progress.at(&at, style, true) {
                    self.err(&format!("{line}\n"));
                }
            }
            Self::Remote(remote) => {
                remote.has_begun.store(true, Ordering::Relaxed);
                remote.say(Frame::Progress(at));
            }
        }
    }

    /// Takes a live line away.
    pub(super) fn clear(&mut self) {
        if let Self::Terminal(progress) = self {
            progress.clear();
        }
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, question: Question) -> Option<Secret<String>> {
        match self {
            Self::Terminal(_) => self.ask_here(&question.text(), question.is_unseen()).ok(),
            Self::Remote(remote) => remote.ask(question),
        }
    }

    /// Asks somebody at our own streams; there is no answer where they are
    /// somewhere else.
    pub(super) fn ask_here(&self, question: &str, unseen: bool) -> io::Result<Secret<String>> {
        match self {
            Self::Terminal(_) => hear(unseen, || self.err(&format!("{question} "))),
            Self::Remote(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Starts to hear that a run is to stop.
    pub(super) fn interruption(&self, heard: fn()) -> Result<Interruption> {
        match self {
            Self::Terminal(_) => Interruption::listen(heard),
            Self::Remote(remote) => Ok(remote.stop.clone()),
        }
    }
}

/// Hears what is typed at our own terminal, which may be a secret that is not
/// to be seen. `ready` asks the question.
///
/// # Errors
///
/// As [`local::read_unseen`], and where the input has ended.
pub(crate) fn hear(unseen: bool, ready: impl FnOnce()) -> io::Result<Secret<String>> {
    let next_line = || drop(io::stderr().lock().write_all(b"\n"));
    if unseen {
        let answer = local::read_unseen(ready);
        next_line();
        return answer;
    }
    // Typed before the question, it is no answer to it.
    local::forget_typed();
    ready();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if !answer.ends_with('\n') {
        // The input ended: what comes next begins a line of its own.
        next_line();
    }
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(Secret::new(answer.trim().to_owned())),
    }
}

/// Finds out what our own streams are like.
pub(super) fn screen(options: &Options) -> Screen {
    let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
    Screen {
        // In JSON lines, what is for people goes to standard error.
        out_in_colour: colour(options, if options.json { err } else { out }),
        err_in_colour: colour(options, err),
        answers: io::stdin().is_terminal() && err,
        json: options.json,
        quiet: options.quiet,
        verbose: options.verbose,
        judged_here: false,
        out_width: columns(&io::stdout()),
        err_width: columns(&io::stderr()),
        reviews: true,
    }
}

/// Tells whether a text is longer than the terminal at standard output is high.
fn is_long(text: &str) -> bool {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.is_some_and(|(columns, rows)| {
        let columns = usize::from(columns.0).max(1);
        let rows_of = |line: &str| wrap::width(line).div_ceil(columns).max(1);
        // The shell's prompt needs one as well.
        text.lines().map(rows_of).sum::<usize>() >= usize::from(rows.0)
    })
}

/// Returns how wide a stream's terminal is; none where it is no terminal.
fn columns(stream: &impl AsFd) -> Option<u16> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| width.0).filter(|width| *width > 0)
}

fn colour(options: &Options, terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    options.colour.unwrap_or(terminal && !is_set("NO_COLOR") && !dumb)
}
