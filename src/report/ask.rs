//! Questions to whoever listens.

use std::io;

use super::Report;
use crate::secret::Secret;
use crate::wire::Question;

impl Report {
    /// Tells whether there is somebody to ask.
    pub fn can_ask(&self) -> bool {
        self.screen.answers
    }

    /// Asks a question that is answered by `y` or `yes`.
    pub fn ask(&mut self, question: Question) -> bool {
        self.ask_line(question).is_some_and(|answer| is_yes(&answer))
    }

    /// Asks a question that is answered by a line; there is none where the input
    /// has ended.
    pub fn ask_line(&mut self, question: Question) -> Option<String> {
        self.listener.ask(question).map(|answer| answer.expose().clone())
    }

    /// Asks a question whose answer is not to be seen; there is none where the
    /// person gave up.
    pub fn ask_unseen(&mut self, question: Question) -> Option<Secret<String>> {
        self.listener.ask(question)
    }

    /// Shows a question that is asked for a host; [`hear`](super::hear) hears the
    /// answer.
    pub fn question(&mut self, text: &str) {
        self.listener.clear();
        self.err(text);
    }

    /// Asks what is never asked on another host, to be answered by a line.
    pub fn ask_here(&mut self, question: &str) -> Option<String> {
        let answer = self.listener.ask_here(question, false);
        answer.ok().map(|answer| answer.expose().clone())
    }

    /// The same where the answer is not to be seen.
    ///
    /// # Errors
    ///
    /// As [`local::read_unseen`](crate::local::read_unseen).
    pub fn ask_unseen_here(&mut self, question: &str) -> io::Result<Secret<String>> {
        self.listener.ask_here(question, true)
    }
}

/// Tells whether an answer means yes.
pub fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
