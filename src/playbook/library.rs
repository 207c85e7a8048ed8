//! The templates and files of a playbook: embedded in the program, in a folder
//! of the user's, or sent from one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Embedded;
use super::reads::{self, Reads};
use crate::local::{self, Untrusted};
use crate::resource::AssetError;

/// The location of a playbook's templates and files.
#[derive(Debug)]
pub(crate) enum Library {
    Embedded(Embedded),
    /// In the folder of the playbook, with what was read there.
    Folder(PathBuf, Mutex<Reads>),
    /// By name, as sent from this folder of another machine.
    Sent(PathBuf, BTreeMap<String, Vec<u8>>),
}

impl Library {
    /// Returns the bytes and the full name of the file `name` in `folder` of
    /// the playbook, or in the subfolder of its `kind`, which comes first.
    ///
    /// A name that ends in `@` and a version, such as `dovecot.conf@2.4.1`,
    /// selects the newest `dovecot.conf@…` that is not newer than that.
    pub(super) fn read(
        &self,
        folder: &str,
        kind: &str,
        name: &str,
    ) -> Result<(String, Vec<u8>), AssetError> {
        let candidates = [join(folder, &format!("{kind}/{name}")), join(folder, name)];
        for candidate in &candidates {
            let found = match candidate.rsplit_once('@') {
                Some((base, version)) => self.newest(base, version),
                None => Some(candidate.clone()),
            };
            if let Some(bytes) = found.as_deref().and_then(|name| self.bytes(name)) {
                return Ok((found.unwrap_or_default(), bytes?));
            }
        }
        Err(AssetError::Name {
            message: format!("there is no `{name}` in the playbook"),
            help: format!("looked for {}", candidates.join(" and ")),
        })
    }

    /// Returns the name of a file for errors.
    pub(super) fn shown(&self, name: &str) -> String {
        match self {
            Self::Embedded(playbook) => format!("playbooks/{}/{name}", playbook.name),
            Self::Folder(folder, _) | Self::Sent(folder, _) => {
                folder.join(name).display().to_string()
            }
        }
    }

    /// Returns the bytes of a file; `None` if it does not exist.
    pub(super) fn bytes(&self, name: &str) -> Option<Result<Vec<u8>, AssetError>> {
        match self {
            Self::Embedded(playbook) => playbook.file(name).map(|text| Ok(text.into())),
            Self::Sent(_, files) => files.get(name).cloned().map(Ok),
            Self::Folder(folder, reads) => match read(&folder.join(name), reads) {
                Ok(bytes) => Some(Ok(bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => Some(Err(match Untrusted::of(&error).cloned() {
                    Some(Untrusted { reason, remedy }) => {
                        AssetError::Name { message: reason, help: remedy }
                    }
                    None => AssetError::Name {
                        message: format!(
                            "could not read {}: {}",
                            folder.join(name).display(),
                            local::reason(&error)
                        ),
                        help: "name a file that can be read".into(),
                    },
                })),
            },
        }
    }

    /// Returns what was read from the folder of the playbook, unless that cannot be
    /// compared later.
    pub(super) fn reads(&self) -> Option<Reads> {
        let Self::Folder(_, reads) = self else { return None };
        Some(noted(reads).clone()).filter(Reads::is_whole)
    }

    /// Returns the names of the files in a folder.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = match self {
            Self::Embedded(playbook) => playbook.list(folder),
            Self::Sent(_, files) => {
                let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
                let below = files.keys().filter_map(|name| name.strip_prefix(&prefix));
                below.filter(|name| !name.contains('/')).map(ToOwned::to_owned).collect()
            }
            Self::Folder(root, reads) => {
                let folder = match root.join(folder) {
                    // Of a playbook that was named without its folder.
                    empty if empty.as_os_str().is_empty() => PathBuf::from("."),
                    folder => folder,
                };
                let names = reads::names(&folder);
                noted(reads).folder(&folder, &names);
                names
            }
        };
        names.sort();
        names
    }

    fn newest(&self, base: &str, version: &str) -> Option<String> {
        let (folder, stem) = base.rsplit_once('/').unwrap_or(("", base));
        let names = self.names(folder);
        let wanted = numbers(version);
        let versions = names.iter().filter_map(|name| name.strip_prefix(stem)?.strip_prefix('@'));
        let newest = versions
            .filter(|version| numbers(version) <= wanted)
            .max_by_key(|version| numbers(version))?;
        Some(format!("{base}@{newest}"))
    }
}

/// Reads a file of the playbook, and notes that.
pub(super) fn read(path: &Path, reads: &Mutex<Reads>) -> std::io::Result<Vec<u8>> {
    let read = local::read(path);
    noted(reads).file(path, &read);
    read
}

fn noted(reads: &Mutex<Reads>) -> MutexGuard<'_, Reads> {
    reads.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Joins a folder and a name. The folder of the playbook itself is empty.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Parses a version into numbers, so that 2.10 comes after 2.9.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_chosen_by_the_newest_version_that_is_not_too_new() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("templates")).unwrap();
        for name in ["x@2.3", "x@2.4", "x@2.10"] {
            std::fs::write(folder.path().join("templates").join(name), name).unwrap();
        }
        let library = Library::Folder(folder.path().to_owned(), Mutex::default());
        let chosen = |version: &str| {
            library.read("", "templates", &format!("x@{version}")).map(|(name, _)| name)
        };
        assert_eq!(chosen("2.3.19.1").unwrap(), "templates/x@2.3");
        assert_eq!(chosen("2.5.0").unwrap(), "templates/x@2.4");
        assert_eq!(chosen("3").unwrap(), "templates/x@2.10");
        assert!(chosen("2.2.9").is_err());
    }
}
