//! The machine that the tests run on: its commands.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::process::{Command, Stdio};

/// Runs a program and returns its output; panics, with its error output,
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

/// Returns bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
