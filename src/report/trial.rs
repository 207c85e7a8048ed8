//! What `try` tells: a story for people, and for programs its events.

use std::time::{Duration, Instant};

use super::{Report, people};

/// A command on the left takes as much room as this, in characters.
const COLUMN: usize = 44;

/// Something that takes long.
#[derive(Debug)]
pub struct Task {
    name: String,
    start: Instant,
    said: String,
}

impl Report {
    /// Tells people what comes next.
    pub fn tell(&mut self, text: &str) {
        if !self.options.quiet {
            self.say(&format!("{text}\n"));
        }
    }

    /// Shows a text that somebody wrote, or a mail.
    pub fn quote(&mut self, text: &str) {
        if !self.options.quiet {
            let lines: Vec<_> = text.lines().map(|line| format!("    {line}\n")).collect();
            self.say(&format!("{}\n", lines.concat()));
        }
    }

    /// Shows what a server was asked, and what it said.
    pub fn exchange(&mut self, asked: &str, answer: &str) {
        if self.options.json {
            let event = serde_json::json!({"event": "exchange", "asked": asked, "answer": answer});
            self.out(&format!("{event}\n"));
        }
        if !self.options.quiet {
            self.say(&format!("    {asked:<COLUMN$} {answer}\n"));
        }
    }

    /// Begins something that takes long.
    pub fn begin(&mut self, name: &str) -> Task {
        Task { name: name.to_owned(), start: Instant::now(), said: String::new() }
    }

    /// Says how far it is.
    pub fn progress(&mut self, task: &mut Task, text: &str) {
        if task.said != text {
            task.said = text.to_owned();
            self.note(&format!("  … {}: {text}\n", task.name));
        }
    }

    /// Says that it is done.
    pub fn done(&mut self, task: &Task) {
        let elapsed = task.start.elapsed();
        let time = match elapsed >= Duration::from_secs(1) {
            true => format!(" ({})", people::duration(elapsed)),
            false => String::new(),
        };
        self.note(&format!("  ✓ {}{time}\n", task.name));
    }
}
