//! The report that several hosts share, for messages and questions.

use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Report;
use super::sink::hear;
use crate::command_error::CommandError;
use crate::remote::{Destination, Output};
use crate::secret::Secret;
use crate::wire::{Frame, Question};

/// Serializes the messages of several hosts. A question of one host does not block
/// the messages of others.
#[derive(Debug)]
pub(crate) struct SharedReport<'r> {
    report: Mutex<Told<'r>>,
    /// Held while a question waits for its answer.
    turn: Mutex<()>,
    /// The sentence for an error on a host where nothing was changed.
    unchanged: &'static str,
}

#[derive(Debug)]
struct Told<'r> {
    report: &'r mut Report,
    /// The question that waits for its answer.
    open: Option<String>,
}

impl<'r> SharedReport<'r> {
    pub(crate) fn new(report: &'r mut Report, unchanged: &'static str) -> Self {
        let report = Mutex::new(Told { report, open: None });
        Self { report, turn: Mutex::default(), unchanged }
    }

    /// Runs a function on the report, then shows an open question again.
    fn with<T>(&self, say: impl FnOnce(&mut Report) -> T) -> T {
        let mut told = self.told();
        let Told { report, open } = &mut *told;
        if open.is_some() {
            report.prompt("\n");
        }
        let result = say(report);
        if let Some(question) = open {
            report.prompt(question);
        }
        result
    }

    fn told(&self) -> MutexGuard<'_, Told<'r>> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output for SharedReport<'_> {
    fn relay(&self, frame: &Frame, host: &Destination, several: bool) {
        self.with(|report| report.relay(frame, &host.to_string(), several));
    }

    fn failed(&self, error: &CommandError) {
        self.with(|report| report.error(error, self.unchanged));
    }

    fn save(&self, path: &Path, text: String) -> io::Result<()> {
        self.with(|report| report.save(path, text))
    }

    fn ask(&self, question: &Question, host: &Destination) -> Option<Secret<String>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let text = format!("{host} asks: {} ", question.text());
        let answer = hear(question.is_unseen(), || {
            let mut told = self.told();
            told.report.question(&text);
            told.open = Some(text);
        });
        self.told().open = None;
        answer.ok()
    }
}
