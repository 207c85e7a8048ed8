//! The output and exit code of a command in a box.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process;

/// Exit status, standard output and standard error of a finished command.
#[derive(Debug, Clone)]
#[must_use]
pub struct Output {
    argv: Vec<String>,
    inner: process::Output,
}

impl Output {
    pub(super) fn new(argv: &[impl AsRef<str>], inner: process::Output) -> Self {
        Self { argv: argv.iter().map(|word| word.as_ref().to_owned()).collect(), inner }
    }

    /// Returns the exit code; 128 and the signal's number for a killed command.
    pub fn code(&self) -> i32 {
        let status = self.inner.status;
        status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap()
    }

    /// Tells whether the exit code is 0.
    pub fn is_success(&self) -> bool {
        self.inner.status.success()
    }

    /// Returns standard output as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.inner.stdout).into_owned()
    }

    /// Returns standard output as it is.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.inner.stdout
    }

    /// Returns standard error as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.inner.stderr).into_owned()
    }

    /// Asserts that the exit code is 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.exits(0)
    }

    /// Asserts an exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.argv.join(" "))?;
        writeln!(f, "{}{}exit code {}", self.stdout(), self.stderr(), self.code())
    }
}
