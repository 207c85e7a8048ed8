//! Reads files that hold one secret on one line.

use super::{Files, Invalid};
use crate::local::{self, Untrusted};
use crate::yaml::printable;

/// The limit in bytes; every hash and password is shorter.
const MAX_BYTES: usize = 16 * 1024;

/// Reads the only line of a file. Errors contain nothing of it.
pub(crate) fn read(files: &Files<'_>, path: &str) -> Result<String, Invalid> {
    let shown = printable(path);
    if path.starts_with(['{', '$']) {
        return Err(Invalid::new(
            "this is a hash, not the path of a file",
            "write `password:` instead of `password_file:`",
        ));
    }
    let full = files.place(path);
    let cannot = |error: std::io::Error| {
        let place = std::path::absolute(&full).unwrap_or_else(|_| full.clone());
        let help = format!("looked for at {}", printable(&place.display().to_string()));
        Invalid::new(format!("cannot read `{shown}`: {}", reason(&error)), help)
    };
    let text = files.read(path).map_err(|error| match (Untrusted::of(&error), error.kind()) {
        (Some(Untrusted { reason, remedy }), _) => Invalid::new(reason.clone(), remedy.clone()),
        (None, std::io::ErrorKind::Other) => {
            Invalid::new(format!("`{shown}` is not a file"), "name a file with one line")
        }
        _ => cannot(error),
    })?;
    line(&shown, text)
}

/// Returns the only line of a file named `shown`. Errors contain nothing of it.
pub(crate) fn line(shown: &str, text: Vec<u8>) -> Result<String, Invalid> {
    let one_line = || Invalid::new(format!("`{shown}` is not one line of text"), ONE_LINE);
    if text.len() > MAX_BYTES {
        return Err(one_line());
    }
    let text = local::text(shown, text).map_err(|not_text| Invalid::new(not_text, ONE_LINE))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(Invalid::new(format!("`{shown}` is empty"), ONE_LINE));
    }
    if line.chars().any(char::is_control) {
        return Err(one_line());
    }
    Ok(line.to_owned())
}

const ONE_LINE: &str = "it must hold the secret on one line, and nothing else";

fn reason(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file",
        std::io::ErrorKind::PermissionDenied => "you have no permission (try as root)",
        _ => "the system reports an error",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_line_is_read_and_anything_else_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let with = |bytes: &[u8]| {
            fs::write(folder.path().join("secret"), bytes).unwrap();
            read(&Files::beside(folder.path()), "secret")
        };
        assert_eq!(with(b"hunter2\n").unwrap(), "hunter2");
        assert_eq!(with(b"hunter2").unwrap(), "hunter2");
        assert_eq!(with(b"hunter2\r\n").unwrap(), "hunter2");
        for bytes in [&b""[..], b"\n", b"hunter2\n\n", b"hunter2\nhunter3\n", b"\xff", b"a\0"] {
            let error = with(bytes).unwrap_err();
            assert!(!error.message.contains("hunter"), "{error:?}");
        }
        assert!(with(&[b'a'; 20_000]).is_err());
        let files = Files::beside(folder.path());
        assert!(read(&files, "absent").unwrap_err().message.contains("no such file"));
        assert!(read(&files, ".").unwrap_err().message.contains("not a file"));
        assert!(read(&files, "/dev/zero").unwrap_err().message.contains("not a file"));
    }
}
