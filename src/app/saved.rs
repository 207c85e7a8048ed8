//! Saved plans: written by `plan --out`, read by `plan --show` and `apply
//! --plan`.

use std::path::Path;

use super::unreadable;
use crate::command_error::CommandError;
use crate::engine::SavedPlan;
use crate::local::{self, Untrusted};

#[derive(Debug, Clone, Copy)]
pub(crate) enum PlanSource<'a> {
    File(&'a Path),
    /// Sent from another machine.
    Sent(&'a str),
}

impl PlanSource<'_> {
    /// Reads it.
    pub(crate) fn read(self) -> Result<SavedPlan, CommandError> {
        match self {
            Self::File(path) => read_plan(path),
            Self::Sent(text) => parse("the saved plan", text.as_bytes()),
        }
    }
}

pub(crate) fn read_plan(path: &Path) -> Result<SavedPlan, CommandError> {
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
