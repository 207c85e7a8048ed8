//! What happens during a run. The terminal, `--json`, and whoever else wants
//! to know read the same events.

use std::time::Duration;

use super::Change;

/// Something that happened during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// The changes of one step begin.
    Started {
        /// All changes of the step.
        changes: &'a [Change],
    },
    /// Something failed; what was done is undone from here on.
    Undoing,
    /// Something takes long, or waits.
    Said {
        /// What is being done, such as `installing`.
        text: &'a str,
    },
    /// Something is off that stops nothing.
    Warned {
        /// What, in a sentence.
        text: &'a str,
    },
    /// The changes of the step are made.
    Finished {
        /// All changes of the step.
        changes: &'a [Change],
        /// How long they took.
        elapsed: Duration,
    },
}
