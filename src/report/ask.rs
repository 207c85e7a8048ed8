//! Questions.

use std::io;

use super::{Report, plan};
use crate::engine::Plan;
use crate::secret::Secret;
use crate::wire::Question;

/// What the answers to a question about a plan do.
const ANSWERS: &str = "  y  make these changes
  N  make none: so does Enter, and every other answer
  d  show each step with the text of its files, then ask again
  ?  show this
";

impl Report {
    /// Tells whether a question can be answered.
    pub(crate) fn can_ask(&self) -> bool {
        self.screen.answers
    }

    /// Asks whether the changes of a plan are to be made, which can be looked at
    /// before: `apply_now` where that is part of a command that edits mail.yml.
    pub(crate) fn confirm(&mut self, plan: &Plan, subject: &str, apply_now: bool) -> bool {
        let question = match (self.screen.reviews, apply_now) {
            (true, apply_now) => Question::Plan { apply_now },
            (false, true) => Question::ApplyNow,
            (false, false) => Question::MakeChanges,
        };
        while let Some(answer) = self.ask_line(question.clone()) {
            match answer.trim() {
                "d" if self.screen.reviews => {
                    self.page(&plan::text(plan, subject, self.view().whole()))
                }
                "?" if self.screen.reviews => {
                    let intent = plan::intent(&plan.intent(), "In short", self.view_of_err());
                    self.prompt(&format!("\n{intent}{ANSWERS}\n"));
                }
                answer => return is_yes(answer),
            }
        }
        false
    }

    /// Asks a question that is answered by a line; there is none where the input
    /// has ended.
    pub(crate) fn ask_line(&mut self, question: Question) -> Option<String> {
        self.sink.ask(question).map(|answer| answer.expose().clone())
    }

    /// Asks a question whose answer is not to be seen; there is none where the
    /// person gave up.
    pub(crate) fn ask_unseen(&mut self, question: Question) -> Option<Secret<String>> {
        self.sink.ask(question)
    }

    /// Shows a question that is asked for a host; [`hear`](super::hear) hears the
    /// answer.
    pub(crate) fn question(&mut self, text: &str) {
        self.sink.clear();
        self.err(text);
    }

    /// Asks what is never asked on another host, to be answered by a line.
    pub(crate) fn ask_here(&mut self, question: &str) -> Option<String> {
        let answer = self.sink.ask_here(question, false);
        answer.ok().map(|answer| answer.expose().clone())
    }

    /// The same where the answer is not to be seen.
    ///
    /// # Errors
    ///
    /// As [`local::read_unseen`](crate::local::read_unseen).
    pub(crate) fn ask_unseen_here(&mut self, question: &str) -> io::Result<Secret<String>> {
        self.sink.ask_here(question, true)
    }
}

/// Tells whether an answer means yes.
pub(crate) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
