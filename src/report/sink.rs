//! The destination of a report: the program's own terminal, or the other end of a connection.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;

use super::progress::Progress;
use super::style::Style;
use crate::cli::{Color, Global};
use crate::host::{Interruption, Pager, Result};
use crate::local;
use crate::remote::FarEnd;
use crate::secret::Secret;
use crate::visible::visible_json;
use crate::wire::{self, Frame, Question, Screen, Styled};
use crate::wrap;
use serde_json::Value;

/// The destination of a report.
#[derive(Debug)]
pub(super) enum Sink {
    /// The standard streams of the program.
    Terminal(Progress),
    Remote(FarEnd),
}

impl Sink {
    /// Writes to standard output. Escape sequences other than those of the program's own
    /// styles are made visible. Errors are ignored (`| head`, a lost
    /// connection); a run goes on.
    pub(super) fn out(&self, text: &str) {
        let styled = Styled::read(text);
        match self {
            Self::Terminal(_) => self.raw(&styled.shown(true)),
            Self::Remote(remote) => remote.say(Frame::Out(styled)),
        }
    }

    /// Writes to standard output unchanged, for text that is saved in a file.
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

    pub(super) fn emit(&self, line: Value) {
        match (self, line) {
            (Self::Terminal(_), line) => {
                self.raw(&format!("{}\n", visible_json(&line.to_string())))
            }
            (Self::Remote(remote), Value::Object(line)) => remote.say(Frame::Event(line)),
            // All lines are objects.
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

    /// Shows the progress of a run. A connection always gets it.
    pub(super) fn progress(&mut self, at: wire::Progress, style: Style, quiet: bool) {
        match self {
            Self::Terminal(_) if quiet => {}
            Self::Terminal(progress) => {
                if let Some(line) = progress.at(&at, style, true) {
                    self.err(&format!("{line}\n"));
                }
            }
            Self::Remote(remote) => remote.say(Frame::Progress(at)),
        }
    }

    /// Removes a live line.
    pub(super) fn clear(&mut self) {
        if let Self::Terminal(progress) = self {
            progress.clear();
        }
    }

    pub(super) fn ask(&self, question: Question) -> Option<Secret<String>> {
        match self {
            Self::Terminal(_) => self.ask_here(&question.text(), question.is_unseen()).ok(),
            Self::Remote(remote) => remote.ask(question),
        }
    }

    /// Asks at the program's own terminal. There is no answer if the report goes elsewhere.
    pub(super) fn ask_here(&self, question: &str, unseen: bool) -> io::Result<Secret<String>> {
        match self {
            Self::Terminal(_) => hear(unseen, || self.err(&format!("{question} "))),
            Self::Remote(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Starts to handle requests to stop a run.
    pub(super) fn interruption(&self, heard: impl Fn() + Send + 'static) -> Result<Interruption> {
        match self {
            Self::Terminal(_) => Interruption::listen(heard),
            Self::Remote(remote) => Ok(remote.interruption()),
        }
    }
}

/// Reads a line from the program's own terminal, without showing it if it is a secret.
/// `ready` asks the question.
///
/// # Errors
///
/// Fails as [`local::read_unseen`] does, and at the end of input.
pub(super) fn hear(unseen: bool, ready: impl FnOnce()) -> io::Result<Secret<String>> {
    let next_line = || drop(io::stderr().lock().write_all(b"\n"));
    if unseen {
        let answer = local::read_unseen(ready);
        next_line();
        return answer;
    }
    // Input from before the question is not an answer to it.
    local::forget_typed();
    ready();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    if !answer.ends_with('\n') {
        // After the end of input, the next text needs a new line.
        next_line();
    }
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(Secret::new(answer.trim().to_owned())),
    }
}

pub(super) fn screen(options: &Global) -> Screen {
    let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
    Screen {
        // With --json, text for people goes to standard error.
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

/// Returns whether a text needs more lines than the terminal at standard output has.
fn is_long(text: &str) -> bool {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.is_some_and(|(columns, rows)| {
        let columns = usize::from(columns.0).max(1);
        let rows_of = |line: &str| wrap::width(line).div_ceil(columns).max(1);
        // One more line for the shell's prompt.
        text.lines().map(rows_of).sum::<usize>() >= usize::from(rows.0)
    })
}

/// Returns the width of a stream's terminal, or `None` if it is not one.
fn columns(stream: &impl AsFd) -> Option<u16> {
    terminal_size::terminal_size_of(stream).map(|(width, _)| width.0).filter(|width| *width > 0)
}

fn colour(options: &Global, terminal: bool) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match options.color {
        Color::Auto => terminal && !is_set("NO_COLOR") && !dumb,
        Color::Always => true,
        Color::Never => false,
    }
}
