//! Shows the progress of a run: a live line on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::format;
use super::style::Style;
use crate::visible::visible;
use crate::wire;

/// Shorter durations are not shown.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// The current step.
#[derive(Debug, Default)]
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    step: String,
    said: String,
}

impl Progress {
    /// Records the progress of a run, and returns the line to show, if any.
    /// `live`: a live line is possible.
    pub(super) fn at(
        &mut self,
        progress: &wire::Progress,
        style: Style,
        live: bool,
    ) -> Option<String> {
        match progress {
            wire::Progress::Started { step } => {
                self.step.clone_from(step);
                self.said.clear();
                if live && io::stderr().is_terminal() {
                    self.bar = Some(bar(step));
                }
                None
            }
            wire::Progress::Checking { subject } => {
                self.clear();
                if live && io::stderr().is_terminal() {
                    self.bar = Some(bar(&format!("Is {subject} well?")));
                }
                None
            }
            wire::Progress::Undoing => {
                self.clear();
                Some(style.bad("  ! failed; undoing what was done"))
            }
            wire::Progress::Warned { text } => {
                self.clear();
                Some(format!("  {} {}: {text}", style.changed("!"), self.step))
            }
            wire::Progress::Said { text } => {
                if *text == self.said {
                    return None;
                }
                self.said.clone_from(text);
                match &self.bar {
                    Some(bar) => {
                        bar.set_message(visible(format!("{}: {text}", self.step)));
                        None
                    }
                    None => Some(format!("  … {}: {text}", self.step)),
                }
            }
            wire::Progress::Finished { step, seconds } => {
                self.clear();
                let elapsed = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
                let time = match elapsed >= WORTH_SAYING {
                    true => format!(" ({})", format::duration(elapsed)),
                    false => String::new(),
                };
                Some(format!("  {} {step}{}", style.added("✓"), style.faint(&time)))
            }
        }
    }

    /// Removes the live line.
    pub(super) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(step: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(template) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(template);
    }
    bar.set_message(visible(step));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
