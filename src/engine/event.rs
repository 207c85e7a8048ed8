//! The events of a run, for the terminal, `--json` and remote connections
//! alike.

use std::time::Duration;

use super::Change;

/// An event of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step starts.
    Started { changes: &'a [Change] },
    /// A change failed, and the undo starts.
    Undoing,
    /// A slow operation starts.
    Said {
        /// What it does, such as `installing`.
        text: &'a str,
    },
    /// A warning, which does not stop the run.
    Warned { text: &'a str },
    /// A step is done.
    Finished { changes: &'a [Change], elapsed: Duration },
}
