//! Programs and processes of this machine.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Result, Watch};
use crate::host::{Captured, Host};

/// How often to poll.
const TICK: Duration = Duration::from_millis(50);

/// Runs a program to its end, and fails with its output if it fails.
pub fn run<S: AsRef<str>>(argv: &[S]) -> Result<Captured> {
    let host = Host::open(Path::new("/"))?;
    Ok(host.command(argv.iter().map(|word| word.as_ref().to_owned())).run()?)
}

/// Runs a program that may fail, since what it removes may be gone.
pub(super) fn quietly(argv: &[&str]) {
    let _ = run(argv);
}

/// Returns the children of a process; none if it is gone.
pub fn children(process: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{process}/task/{process}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Sends a signal; ignores a process that is gone.
pub fn signal(process: u32, signal: Signal) {
    if let Ok(process) = i32::try_from(process) {
        let _ = kill(Pid::from_raw(process), signal);
    }
}

/// Polls until there is an answer or the time is over.
pub fn wait_at_most<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + time;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(TICK);
    }
}

/// As [`wait_at_most`], but stops when `watch` fails.
pub(super) fn wait_watched<T>(
    time: Duration,
    watch: Watch<'_>,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<Option<T>> {
    let waited = wait_at_most(time, || match watch() {
        Err(error) => Some(Err(error)),
        Ok(()) => ask().map(Ok),
    });
    waited.transpose()
}
