//! How a change is taken back: by what stood at the paths that it touched, by
//! another change of the same key, or not at all.

use super::{Key, Overlay, State, service, table};
use crate::host::Result;

/// The way back from one change.
#[derive(Debug)]
pub enum Undo {
    /// Before the paths are put back: what must not see them change.
    Before(State),
    /// By this state.
    Restore(State),
    /// After the paths are put back: what lives by them, under this key.
    After(Key, State),
    /// By this state of another key, in its place among the others.
    Instead(Key, State),
    /// By one state before all else changes, and by another after it.
    Around(State, State),
    /// The paths are all there is to it.
    FilesOnly,
    /// By its removal, if that is wanted; else it stays.
    Purge,
    /// By installing it again, as it was.
    Reinstall(State),
    /// There is no way back; this stays, in a sentence.
    Irreversible(String),
}

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
