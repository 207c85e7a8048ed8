//! The errors of guests and their images.

use std::io;
use std::path::Path;

use crate::host;

/// The result of work on guests.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine refused a file, or a program failed.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// The user interrupted.
    #[error("told to stop")]
    Stopped,
    /// An image could not be built.
    #[error("the image of {release} could not be built ({outcome}):\n    {}", words.replace('\n', "\n    "))]
    Build {
        /// Such as `Debian 13`.
        release: String,
        /// The exit status of mmdebstrap.
        outcome: String,
        /// Its last lines.
        words: String,
    },
    /// A guest did not boot.
    #[error("{name} does not boot: {state}\n    {}", console.replace('\n', "\n    "))]
    Boot {
        /// The guest's name.
        name: String,
        /// Its state instead.
        state: String,
        /// The output on its console.
        console: String,
    },
    /// A guest did not shut down.
    #[error("{0} does not shut down")]
    ShutDown(String),
    /// A guest is switched off.
    #[error("{0} is switched off")]
    Off(String),
    /// All networks for guests are in use.
    #[error("no network of 10.77.0.0/16 is free on this machine; `ip route` shows who has them")]
    NoNetwork,
}

impl Error {
    /// Wraps an error of the system about `path`.
    pub(super) fn io(operation: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Host(host::Error::io(operation, path, error))
    }

    /// Wraps an error in starting a program.
    pub(super) fn start(program: &str, error: &io::Error) -> Self {
        Self::Host(host::Error::Command {
            command: program.to_owned(),
            outcome: format!("could not be started: {}", crate::local::reason(error)),
            output: String::new(),
        })
    }
}
