//! Explains a mail server from its own configuration files.
//!
//! The templates give the reason of each setting in a comment above it. The
//! rendered files are parsed for these comments, so that reasons are written
//! once. The paths of mail are derived from the same files.

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

/// A configuration file, as rendered.
#[derive(Debug, Clone)]
pub struct File {
    /// The path on the host.
    pub path: String,
    /// The step that declares it.
    pub step: String,
    /// The text; of a file with secrets, only its first comment.
    pub text: String,
}
