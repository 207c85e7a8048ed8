//! What depends on files that are put back, and is in no journal.

use super::{Key, Overlay, State, service, table};
use crate::host::Result;

/// What depends on files without standing in a journal: each key with the state
/// that it should be in once the files are put back.
#[derive(Debug, Default)]
pub struct Dependents {
    /// Made of the files, such as tables: put right directly after them.
    pub compiled: Vec<(Key, State)>,
    /// Running with the files: put right in the end.
    pub running: Vec<(Key, State)>,
}

/// Returns the tables and services that depend on `files` but are in no journal.
/// `overlay` shows the files as they will be.
pub fn dependents_of(files: &[&Key], overlay: &Overlay<'_>) -> Result<Dependents> {
    let compiled = table::compiled_from(overlay, files)?;
    Ok(Dependents { compiled, running: service::loading(overlay, files)? })
}
