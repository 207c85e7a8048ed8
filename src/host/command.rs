//! Runs a program: an argument list, never a shell line, with its output captured.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::thread::ScopedJoinHandle;

use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{Error, Host, Result};
use crate::reach::quoted;

/// The number of last lines that are shown of a failed program.
const LINES_SHOWN: usize = 20;

/// Where administration programs are, whatever `PATH` the caller has.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program and its arguments, ready to run on the host.
#[derive(Debug)]
pub struct Command {
    argv: Vec<OsString>,
    chroot: Option<OsString>,
    environment: Vec<(String, String)>,
}

/// The output and the exit code of a program.
#[derive(Debug)]
pub struct Captured {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
}

impl Captured {
    /// Returns whether the program ended with exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl Host {
    /// Prepares `argv` to run on this host, or inside the tree, in a clean
    /// environment and without standard input.
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

    /// Runs the program and waits for it. The caller judges the exit code.
    pub(crate) fn capture(&self) -> Result<Captured> {
        self.capture_of(&self.expression().stdin_null())
    }

    /// Runs programs in parallel, and waits for all of them.
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

    /// Runs the program and writes its output to files in memory. A daemon that
    /// the program starts would keep a pipe open.
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

    /// Runs the program. An exit code other than 0 is an error that shows the
    /// last lines of the output.
    pub fn run(&self) -> Result<Captured> {
        let captured = self.capture()?;
        if captured.success() { Ok(captured) } else { Err(self.failed(&captured)) }
    }

    /// Runs the program with `input` on its standard input.
    pub fn run_with_input(&self, input: &[u8]) -> Result<()> {
        let captured = self.capture_of(&self.expression().stdin_bytes(input))?;
        if captured.success() { Ok(()) } else { Err(self.failed(&captured)) }
    }

    /// Returns the error for a run that ended as `captured`.
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
        // The program gets its own process group, so that Ctrl-C on the
        // terminal does not interrupt it (apt, say) in the middle of a step.
        expression.before_spawn(|command| {
            command.process_group(0);
            Ok(())
        })
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.argv.iter().map(|word| quoted(&word.to_string_lossy())).collect();
        f.write_str(&words.join(" "))
    }
}

/// Opens a file that exists only in memory.
fn memory() -> io::Result<File> {
    Ok(memfd_create("mailprov", MFdFlags::MFD_CLOEXEC)?.into())
}

/// Reads the content of such a file.
fn written(file: &File) -> io::Result<String> {
    let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
