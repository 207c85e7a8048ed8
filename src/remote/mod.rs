//! Other hosts, over SSH: the system's own `ssh` leads there, a few lines of
//! shell say what the host is and take in this very program, and it then does
//! there what it is asked to. What it says comes back line by line.
//!
//! Nothing is needed on the other side but sshd and a POSIX shell.

mod acquainted;
mod address;
mod audience;
mod connection;
mod destination;
mod greeting;
mod parcel;
mod program;
mod talk;
mod user_data;

pub use acquainted::acquainted;
pub use address::addresses;
pub use audience::Audience;
pub use connection::Login;
pub use destination::Destination;
pub use parcel::{Packed, Refused, pack};
pub use program::Program;
pub use talk::{Keep, Task, talk};
pub use user_data::{Url, user_data};

/// Why a host could not be asked, or what came between.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What went wrong.
    pub message: String,
    /// What state the host is in, and what to do.
    pub advice: String,
}

impl Error {
    fn new(message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { message: message.into(), advice: advice.into() }
    }
}
