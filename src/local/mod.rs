//! Files of the person who runs us, named on the command line or in a file so
//! named: mail.yml, playbooks, password files, saved plans. The host's own
//! files go through `host`.

mod terminal;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub use terminal::{forget_typed, read_unseen};

/// A longer file is none of these. A mail.yml with a hundred thousand accounts
/// takes a third.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a file.
///
/// # Errors
///
/// Fails as the system does, and where it is no regular file or is larger than
/// 64 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before it is opened, as opening a FIFO waits for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is larger than 64 MiB"));
    }
    Ok(bytes)
}

/// Reads a program, which may be larger.
///
/// # Errors
///
/// Fails as the system does.
pub fn read_program(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    fs::read(path)
}

/// Says what the system said, without the number that it gives errors.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// Reads a file of text.
///
/// # Errors
///
/// As [`read`], and where it is not UTF-8: then with the number of the line.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        io::Error::other(format!("line {line} is not UTF-8 text; save it as UTF-8"))
    })
}

/// Puts a text into the place of a file, whole or not at all, for its owner's
/// eyes only, and makes the folders that it is in.
///
/// # Errors
///
/// Fails as the system does.
pub fn replace_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}.new", std::process::id()));
    // What an earlier process of this number left is not what is written through.
    let _ = fs::remove_file(&new);
    write_new_private(&new, text)?;
    fs::rename(&new, path).inspect_err(|_| drop(fs::remove_file(&new)))?;
    File::open(folder)?.sync_all()
}

/// Tells whether a file lies below a folder, once all links are followed. False
/// where that cannot be told.
pub fn is_below(folder: &Path, file: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let whole = |path: &Path| fs::canonicalize(path).ok();
    matches!((whole(folder), whole(file)), (Some(folder), Some(file)) if file.starts_with(&folder))
}

/// Makes a folder and those that it is in, unless they are there.
///
/// # Errors
///
/// Fails as the system does.
pub fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Writes a new file, and the folders that it is in.
///
/// # Errors
///
/// Fails as the system does, and where there is such a file already.
pub fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

/// Writes a new file that only its owner may read, and the folders that it is
/// in.
///
/// # Errors
///
/// As [`write_new`].
pub fn write_new_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Writes a file that only its owner may read, replacing what was there.
///
/// # Errors
///
/// Fails as the system does.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
