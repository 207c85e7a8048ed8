//! Questions to whoever listens.

use std::io;

use super::Report;
use crate::secret::Secret;

impl Report {
    /// Tells whether there is somebody to ask.
    pub fn can_ask(&self) -> bool {
        self.screen.answers
    }

    /// Asks a question that is answered by `y` or `yes`.
    pub fn ask(&mut self, question: &str) -> bool {
        self.ask_line(&format!("{question} [y/N]")).is_some_and(|answer| is_yes(&answer))
    }

    /// Asks a question that is answered by a line; there is none where the input
    /// has ended.
    pub fn ask_line(&mut self, question: &str) -> Option<String> {
        self.listener.ask_line(question)
    }

    /// Asks a question whose answer is not to be seen.
    ///
    /// # Errors
    ///
    /// As [`local::read_unseen`](crate::local::read_unseen).
    pub fn ask_unseen(&mut self, question: &str) -> io::Result<Secret<String>> {
        self.listener.ask_unseen(question)
    }
}

/// Tells whether an answer means yes.
pub fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
