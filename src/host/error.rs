//! The errors of this room. Each names the cause and the remedy.

use std::io;
use std::path::{Path, PathBuf};

use crate::local;

/// The result of an operation on the host.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation on the host.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages show what the fields are")]
pub enum Error {
    /// The system refused an operation on a path.
    #[error("could not {operation} {}: {}", path.display(), reason(source))]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
    /// A link that root does not own, where only root's links are followed.
    #[error(
        "{} is a link that does not belong to root, so another user may have planted it; \
         remove it, or give it to root (chown -h root)",
        path.display()
    )]
    PlantedLink { path: PathBuf },
    /// A folder in which every user may replace entries.
    #[error(
        "everybody may write in the directory {}, so nothing in it is safe; \
         close it first (chmod o-w)",
        path.display()
    )]
    Exposed { path: PathBuf },
    /// A folder that is not empty, where something else is to be put.
    #[error("{} is a directory that is not empty; move it away first", path.display())]
    DirectoryInTheWay { path: PathBuf },
    /// A link where a folder is to be put, which does not lead to a folder.
    #[error(
        "{0} is a link to {1}, where there is no directory; mount the disk that it should be on, \
         or remove the link, which is never replaced by an empty directory",
        path.display(),
        target.display()
    )]
    LinkToNoDirectory { path: PathBuf, target: PathBuf },
    /// The parent folder of a path does not exist.
    #[error("the directory {} does not exist; make it (mkdir), or in a playbook of your own add a `directory` step before this one", path.display())]
    NoParent { path: PathBuf },
    /// A user or group that does not exist.
    #[error("there is no {kind} `{name}` on this host")]
    NoSuchName { kind: &'static str, name: String },
    /// A program failed.
    #[error("`{command}` {outcome}{}", indented(output))]
    Command { command: String, outcome: String, output: String },
    /// The system refused an operation that has no path.
    #[error("could not {operation}: {}", local::reason(source))]
    System { operation: String, source: io::Error },
    /// JSON is not of the expected form.
    #[error("{what} is not as expected: {source}")]
    Json { what: &'static str, source: serde_json::Error },
    /// An error, with lines that explain it.
    #[error("{source}{explanation}")]
    Explained { source: Box<Error>, explanation: String },
    /// Any other error, as a whole sentence.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Wraps what the system said about `path`.
    pub fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }

    /// Wraps what the system said about an operation.
    pub(crate) fn system(operation: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::System { operation: operation.into(), source: source.into() }
    }

    /// Wraps a failure to encode one of mailprov's own files.
    pub(crate) fn encoding(source: serde_json::Error) -> Self {
        Self::Json { what: "the JSON of a file of mailprov", source }
    }

    /// Returns whether the error is about a path in this folder.
    pub(crate) fn is_below(&self, folder: &Path) -> bool {
        matches!(self, Self::Io { path, .. } if path.starts_with(folder))
    }

    /// Returns whether the operation would succeed as root.
    pub(crate) fn is_permission_denied(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Adds the remedy to the system's error message.
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

/// Appends the output of a program, indented.
fn indented(output: &str) -> String {
    output.lines().fold(String::new(), |text, line| text + "\n    " + line)
}
