//! What a person sees while a run goes on: a live line on a terminal, plain
//! lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::people;
use super::style::Style;
use crate::engine::Event;

/// Durations below this are not worth a word.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// The step that runs now.
#[derive(Debug)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    step: String,
    said: String,
}

impl Progress {
    /// Makes one with nothing to show yet.
    pub(super) fn new() -> Self {
        Self { bar: None, step: String::new(), said: String::new() }
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &Event<'_>, style: Style) {
        match event {
            Event::Started { changes } => {
                self.step.clone_from(&changes[0].step);
                self.said.clear();
                if io::stderr().is_terminal() {
                    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                    if let Ok(template) = ProgressStyle::with_template("{spinner} {msg} {elapsed}")
                    {
                        bar.set_style(template);
                    }
                    bar.set_message(self.step.clone());
                    bar.enable_steady_tick(Duration::from_millis(120));
                    self.bar = Some(bar);
                }
            }
            Event::Undoing => {
                self.clear();
                line(&style.bad("  ! failed; undoing what was done"));
            }
            Event::Said { text } => {
                if *text == self.said {
                    return;
                }
                self.said = (*text).to_owned();
                match &self.bar {
                    Some(bar) => bar.set_message(format!("{}: {text}", self.step)),
                    None => line(&format!("  … {}: {text}", self.step)),
                }
            }
            Event::Finished { changes, elapsed } => {
                self.clear();
                let time = match *elapsed >= WORTH_SAYING {
                    true => format!(" ({})", people::duration(*elapsed)),
                    false => String::new(),
                };
                line(&format!("  {} {}{}", style.added("✓"), changes[0].step, style.faint(&time)));
            }
        }
    }

    /// Takes the live line away.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
