//! Finds the services and tables that depend on files which an undo restores,
//! but are in no journal.

use super::{Key, Overlay, State, service, table};
use crate::host::Result;

/// The keys that depend on restored files but are in no journal, each with the
/// state that it needs once the files are restored.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    /// Compiled from the files, as tables are: written directly after them.
    pub compiled: Vec<(Key, State)>,
    /// Running with the files: written last.
    pub running: Vec<(Key, State)>,
}

/// Returns the tables and services that depend on `files` but are in no
/// journal. `overlay` shows the files as they will be.
pub(crate) fn dependents_of(files: &[&Key], overlay: &Overlay<'_>) -> Result<Dependents> {
    let compiled = table::compiled_from(overlay, files)?;
    Ok(Dependents { compiled, running: service::loading(overlay, files)? })
}
