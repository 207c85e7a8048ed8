//! Other hosts, over SSH: the system's own `ssh` leads there, a few lines of
//! shell say what the host is and take in this very program, and it then does
//! there what it is asked to. What it says comes back line by line.
//!
//! Nothing is needed on the other side but sshd and a POSIX shell.

#![expect(clippy::disallowed_methods, reason = "ssh is started here")]

use crate::command_error::CommandError;

mod acquainted;
mod address;
mod bundle;
mod connection;
mod destination;
mod output;
mod preflight;
mod program;
mod talk;
mod user_data;

pub use acquainted::acquainted;
pub use address::addresses;
pub(crate) use bundle::{Bundled, pack};
pub use connection::Login;
pub use destination::Destination;
pub(crate) use output::Output;
pub(crate) use program::Program;
pub(crate) use talk::{Keep, Session, talk};
pub use user_data::{Url, user_data};

/// Says why a host cannot be asked, and what to do.
fn refused(message: impl Into<String>, advice: impl Into<String>) -> CommandError {
    CommandError::failed(message).hinted(advice)
}
