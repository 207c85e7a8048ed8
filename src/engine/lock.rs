//! Allows one run at a time, by a lock that ends with its process.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::host::{Error, Host};

/// In `/run`, so that a reboot removes it.
const PATH: &str = "/run/mailprov/lock";

#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error("another run is under way: {0}; wait for it to end, then try again")]
    Held(String),
    #[error(transparent)]
    Host(#[from] Error),
}

impl Lock {
    /// Takes the lock of a host, and writes the name of the holder into it.
    ///
    /// # Errors
    ///
    /// Fails at once where another run holds the lock, and names it.
    pub(crate) fn take(host: &Host, command: &str) -> Result<Self, LockError> {
        let path = Path::new(PATH);
        host.make_private_directories(Path::new("/run/mailprov"))?;
        let mut file = host.open_lock(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder may not have written its name yet.
                let _ = file.read_to_string(&mut holder);
                return Err(LockError::Held(holder.trim().to_owned()));
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(Error::io("lock", path, error).into());
            }
        }
        let holder = format!("mailprov {command}, process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(|error| Error::io("write", path, error))?;
        Ok(Self { _file: file })
    }
}
