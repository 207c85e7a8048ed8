//! Where the files that a mail.yml names are read from.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::local;
use crate::wire::PlaintextSecret;

/// Where the files that a mail.yml names are read from.
#[derive(Debug)]
pub struct Files<'f> {
    folder: &'f Path,
    seen: RefCell<BTreeMap<PathBuf, Digest>>,
    sent: Option<&'f BTreeMap<PathBuf, PlaintextSecret>>,
}

impl<'f> Files<'f> {
    /// Takes relative paths as beside a mail.yml that lies in `folder`.
    pub fn beside(folder: &'f Path) -> Self {
        Self { folder, sent: None, seen: RefCell::default() }
    }

    /// Takes files that came along with a mail.yml for those that it names, and
    /// where one did not come, the one in its place.
    pub fn sent(folder: &'f Path, sent: &'f BTreeMap<PathBuf, PlaintextSecret>) -> Self {
        Self { folder, sent: Some(sent), seen: RefCell::default() }
    }

    /// Returns where a file lies.
    pub fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As [`local::read`].
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = match self.sent.and_then(|sent| sent.get(Path::new(path))) {
            Some(text) => text.0.expose().clone().into_bytes(),
            None => local::read(&self.place(path))?,
        };
        self.seen.borrow_mut().insert(self.place(path), Digest::of(&bytes));
        Ok(bytes)
    }

    /// Returns the files that were read, as they were.
    pub fn seen(self) -> BTreeMap<PathBuf, Digest> {
        self.seen.into_inner()
    }
}
