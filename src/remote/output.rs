//! The output of other hosts.

use std::io;
use std::path::Path;

use super::Destination;
use crate::command_error::CommandError;
use crate::secret::Secret;
use crate::wire::{Frame, Question};

/// Shows the messages and questions of several hosts at once.
pub(crate) trait Output: Sync {
    /// Shows the output of mailprov on `host`. With `several` hosts, each line begins
    /// with the name of its host.
    fn relay(&self, frame: &Frame, host: &Destination, several: bool);

    /// Shows the error of one of several hosts.
    fn failed(&self, error: &CommandError);

    fn save(&self, path: &Path, text: String) -> io::Result<()>;

    /// Asks the question of a host, in our own words.
    fn ask(&self, question: &Question, host: &Destination) -> Option<Secret<String>>;
}
