//! Runs a program: an argument list, never a shell line; output captured.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::thread::ScopedJoinHandle;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{Error, Host, Result};

/// How many of a failed program's last lines are worth showing.
const LINES_SHOWN: usize = 20;

/// Where administration programs live, whatever the caller's own `PATH` is.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program and its arguments, ready to be run on the host.
#[derive(Debug)]
pub struct Command {
    argv: Vec<OsString>,
    chroot: Option<OsString>,
    environment: Vec<(String, String)>,
}

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub struct Captured {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
}

impl Captured {
    /// Tells whether the program ended with exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl Host {
    /// Prepares `argv` to run on this host (inside the tree, where it is one),
    /// in a clean environment and without standard input.
    pub fn command<S: Into<OsString>>(&self, argv: impl IntoIterator<Item = S>) -> Command {
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            chroot: self.is_tree().then(|| self.root.clone().into_os_string()),
            environment: vec![
                ("PATH".into(), PATH.into()),
                ("LC_ALL".into(), "C.UTF-8".into()),
                ("HOME".into(), "/root".into()),
            ],
        }
    }
}

impl Command {
    /// Adds a variable to the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs the program and waits; its exit code is the caller's to judge.
    pub(crate) fn capture(&self) -> Result<Captured> {
        self.capture_of(&self.expression().stdin_null())
    }

    /// Runs programs side by side, and waits for all of them.
    pub(crate) fn capture_all(commands: &[Self]) -> Vec<Result<Captured>> {
        std::thread::scope(|scope| {
            let run = |command| scope.spawn(move || Self::capture(command));
            let running: Vec<_> = commands.iter().map(run).collect();
            let join = |(thread, command): (ScopedJoinHandle<'_, _>, &Self)| {
                let lost = |_| Err(command.failed_to_start(&io::Error::other("its thread ended")));
                thread.join().unwrap_or_else(lost)
            };
            running.into_iter().zip(commands).map(join).collect()
        })
    }

    /// Runs the program with what it writes going into files in memory. A pipe
    /// would stay open as long as a daemon that the program starts.
    fn capture_of(&self, expression: &duct::Expression) -> Result<Captured> {
        let fail = |error: io::Error| self.failed_to_start(&error);
        let (stdout, stderr) = (memory().map_err(fail)?, memory().map_err(fail)?);
        let output = expression
            .stdout_file(stdout.try_clone().map_err(fail)?)
            .stderr_file(stderr.try_clone().map_err(fail)?)
            .unchecked()
            .run();
        super::recent::forget();
        let output = output.map_err(fail)?;
        Ok(Captured {
            stdout: written(&stdout).map_err(fail)?,
            stderr: written(&stderr).map_err(fail)?,
            code: output.status.code(),
        })
    }

    /// Runs the program; an exit code other than 0 is an error that shows its
    /// last lines.
    pub fn run(&self) -> Result<Captured> {
        let captured = self.capture()?;
        if captured.success() { Ok(captured) } else { Err(self.failed(&captured)) }
    }

    /// Runs the program with `input` on its standard input.
    pub fn run_with_input(&self, input: &[u8]) -> Result<()> {
        let captured = self.capture_of(&self.expression().stdin_bytes(input))?;
        if captured.success() { Ok(()) } else { Err(self.failed(&captured)) }
    }

    /// Makes the error for a run that ended as `captured`.
    pub fn failed(&self, captured: &Captured) -> Error {
        let outcome = match captured.code {
            Some(code) => format!("failed with exit code {code}"),
            None => "was ended by a signal".into(),
        };
        let all = format!("{}{}", captured.stdout, captured.stderr);
        let lines: Vec<&str> = all.lines().collect();
        let output = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        Error::Command { command: self.to_string(), outcome, output }
    }

    fn failed_to_start(&self, error: &io::Error) -> Error {
        let outcome = format!("could not be started: {}", crate::local::reason(error));
        Error::Command { command: self.to_string(), outcome, output: String::new() }
    }

    fn expression(&self) -> duct::Expression {
        let mut argv = self.argv.clone();
        if let Some(root) = &self.chroot {
            argv.splice(0..0, [OsString::from("chroot"), root.clone()]);
        }
        let program = argv.first().cloned().unwrap_or_default();
        let mut expression = duct::cmd(program, argv.into_iter().skip(1)).dir("/");
        expression = expression.full_env(self.environment.iter().cloned());
        // A group of its own, so that Ctrl-C on the terminal reaches us alone: we finish the
        // step, and apt is not torn away in the middle.
        expression.before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.argv.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// Opens a file that is nowhere but in memory.
fn memory() -> io::Result<File> {
    Ok(memfd_create("mailprov", MFdFlags::MFD_CLOEXEC)?.into())
}

/// Reads what was written into such a file.
fn written(file: &File) -> io::Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Quotes a word where a shell would need it, so that a line can be pasted.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
