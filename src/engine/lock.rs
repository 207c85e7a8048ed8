//! One run at a time: a lock that dies with the process that holds it.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::host::{Error, Host};

/// Gone after a reboot, as its holder is.
const PATH: &str = "/run/mailprov/lock";

/// Held while a host is being changed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run is under way.
    #[error("another run is under way: {0}; wait for it to end, then try again")]
    Held(String),
    /// The lock cannot be opened.
    #[error(transparent)]
    Host(#[from] Error),
}

impl Lock {
    /// Takes the lock of a host, and writes into it who we are.
    ///
    /// # Errors
    ///
    /// Fails at once where another run holds it, and tells which.
    pub fn take(host: &Host, command: &str) -> Result<Self, LockError> {
        let path = Path::new(PATH);
        host.make_private_directories(Path::new("/run/mailprov"))?;
        let mut file = host.open_lock(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The holder may be about to write its name; no name is no reason to fail.
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
