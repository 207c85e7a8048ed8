//! Where the words of other hosts go.

use std::io;
use std::path::Path;

use super::Destination;
use crate::command_error::CommandError;
use crate::secret::Secret;
use crate::wire::{Frame, Question};

/// The person whom several hosts tell of what they do, and may ask, at once.
pub(crate) trait Output: Sync {
    /// Passes on what a host says; where several speak, by its name.
    fn relay(&self, frame: &Frame, host: &Destination, several: bool);

    /// Says why one of several hosts could not be worked on.
    fn failed(&self, error: &CommandError);

    fn save(&self, path: &Path, text: String) -> io::Result<()>;

    /// Asks the question of a host, in our own words.
    fn ask(&self, question: &Question, host: &Destination) -> Option<Secret<String>>;
}
