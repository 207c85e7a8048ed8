//! Saved plans: written by `plan --out`, read by `plan --show` and `apply
//! --plan`.

use std::path::Path;

use super::CommandError;
use crate::app::unreadable;
use crate::engine::SavedPlan;
use crate::local::{self, Untrusted};
use crate::report::Report;

#[derive(Debug, Clone, Copy)]
pub(super) enum Kept<'a> {
    File(&'a Path),
    /// Sent from another machine.
    Sent(&'a str),
}

impl Kept<'_> {
    pub(super) fn read(self) -> Result<SavedPlan, CommandError> {
        match self {
            Self::File(path) => read(path),
            Self::Sent(text) => parse("the saved plan", text.as_bytes()),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<SavedPlan, CommandError> {
    let name = path.display().to_string();
    let text = local::read_text(path).map_err(|error| match Untrusted::of(&error) {
        Some(_) => unreadable(path, &error),
        None => CommandError::usage(format!("could not read {name}")).because(error),
    })?;
    parse(&name, text.as_bytes())
}

fn parse(name: &str, bytes: &[u8]) -> Result<SavedPlan, CommandError> {
    SavedPlan::parse(bytes).map_err(|error| CommandError::usage(name).because(error))
}

/// Writes a saved plan, readable by its owner only.
pub(super) fn write(
    path: &Path,
    plan: &SavedPlan,
    report: &mut Report,
) -> Result<(), CommandError> {
    report.keep(path, plan.to_text()).map_err(|error| {
        CommandError::failed(format!("could not write {}", path.display())).because(error)
    })
}
