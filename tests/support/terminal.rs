//! A person at a terminal: types, and reads what is on the screen.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{PATIENCE, wait_at_most, wait_for};

/// A terminal in which a command runs; closed when dropped.
#[derive(Debug)]
pub struct Terminal {
    /// Holds the socket that tmux is spoken to through.
    socket: TempDir,
}

impl Terminal {
    /// Opens a terminal in `folder` and runs a shell's line in it. The screen
    /// ends with `exit N` when that is over.
    pub fn run(folder: &Path, line: &str) -> Self {
        Self::sized(folder, line, (110, 60))
    }

    /// The same in a terminal of so many columns and lines.
    pub fn sized(folder: &Path, line: &str, (columns, lines): (u16, u16)) -> Self {
        let terminal = Self { socket: tempfile::tempdir().unwrap() };
        let line = format!(
            "{line}; echo exit $?; stty --all | tr ' ' '\\n' | grep -x '.\\?echo;*'; sleep 600"
        );
        let folder = folder.to_str().unwrap();
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let size = ["-x", &columns, "-y", &lines];
        let start = ["-f", "/dev/null", "new-session", "-d", "-c", folder];
        terminal.tmux(&[&start[..], &size, &["sh", "-c", &line]].concat());
        terminal
    }

    /// Waits until these words are on the screen, and returns all that is.
    #[track_caller]
    pub fn shows(&self, words: &str) -> String {
        let mut last = String::new();
        let found = wait_at_most(PATIENCE, || {
            last = self.screen();
            last.contains(words).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("`{words}` is not on the screen:\n{last}"))
    }

    /// Waits until this question is the last line on the screen.
    #[track_caller]
    pub fn asks(&self, question: &str) {
        wait_for(question, || self.screen().trim_end().ends_with(question).then_some(()));
    }

    /// Types a line.
    pub fn types(&self, line: &str) {
        self.tmux(&["send-keys", "-l", "--", line]);
        self.presses("Enter");
    }

    /// Types a line whose last letter is wrong at first.
    pub fn mistypes_first(&self, line: &str) {
        self.tmux(&["send-keys", "-l", "--", &format!("{line}é")]);
        self.presses("BSpace");
        self.presses("Enter");
    }

    /// Presses a key, in tmux's words: `C-c`, `BSpace`.
    pub fn presses(&self, key: &str) {
        self.tmux(&["send-keys", key]);
    }

    /// Returns the text on the screen, long lines whole.
    pub fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-J"]);
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.socket.path().join("tmux")).args(arguments);
        command.env("LC_ALL", "C.UTF-8").env_remove("TMUX");
        command
    }

    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}
