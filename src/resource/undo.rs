//! The ways to undo a change: by the former states of the paths that it
//! affected, by another change of the same key, or not at all.

use super::{Key, State};

/// How to undo one change.
#[derive(Debug)]
pub enum Undo {
    /// By this state, before the paths are restored, which it must not see
    /// change.
    Before(State),
    /// By this state.
    Restore(State),
    /// By restoring the paths, and then this key, which depends on them.
    After(Key, State),
    /// By this state of another key, in its place among the others.
    Instead(Key, State),
    /// By one state before everything else, and another one after it.
    Around(State, State),
    /// By restoring the paths.
    FilesOnly,
    /// By removing it, if asked for; else it stays.
    Purge,
    /// By installing it again in this state.
    Reinstall(State),
    /// Not at all; it stays, for the reason in this sentence.
    Irreversible(String),
}
