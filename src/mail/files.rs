//! Reads the files that a mail.yml names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::local;
use crate::wire::PlaintextSecret;

/// The folder or set of files that a mail.yml refers to.
#[derive(Debug)]
pub struct Files<'f> {
    folder: &'f Path,
    seen: RefCell<BTreeMap<PathBuf, Digest>>,
    sent: Option<&'f BTreeMap<PathBuf, PlaintextSecret>>,
}

impl<'f> Files<'f> {
    /// Resolves relative paths against `folder`, where mail.yml is.
    pub fn beside(folder: &'f Path) -> Self {
        Self { folder, sent: None, seen: RefCell::default() }
    }

    /// Reads files that were sent along with a mail.yml, and falls back to the
    /// local file for those that were not.
    pub fn sent(folder: &'f Path, sent: &'f BTreeMap<PathBuf, PlaintextSecret>) -> Self {
        Self { folder, sent: Some(sent), seen: RefCell::default() }
    }

    /// Returns the path of a file.
    pub fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = match self.sent.and_then(|sent| sent.get(Path::new(path))) {
            Some(text) => text.0.expose().clone().into_bytes(),
            None => local::read(&self.place(path))?,
        };
        self.seen.borrow_mut().insert(self.place(path), Digest::of(&bytes));
        Ok(bytes)
    }

    /// Returns the digest of each file that was read.
    pub fn seen(self) -> BTreeMap<PathBuf, Digest> {
        self.seen.into_inner()
    }
}
