//! Files of the person at the keyboard, named on the command line or in such a
//! file: mail.yml, playbooks, password files, saved plans. The host's own files
//! go through `host`.

#![expect(clippy::disallowed_methods, reason = "the door to the files that a person names")]

mod terminal;
mod trust;
mod walk;
mod write;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub(crate) use terminal::{forget_typed, read_unseen};
pub use trust::readers;
pub(crate) use trust::{Untrusted, group_name, refuse_untrusted, user_name};
pub(crate) use walk::{Walk, kind, names};
pub use write::write;

/// The size limit. A mail.yml with a hundred thousand accounts has half of it.
const MOST_BYTES: u64 = 32 * 1024 * 1024;

/// Reads a file.
///
/// # Errors
///
/// Also fails if it is not a regular file or larger than 32 MiB; as root, with
/// `Untrusted` if another user could have written it.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = trust::open_file(path)?;
    let size = file.metadata()?.len();
    let too_large = || io::Error::other("it is larger than 32 MiB");
    if size > MOST_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads a program, which may be larger.
///
/// # Errors
///
/// Fails as [`read`] does if another user could have written it.
pub(crate) fn read_program(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    trust::open_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the running program. Its path may lead to another program by now, so
/// it is read through `/proc`.
pub(crate) fn read_this_program() -> io::Result<Vec<u8>> {
    fs::read("/proc/self/exe")
}

/// Returns the system's error message, without the error number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Reads a text file.
///
/// # Errors
///
/// Fails as [`read`] does, and as [`text`].
pub fn read_text(path: &Path) -> io::Result<String> {
    text(&path.display().to_string(), read(path)?).map_err(io::Error::other)
}

/// Converts the content of the file `name` to text.
///
/// # Errors
///
/// Fails if it is not UTF-8: the message names the first position that is not.
pub fn text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = good.matches('\n').count() + 1;
        let column = good.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        format!("{name}:{line}:{column} is not UTF-8 text; save the file as UTF-8")
    })
}

/// Replaces a file atomically by one that only its owner can read, and makes its folders.
pub(crate) fn replace_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}.new", std::process::id()));
    // A file that an earlier process with this number left must not be written to.
    let _ = fs::remove_file(&new);
    write_new(&new, text, 0o600)?;
    fs::rename(&new, path).inspect_err(|_| drop(fs::remove_file(&new)))?;
    File::open(folder)?.sync_all()
}

/// Returns whether a file is below a folder, once all links are followed.
/// Returns false if that cannot be determined.
pub(crate) fn is_below(folder: &Path, file: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let whole = |path: &Path| fs::canonicalize(path).ok();
    matches!((whole(folder), whole(file)), (Some(folder), Some(file)) if file.starts_with(&folder))
}

/// Lists a folder: the names in it, and whether each is a folder. A folder that
/// does not exist is empty; names that are not UTF-8 are left out.
pub fn list(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            found.push((name, entry.path().is_dir()));
        }
    }
    found.sort();
    Ok(found)
}

/// Returns whether a path leads to a folder.
pub fn is_folder(path: &Path) -> bool {
    path.is_dir()
}

/// Returns the metadata of a path without following a link.
pub fn look(path: &Path) -> io::Result<fs::Metadata> {
    path.symlink_metadata()
}

/// Makes a folder and its parents, unless they exist.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Writes a new file with this mode, whole or not at all, and makes its folders.
///
/// # Errors
///
/// Fails if the file exists.
pub(crate) fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    // A file that is cut off would be in the way of the next try.
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}
