//! A command that runs in a box while the test goes on.

use std::process::Child;

use mailprov::sandbox::{children, signal};
use nix::sys::signal::Signal;

use super::output::Output;
use super::wait_for;

/// A running command; killed when dropped.
#[derive(Debug)]
pub struct Process {
    argv: Vec<String>,
    /// `nsenter`, which ends when the command does.
    child: Option<Child>,
    /// The command itself; `None` if it was over at once.
    command: Option<u32>,
}

impl Process {
    /// Takes over a started `nsenter`, once it is in the box.
    pub(super) fn new(argv: &[&str], mut child: Child) -> Self {
        drop(child.stdin.take());
        let id = child.id();
        let command = wait_for("a command to start", || {
            let command = children(id).first().copied();
            let over = child.try_wait().unwrap().is_some();
            (command.is_some() || over).then_some(command)
        });
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        Self { argv, child: Some(child), command }
    }

    /// Tells whether the command still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Returns the number that the command has outside the box.
    pub fn id(&self) -> u32 {
        self.command.expect("a command that is not over at once")
    }

    /// Sends the command a signal, unless it is over.
    pub fn signal(&mut self, wanted: Signal) {
        if self.is_running()
            && let Some(command) = self.command
        {
            signal(command, wanted);
        }
    }

    /// Has a command go on that stopped; with it, `nsenter` had stopped as well.
    pub fn go_on(&mut self) {
        if let Some(child) = &self.child {
            signal(child.id(), Signal::SIGCONT);
        }
        self.signal(Signal::SIGCONT);
    }

    /// Kills the command at once.
    pub fn kill(mut self) -> Output {
        self.signal(Signal::SIGKILL);
        self.wait()
    }

    /// Waits for the end of the command.
    pub fn wait(mut self) -> Output {
        let child = self.child.take().unwrap();
        Output::new(&self.argv, child.wait_with_output().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }
}
