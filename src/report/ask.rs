//! Questions to the person at the terminal.

use std::io;

use super::Report;
use crate::local;
use crate::secret::Secret;

impl Report {
    /// Asks a question that is answered by a line; there is none where the input
    /// has ended.
    pub fn ask_line(&mut self, question: &str) -> Option<String> {
        self.err(&format!("{question} "));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        if !answer.ends_with('\n') {
            // The input ended: what comes next begins a line of its own.
            self.err("\n");
        }
        read.ok().filter(|count| *count > 0).map(|_| answer.trim().to_owned())
    }

    /// Asks a question whose answer is not to be seen.
    ///
    /// # Errors
    ///
    /// As [`local::read_unseen`].
    pub fn ask_unseen(&mut self, question: &str) -> io::Result<Secret<String>> {
        let answer = local::read_unseen(|| self.err(&format!("{question} ")));
        self.err("\n");
        answer
    }
}
