//! Saved plans: written by `plan --out`, read by `plan --show` and by
//! `apply --plan`.

use std::path::Path;

use super::load::unreadable;
use super::{Exit, Stop};
use crate::engine::SavedPlan;
use crate::local::{self, Untrusted};
use crate::report::Report;

/// Where a saved plan is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept<'a> {
    /// In a file.
    File(&'a Path),
    /// It came along from another machine.
    Sent(&'a str),
}

impl Kept<'_> {
    /// Reads it.
    pub(super) fn read(self) -> Result<SavedPlan, Stop> {
        match self {
            Self::File(path) => read(path),
            Self::Sent(text) => parse("the saved plan", text.as_bytes()),
        }
    }
}

/// Reads a saved plan from a file.
pub(super) fn read(path: &Path) -> Result<SavedPlan, Stop> {
    let name = path.display().to_string();
    let text = local::read_text(path).map_err(|error| match Untrusted::of(&error) {
        Some(_) => unreadable(path, &error),
        None => {
            let message = format!("could not read {name}: {}", local::reason(&error));
            Stop::new(Exit::Usage, message, "")
        }
    })?;
    parse(&name, text.as_bytes())
}

fn parse(name: &str, bytes: &[u8]) -> Result<SavedPlan, Stop> {
    SavedPlan::parse(bytes)
        .map_err(|error| Stop::new(Exit::Usage, format!("{name}: {error}"), "Nothing was changed."))
}

/// Writes a saved plan, for its owner's eyes only.
pub(super) fn write(path: &Path, plan: &SavedPlan, report: &mut Report) -> Result<(), Stop> {
    report.keep(path, plan.to_text()).map_err(|error| {
        Stop::new(
            Exit::Failed,
            format!("could not write {}: {}", path.display(), local::reason(&error)),
            "",
        )
    })
}
