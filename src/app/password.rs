//! A password that comes from a file or standard input.

use std::io::{self, Read};

use crate::cli::PasswordFrom;
use crate::command_error::CommandError;
use crate::local::{self, Untrusted};
use crate::secret::Secret;

/// The limit of a file, since no password is longer.
const MOST_BYTES: u64 = 64 * 1024;

/// Reads the password from where it is given, if it is.
pub(crate) fn given_password(from: &PasswordFrom) -> Result<Option<Secret<String>>, CommandError> {
    if let Some(path) = &from.password_file {
        let bytes = local::read(path).map_err(|error| match Untrusted::of(&error) {
            Some(_) => super::unreadable(path, &error),
            None => unreadable(&path.display(), error),
        })?;
        return line(&path.display().to_string(), bytes).map(Some);
    }
    if from.password_stdin {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(MOST_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&"standard input", error))?;
        return line("standard input", bytes).map(Some);
    }
    Ok(None)
}

fn line(name: &str, bytes: Vec<u8>) -> Result<Secret<String>, CommandError> {
    let text = local::text(name, bytes)
        .map_err(|not_text| CommandError::failed("the password").because(not_text))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

fn unreadable(name: &dyn std::fmt::Display, error: io::Error) -> CommandError {
    CommandError::failed(format!("could not read the password from {name}")).because(error)
}
