//! Reads passwords from a terminal without showing them.

use std::io::{self, Read};
use std::os::fd::AsFd;

use nix::sys::termios::{
    FlushArg, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcflush, tcgetattr, tcsetattr,
};

use crate::secret::Secret;

const MOST_BYTES: usize = 4096;

const END: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];
const ERASE_LINE: u8 = 21;
/// Ctrl-C and Ctrl-\.
const INTERRUPT: [u8; 2] = [3, 28];

/// The terminal at standard input with echo off. Characters are read one by
/// one, so that Ctrl-C can restore its settings too.
struct Unseen {
    before: Termios,
}

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin().as_fd())?;
        let mut unseen = before.clone();
        unseen.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        unseen.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        unseen.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        // Input from before the question was visible, and is not an answer to it.
        tcsetattr(io::stdin().as_fd(), SetArg::TCSAFLUSH, &unseen)?;
        Ok(Self { before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &self.before);
    }
}

/// Reads a line from the terminal at standard input without showing it. Calls
/// `ready` once echo is off, to ask the question.
///
/// # Errors
///
/// Fails if standard input is not a terminal, and with
/// [`io::ErrorKind::Interrupted`] if the person cancels.
pub(crate) fn read_unseen(ready: impl FnOnce()) -> io::Result<Secret<String>> {
    let _unseen = Unseen::begin()?;
    ready();
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        let count = io::stdin().lock().read(&mut byte)?;
        match byte[0] {
            _ if count == 0 => break,
            b'\r' | b'\n' | END => break,
            sign if INTERRUPT.contains(&sign) => return Err(io::ErrorKind::Interrupted.into()),
            sign if BACKSPACE.contains(&sign) => erase_character(&mut line),
            ERASE_LINE => line.clear(),
            _ if line.len() == MOST_BYTES => {
                return Err(io::Error::other("the line is too long"));
            }
            sign => line.push(sign),
        }
    }
    let line = String::from_utf8(line).map_err(|_| io::Error::other("it is not UTF-8 text"))?;
    Ok(Secret::new(line))
}

/// Discards input that was typed at a terminal but not read yet.
pub(crate) fn forget_typed() {
    // Fails if it is not a terminal. Other input was not typed and is kept.
    let _ = tcflush(io::stdin().as_fd(), FlushArg::TCIFLUSH);
}

/// Removes the last character, which may be several bytes.
fn erase_character(line: &mut Vec<u8>) {
    let is_inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    while line.pop().is_some_and(|byte| is_inside(&byte)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_erased_whole() {
        let mut line = "aé🔑".as_bytes().to_vec();
        for left in ["aé", "a", "", ""] {
            erase_character(&mut line);
            assert_eq!(line, left.as_bytes());
        }
    }
}
