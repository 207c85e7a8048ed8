//! What can go wrong at the door, in words that name the thing and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::local;

/// The result of asking or telling the host something.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed look or operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused a operation on a path.
    #[error("could not {operation} {}: {}", path.display(), reason(source))]
    Io {
        /// The verb: `read`, `write`, …
        operation: &'static str,
        /// The path on the host.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A link stands where only root's own links are trusted.
    #[error(
        "{} is a link that does not belong to root, so somebody may have planted it; \
         remove it, or give it to root (chown -h root)",
        path.display()
    )]
    PlantedLink {
        /// The link.
        path: PathBuf,
    },
    /// A folder in which everybody may put things in our way.
    #[error(
        "everybody may write in the directory {}, so nothing in it is safe; \
         close it first (chmod o-w)",
        path.display()
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with something in it stands where something else belongs.
    #[error("{} is a directory that is not empty; move it away first", path.display())]
    DirectoryInTheWay {
        /// The folder.
        path: PathBuf,
    },
    /// A link stands where a folder belongs, and leads to none.
    #[error(
        "{0} is a link to {1}, where there is no directory; mount the disk that it should be on, \
         or remove the link, which is never replaced by an empty directory",
        path.display(),
        target.display()
    )]
    LinkToNoDirectory {
        /// The link.
        path: PathBuf,
        /// What is written in it.
        target: PathBuf,
    },
    /// The folder that a path is in does not exist.
    #[error("the directory {} does not exist; make it (mkdir), or in a playbook of your own add a `directory` step before this one", path.display())]
    NoParent {
        /// The missing folder.
        path: PathBuf,
    },
    /// A user or group that is not there.
    #[error("there is no {kind} `{name}` on this host")]
    NoSuchName {
        /// `user` or `group`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A program ended badly.
    #[error("`{command}` {outcome}{}", indented(output))]
    Command {
        /// The argument list, for people.
        command: String,
        /// Such as `failed with exit code 1`.
        outcome: String,
        /// The last lines it wrote.
        output: String,
    },
    /// Something else that is wrong with the host, in a whole sentence.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Wraps what the system said about `path`.
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }

    /// Tells whether it is about a path in this folder.
    pub(crate) fn is_below(&self, folder: &Path) -> bool {
        matches!(self, Self::Io { path, .. } if path.starts_with(folder))
    }

    /// Tells whether the only thing in the way is that we are not root.
    pub(crate) fn is_permission_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Adds to the system's word for an error what a person can do about it.
fn reason(error: &io::Error) -> String {
    use nix::libc;
    let hint = match error.raw_os_error() {
        Some(libc::EPERM) => {
            " (is it or its directory immutable? `lsattr -d` tells, `chattr -i` ends it)"
        }
        Some(libc::EROFS) => " (the file system is mounted read-only)",
        Some(libc::ENOSPC) => " (the disk or its inodes are full: `df -h`, `df -i`)",
        _ => "",
    };
    format!("{}{hint}", local::reason(error))
}

/// Puts a program's output under the message, set apart.
fn indented(output: &str) -> String {
    output.lines().fold(String::new(), |text, line| text + "\n    " + line)
}
