//! The error of a command: its kind, which decides the exit code, its sources,
//! and hints for the user.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::local;

/// The exit codes, after sysexits(3) where these fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; the last lines give the reason and the remedy.
    Failed = 1,
    /// `plan --detailed-exitcode`: there are changes. `watch`: something is
    /// wrong.
    Changes = 2,
    /// The saved plan no longer fits the host.
    PlanMoved = 3,
    /// The command line is wrong.
    Usage = 64,
    /// mail.yml or a playbook is invalid.
    Invalid = 65,
    /// Another run is under way.
    Busy = 75,
    /// The command needs root.
    NeedsRoot = 77,
}

impl Exit {
    /// Maps the exit code of another mailprov.
    pub(crate) fn from_code(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::Changes,
            Self::PlanMoved,
            Self::Usage,
            Self::Invalid,
            Self::Busy,
            Self::NeedsRoot,
        ];
        all.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Self::Failed)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The host, the network or the user refused.
    Failed,
    /// The saved plan no longer fits the host.
    PlanMoved,
    /// The command line is wrong.
    Usage,
    /// mail.yml, a playbook or another file of the user's is invalid.
    Invalid,
    Busy,
    /// The command needs root.
    NeedsRoot,
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Failed => Self::Failed,
            ErrorKind::PlanMoved => Self::PlanMoved,
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::Busy => Self::Busy,
            ErrorKind::NeedsRoot => Self::NeedsRoot,
        }
    }
}

/// The error of a command. The report says that nothing was changed, unless
/// [`CommandError::after_changes`] is called.
#[derive(Debug)]
pub(crate) struct CommandError {
    pub(crate) kind: ErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hints: Vec<String>,
    /// The mistakes in a file of the user's, which need no other message.
    mistakes: Vec<Diagnostic>,
    has_changed: bool,
    /// The mail.yml that it is about.
    file: Option<PathBuf>,
}

impl CommandError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
            hints: Vec::new(),
            mistakes: Vec::new(),
            has_changed: false,
            file: None,
        }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn needs_root(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NeedsRoot, message)
    }

    /// Reports that the user answered a question with no.
    pub(crate) fn not_confirmed() -> Self {
        Self::failed("not confirmed")
    }

    /// A file could not be written.
    pub(crate) fn not_written(path: &Path, error: io::Error) -> Self {
        Self::failed(format!("could not write {}", path.display())).because(error)
    }

    /// Reports mistakes in a file of the user's.
    pub(crate) fn mistakes(mistakes: Vec<Diagnostic>) -> Self {
        Self { mistakes, ..Self::invalid("") }
    }

    /// Wraps an error whose message is enough.
    pub(crate) fn of(kind: ErrorKind, error: impl Error + Send + Sync + 'static) -> Self {
        Self::new(kind, "").because(error)
    }

    pub(crate) fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    pub(crate) fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Marks that changes were made before; the hints describe the present
    /// state.
    pub(crate) fn after_changes(self) -> Self {
        Self { has_changed: true, ..self }
    }

    /// Adds the mail.yml that it is about.
    pub(crate) fn about(self, file: &Path) -> Self {
        Self { file: Some(file.to_owned()), ..self }
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Returns the mistakes in a file of the user's, if these are the error.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        &self.mistakes
    }

    /// Returns the present state and the hints. `unchanged` is the sentence for
    /// a command that changed nothing.
    pub(crate) fn advice(&self, unchanged: &str) -> String {
        let unchanged = if self.has_changed { "" } else { unchanged };
        let all = [unchanged].into_iter().chain(self.hints.iter().map(String::as_str));
        let all = all.filter(|it| !it.is_empty());
        all.fold(String::new(), |text, next| match text.as_str() {
            "" => next.to_owned(),
            // A text of several lines starts on a line of its own.
            _ if text.contains('\n') || next.contains('\n') => format!("{text}\n{next}"),
            _ => format!("{text} {next}"),
        })
    }
}

impl fmt::Display for CommandError {
    /// Writes the message and its sources, each once, since an error may repeat
    /// its source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message.clone();
        let mut next = self.source.as_deref().map(|error| error as &(dyn Error + 'static));
        while let Some(error) = next {
            let words = match error.downcast_ref::<io::Error>() {
                Some(error) => local::reason(error),
                None => error.to_string(),
            };
            if !text.contains(&words) {
                let colon = if text.is_empty() { "" } else { ": " };
                text = format!("{text}{colon}{words}");
            }
            next = error.source();
        }
        f.write_str(&text)
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not read /x: {source}")]
    struct Outer {
        source: io::Error,
    }

    fn outer() -> Outer {
        Outer { source: io::ErrorKind::PermissionDenied.into() }
    }

    #[test]
    fn each_cause_is_said_once() {
        let error = CommandError::failed("no plan").because(outer());
        assert_eq!(error.to_string(), "no plan: could not read /x: permission denied");
        let error = CommandError::of(ErrorKind::Failed, outer());
        assert_eq!(error.to_string(), "could not read /x: permission denied");
        assert!(error.source().is_some_and(|source| source.source().is_some()));
    }

    #[test]
    fn nothing_was_changed_unless_it_says_otherwise() {
        let error = CommandError::failed("no").hinted("Do this.").hinted("Or that.");
        assert_eq!(error.advice("Nothing was changed."), "Nothing was changed. Do this. Or that.");
        assert_eq!(error.after_changes().advice("Nothing was changed."), "Do this. Or that.");
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        let code = |kind| Exit::from(kind) as u8;
        let kinds = [
            ErrorKind::Failed,
            ErrorKind::PlanMoved,
            ErrorKind::Usage,
            ErrorKind::Invalid,
            ErrorKind::Busy,
            ErrorKind::NeedsRoot,
        ];
        assert_eq!(kinds.map(code), [1, 3, 64, 65, 75, 77]);
        assert!(kinds.iter().all(|it| Exit::from_code(code(*it)) == Exit::from(*it)));
    }
}
