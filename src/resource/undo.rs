//! How a change is taken back: by what stood at the paths that it touched, by
//! another change of the same key, or not at all.

use super::{Key, State};

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
