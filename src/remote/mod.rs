//! Other hosts, over SSH. The system's own `ssh` logs in; a few lines of shell
//! describe the host and receive this very program, which then runs the command
//! there. Its output comes back line by line.
//!
//! The other side needs only sshd and a POSIX shell.

#![expect(clippy::disallowed_methods, reason = "ssh is started here")]

use crate::command_error::CommandError;

mod acquainted;
mod address;
mod bundle;
mod connection;
mod destination;
mod fleet;
mod output;
mod preflight;
mod program;
mod serve;
mod talk;
mod user_data;

pub(crate) use acquainted::acquainted;
pub(crate) use address::addresses;
pub(crate) use bundle::{Bundled, pack};
pub(crate) use connection::Login;
pub(crate) use destination::Destination;
pub(crate) use fleet::send;
pub(crate) use output::Output;
pub(crate) use program::Program;
pub(crate) use serve::{FarEnd, accept};
pub(crate) use talk::{Keep, RemoteCommand};
pub(crate) use user_data::{Url, user_data};

/// Reports that a host refused, and the remedy.
fn refused(message: impl Into<String>, advice: impl Into<String>) -> CommandError {
    CommandError::failed(message).hinted(advice)
}
