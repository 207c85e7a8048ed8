//! Prints the narration of `try`: text for people, and events for programs.

use std::time::Instant;

use super::Report;
use crate::wire::Progress;

/// The width of the column of commands, in characters.
const COLUMN: usize = 44;

/// An operation that takes long.
#[derive(Debug)]
pub(crate) struct Task {
    name: String,
    start: Instant,
}

impl Report {
    /// Announces the next part.
    pub(crate) fn narrate(&mut self, text: &str) {
        if !self.screen.quiet {
            self.say_prose(&format!("{text}\n"));
        }
    }

    /// Shows a quoted text, such as a mail.
    pub(crate) fn quote(&mut self, text: &str) {
        if !self.screen.quiet {
            let lines: Vec<_> = text.lines().map(|line| format!("    {line}\n")).collect();
            self.say(&format!("{}\n", lines.concat()));
        }
    }

    /// Shows a command to a server and the reply.
    pub(crate) fn exchange(&mut self, asked: &str, answer: &str) {
        if self.screen.json {
            let event = serde_json::json!({"event": "exchange", "asked": asked, "answer": answer});
            self.emit(event);
        }
        if !self.screen.quiet {
            self.say(&format!("    {asked:<COLUMN$} {answer}\n"));
        }
    }

    /// Announces an operation that takes long.
    pub(crate) fn begin(&mut self, name: &str) -> Task {
        self.progress(Progress::Started { step: name.to_owned() });
        Task { name: name.to_owned(), start: Instant::now() }
    }

    pub(crate) fn working(&mut self, text: &str) {
        self.progress(Progress::Said { text: text.to_owned() });
    }

    pub(crate) fn done(&mut self, task: Task) {
        let seconds = task.start.elapsed().as_secs_f64();
        self.progress(Progress::Finished { step: task.name, seconds });
    }
}
