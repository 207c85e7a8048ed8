//! What was read from the folder of a playbook. A playbook for which all of it is
//! as it was renders the same as before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::local;

/// The files and folders that were read, by absolute paths.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// The digests of the files; `None` for one that did not exist.
    files: BTreeMap<PathBuf, Option<Digest>>,
    /// The names in the folders.
    folders: BTreeMap<PathBuf, Vec<String>>,
    /// Something was read twice and had changed between, or could not be read, so
    /// no later reading is the same.
    #[serde(skip)]
    is_torn: bool,
}

impl Reads {
    /// Notes how a file was read.
    pub(super) fn file(&mut self, path: &Path, read: &std::io::Result<Vec<u8>>) {
        let found = match read {
            Ok(bytes) => Some(Digest::of(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return self.is_torn = true,
        };
        self.is_torn |= note(&mut self.files, path, found);
    }

    /// Notes the names in a folder.
    pub(super) fn folder(&mut self, path: &Path, names: &[String]) {
        self.is_torn |= note(&mut self.folders, path, names.to_vec());
    }

    /// Returns whether one state of the folder was read, as another reading can find it.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_torn
    }

    /// Returns whether all files and folders are as they were.
    pub(crate) fn are_as_they_were(&self) -> bool {
        let mut now = Self::default();
        for path in self.files.keys() {
            now.file(path, &local::read(path));
        }
        for path in self.folders.keys() {
            now.folder(path, &names(path));
        }
        now.is_whole() && now.files == self.files && now.folders == self.folders
    }
}

/// Returns the names in a folder, in order.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let found = local::list(folder).unwrap_or_default();
    found.into_iter().map(|(name, _)| name).collect()
}

/// Notes a value, and returns whether another one was noted before.
fn note<V: PartialEq>(noted: &mut BTreeMap<PathBuf, V>, path: &Path, value: V) -> bool {
    let Ok(path) = std::path::absolute(path) else { return true };
    match noted.get(&path) {
        Some(before) => *before != value,
        None => noted.insert(path, value).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_change_is_seen_whatever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "1").unwrap();
        let mut reads = Reads::default();
        for name in ["a", "b"] {
            reads.file(&at(name), &local::read(&at(name)));
        }
        reads.folder(folder.path(), &names(folder.path()));
        let stored = serde_json::to_string(&reads).unwrap();
        let reads: Reads = serde_json::from_str(&stored).unwrap();
        let change = |change: &dyn Fn(), back: &dyn Fn()| {
            assert!(reads.are_as_they_were());
            change();
            let seen = !reads.are_as_they_were();
            back();
            seen
        };
        let (write, remove) = (
            |name: &str, text: &str| fs::write(at(name), text).unwrap(),
            |name: &str| fs::remove_file(at(name)).unwrap(),
        );
        assert!(change(&|| write("a", "2"), &|| write("a", "1")));
        assert!(change(&|| write("b", ""), &|| remove("b")));
        assert!(change(&|| write("c", ""), &|| remove("c")));
        assert!(change(&|| remove("a"), &|| write("a", "1")));
        let folder = |name: &str| fs::create_dir(at(name)).unwrap();
        assert!(change(&|| (remove("a"), folder("a")).1, &|| {
            fs::remove_dir(at("a")).unwrap();
            write("a", "1");
        }));
        assert!(reads.are_as_they_were());
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_read_anew() {
        let mut reads = Reads::default();
        reads.file(Path::new("/x"), &Ok(b"1".to_vec()));
        assert!(reads.is_whole());
        reads.file(Path::new("/x"), &Ok(b"2".to_vec()));
        assert!(!reads.is_whole());
        let mut reads = Reads::default();
        reads.file(Path::new("/x"), &Err(std::io::ErrorKind::PermissionDenied.into()));
        assert!(!reads.is_whole());
    }
}
