//! Explains a mail server by its own configuration files.
//!
//! The templates say above each setting why it is as it is. Here the rendered
//! files are read back, so that reasons are written once. The ways that mail
//! takes are read from the same files: what they do not say is not shown.

mod reasons;
mod svg;
mod takeover;
mod ways;

pub use reasons::Setting;
pub use reasons::{header, settings};
pub(crate) use svg::only_a_picture;
pub use svg::svg;
pub(crate) use takeover::{Loss, Old, losses};
pub use ways::Stop;
pub use ways::{ServerFiles, Way};

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
