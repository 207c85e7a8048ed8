//! Saved plans: written by `plan --out`, read by `plan --show` and by
//! `apply --plan`.

use std::path::Path;

use super::{Exit, Stop};
use crate::engine::SavedPlan;
use crate::local;

/// Reads a saved plan.
pub(super) fn read(path: &Path) -> Result<SavedPlan, Stop> {
    let name = path.display();
    let bytes = local::read(path).map_err(|error| {
        Stop::new(Exit::Usage, format!("could not read {name}: {}", local::reason(&error)), "")
    })?;
    SavedPlan::parse(&bytes)
        .map_err(|error| Stop::new(Exit::Usage, format!("{name}: {error}"), "Nothing was changed."))
}

/// Writes a saved plan, for its owner's eyes only.
pub(super) fn write(path: &Path, plan: &SavedPlan) -> Result<(), Stop> {
    local::write(path, &plan.to_bytes()).map_err(|error| {
        Stop::new(
            Exit::Failed,
            format!("could not write {}: {}", path.display(), local::reason(&error)),
            "",
        )
    })
}
