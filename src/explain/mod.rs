//! Explains a mail server by its own configuration files.
//!
//! The templates say above each setting why it is as it is. Here the rendered
//! files are read back, so that reasons are written once. The ways that mail
//! takes are read from the same files: what they do not say is not shown.

mod reasons;
mod svg;
mod takeover;
mod ways;

pub use reasons::{Setting, header, settings};
pub use svg::{only_a_picture, svg};
pub use takeover::{Loss, Old, Tables, losses};
pub use ways::{ServerFiles, Stop, Way};

/// A configuration file, as it would be written.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it stands on the host.
    pub path: String,
    /// The step that declares it.
    pub step: String,
    /// Its text; of a file that holds secrets, its first comment alone.
    pub text: String,
}
