//! The narration of `try`: text for people, and for programs its events.

use std::time::Instant;

use super::Report;
use crate::wire::Progress;

/// A command on the left takes as much room as this, in characters.
const COLUMN: usize = 44;

/// Something that takes long.
#[derive(Debug)]
pub(crate) struct Task {
    name: String,
    start: Instant,
}

impl Report {
    /// Tells people what comes next.
    pub(crate) fn tell(&mut self, text: &str) {
        if !self.screen.quiet {
            self.say_prose(&format!("{text}\n"));
        }
    }

    /// Shows a text that somebody wrote, or a mail.
    pub(crate) fn quote(&mut self, text: &str) {
        if !self.screen.quiet {
            let lines: Vec<_> = text.lines().map(|line| format!("    {line}\n")).collect();
            self.say(&format!("{}\n", lines.concat()));
        }
    }

    /// Shows what a server was asked, and what it said.
    pub(crate) fn exchange(&mut self, asked: &str, answer: &str) {
        if self.screen.json {
            let event = serde_json::json!({"event": "exchange", "asked": asked, "answer": answer});
            self.emit(event);
        }
        if !self.screen.quiet {
            self.say(&format!("    {asked:<COLUMN$} {answer}\n"));
        }
    }

    /// Begins something that takes long.
    pub(crate) fn begin(&mut self, name: &str) -> Task {
        self.progress(Progress::Started { step: name.to_owned() });
        Task { name: name.to_owned(), start: Instant::now() }
    }

    /// Says how far it is.
    pub(crate) fn working(&mut self, text: &str) {
        self.progress(Progress::Said { text: text.to_owned() });
    }

    /// Says that it is done.
    pub(crate) fn done(&mut self, task: Task) {
        let seconds = task.start.elapsed().as_secs_f64();
        self.progress(Progress::Finished { step: task.name, seconds });
    }
}
