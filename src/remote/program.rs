//! The program to send: its bytes, and its requirements.

use std::path::Path;

use super::refused;
use crate::command_error::CommandError;
use crate::digest::Digest;
use crate::local::{self, Untrusted};

/// A mailprov that can be sent to a host.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
    /// The machine that it is for, as `uname -m` calls it.
    pub(super) machine: &'static str,
    /// The oldest GNU C library that it runs with.
    pub(super) libc: (u32, u32),
}

impl Program {
    /// Reads the running program.
    pub(crate) fn own() -> Result<Self, CommandError> {
        let bytes = local::read_this_program()
            .map_err(|error| CommandError::failed("could not read this program").because(error))?;
        Self::of(bytes, Path::new("/proc/self/exe"))
    }

    /// Reads a program from a file.
    ///
    /// # Errors
    ///
    /// Fails where it cannot be read, or is not a program for Linux.
    pub(crate) fn read(path: &Path) -> Result<Self, CommandError> {
        let bytes = local::read_program(path).map_err(|error| {
            let advice = Untrusted::of(&error).map_or("", |refused| &refused.remedy).to_owned();
            refused(format!("could not read {}", path.display()), advice).because(error)
        })?;
        Self::of(bytes, path)
    }

    fn of(bytes: Vec<u8>, path: &Path) -> Result<Self, CommandError> {
        let machine = machine(&bytes).ok_or_else(|| {
            let message = format!("{} is not a program for Linux", path.display());
            refused(message, "Name a mailprov that was built for that host.")
        })?;
        Ok(Self { digest: Digest::of(&bytes), machine, libc: libc(&bytes), bytes })
    }
}

/// Reads the machine from an ELF header (`e_machine`, elf(5)).
fn machine(bytes: &[u8]) -> Option<&'static str> {
    if !bytes.starts_with(b"\x7fELF") {
        return None;
    }
    let [low, high] = *bytes.get(18..20)? else { return None };
    match u16::from_le_bytes([low, high]) {
        62 => Some("x86_64"),
        183 => Some("aarch64"),
        40 => Some("armv7l"),
        243 => Some("riscv64"),
        _ => None,
    }
}

/// Finds the newest version of the GNU C library among the symbols of a
/// program, where it is named as `GLIBC_2.34`.
fn libc(bytes: &[u8]) -> (u32, u32) {
    const MARK: &[u8] = b"GLIBC_";
    let versions = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let version = |at: usize| {
        let rest = &bytes[at + MARK.len()..];
        let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        version(std::str::from_utf8(&rest[..end]).ok()?)
    };
    versions.filter_map(|(at, _)| version(at)).max().unwrap_or_default()
}

/// Parses the first two numbers of a version: `2.36` is (2, 36).
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    Some((major, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needs_of_a_program_are_read_from_it() {
        let own = Program::own().unwrap();
        assert_eq!(own.machine, std::env::consts::ARCH);
        assert_eq!(own.libc.0, 2);
        assert!(own.libc.1 >= 17, "{:?}", own.libc);
        assert_eq!(machine(b"#!/bin/sh\n"), None);
        assert_eq!(libc(b"..GLIBC_2.4\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0"), (2, 34));
    }
}
