//! Writes a file for a person: a new one, complete, renamed into place.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::trust::open_folder_of;

/// The number of temporary names that are tried.
const TRIES: u32 = 100;

/// Writes a file with this mode, in place of the file or link at `path`.
///
/// # Errors
///
/// Fails if there is anything but a file, such as a folder or a device.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (folder, name) = open_folder_of(path)?;
    refuse_special(path)?;
    let mode = Mode::from_bits_truncate(mode);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mut number = 0;
    let (file, new) = loop {
        let new = format!(".{}.{}-{number}", name.display(), std::process::id());
        match openat(&folder, new.as_str(), flags, mode) {
            Ok(file) => break (File::from(file), new),
            Err(nix::errno::Errno::EEXIST) if number < TRIES => number += 1,
            Err(errno) => return Err(errno.into()),
        }
    };
    let written = fill(file, bytes).and_then(|()| {
        // A rename never replaces a folder by a file, so the type of the old
        // entry need not be checked again.
        Ok(renameat(&folder, new.as_str(), &folder, name.as_os_str())?)
    });
    if written.is_err() {
        // If this fails, an unused file remains.
        let _ = unlinkat(folder.as_fd(), new.as_str(), UnlinkatFlags::NoRemoveDir);
    }
    written
}

fn fill(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// Refuses a path to anything but a file, also through a link: replacing
/// /dev/stdout would break it for all programs.
fn refuse_special(path: &Path) -> io::Result<()> {
    let whole = std::path::absolute(path)?;
    let is_of_the_system = ["/dev", "/proc", "/sys"].iter().any(|it| whole.starts_with(it));
    let found = std::fs::metadata(path);
    match found {
        Ok(found) if is_of_the_system || !found.is_file() => {
            Err(io::Error::other("it is not a file"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn writing_makes_a_new_file_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (other, path) = (folder.path().join("other"), folder.path().join("plan"));
        fs::write(&other, "theirs").unwrap();
        symlink("other", &path).unwrap();
        write(&path, b"ours", 0o600).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"theirs");
        assert!(!path.is_symlink());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        write(&path, b"again", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"again");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn folders_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), b"x", 0o600).is_err());
        let link = folder.path().join("null");
        symlink("/dev/null", &link).unwrap();
        assert!(write(&link, b"x", 0o600).is_err());
        assert!(write(Path::new("/dev/stdout"), b"x", 0o600).is_err());
        assert!(Path::new("/dev/null").metadata().is_ok_and(|it| !it.is_file()));
    }
}
