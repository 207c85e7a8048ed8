//! Questions.

use std::io;

use super::{Report, plan};
use crate::engine::Plan;
use crate::secret::Secret;
use crate::wire::{Question, is_yes};

/// The explanation of the answers to a question about a plan.
const ANSWERS: &str = "  y  make these changes
  N  make none: so does Enter, and every other answer
  d  show each step with the text of its files, then ask again
  ?  show this
";

impl Report {
    pub(crate) fn can_ask(&self) -> bool {
        self.screen.answers
    }

    /// Asks whether to make the changes of a plan, and lets the person view it.
    /// `apply_now` is for commands that edit mail.yml.
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

    /// Asks a question and reads a line. Returns `None` at the end of input.
    pub(crate) fn ask_line(&mut self, question: Question) -> Option<String> {
        self.sink.ask(question).map(|answer| answer.expose().clone())
    }

    /// Asks a question and reads the answer without showing it. Returns `None`
    /// if the person cancels.
    pub(crate) fn ask_unseen(&mut self, question: Question) -> Option<Secret<String>> {
        self.sink.ask(question)
    }

    /// Shows a question of a host; `hear` reads the answer.
    pub(crate) fn question(&mut self, text: &str) {
        self.sink.clear();
        self.err(text);
    }

    /// Asks a question that is never asked for another host, and reads a line.
    pub(crate) fn ask_here(&mut self, question: &str) -> Option<String> {
        let answer = self.sink.ask_here(question, false);
        answer.ok().map(|answer| answer.expose().clone())
    }

    /// Asks as [`Report::ask_here`] does, and reads the answer without showing it.
    pub(crate) fn ask_unseen_here(&mut self, question: &str) -> io::Result<Secret<String>> {
        self.sink.ask_here(question, true)
    }
}
