//! The machine that the tests run on: its commands, locks and processes.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Runs a program and returns what it printed; panics, with its complaints,
/// where it fails.
#[track_caller]
pub fn run<S: AsRef<OsStr>>(argv: &[S]) -> String {
    let output = Command::new(&argv[0])
        .args(&argv[1..])
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", argv[0].as_ref().display()));
    assert!(
        output.status.success(),
        "{:?}: {}\n{}",
        argv.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        output.status,
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Takes a lock on a file, made if missing, for as long as the result lives.
pub fn lock(path: &Path) -> File {
    let file = open_lock(path).unwrap();
    file.lock().unwrap();
    file
}

/// Takes a lock on a file if nobody has it; none where its folder has gone
/// meanwhile, as that of another run of the tests may.
pub fn try_lock(path: &Path) -> Option<File> {
    let file = open_lock(path).ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

/// Returns the children of a process; none if it is gone.
pub fn children(process: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{process}/task/{process}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .collect()
}

/// Sends a signal; a process that is already gone is fine.
pub fn signal(process: u32, signal: Signal) {
    let process = i32::try_from(process).unwrap();
    let _ = kill(Pid::from_raw(process), signal);
}

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
