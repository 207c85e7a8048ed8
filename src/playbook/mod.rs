//! Playbooks: ordered steps in YAML, their strings and templates in Jinja over
//! `mail` and `facts`. A playbook and the facts of a host give the resources
//! that the engine plans with.

mod book;
mod embedded;
mod library;
mod reads;
mod resolve;
mod scope;
mod sent;
mod step;
mod template;
mod withdrawn;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Source};
use crate::local;
use crate::resource::{Key, Resource};

use book::Book;
pub(crate) use embedded::{Embedded, FILE, all, embedded};
pub(crate) use library::Library;
pub(crate) use reads::Reads;
pub use resolve::Context;

/// The default playbook.
pub(crate) const DEFAULT: &str = "postmaster";

/// The ordered steps that bring a host into the wanted state.
#[derive(Debug)]
pub struct Playbook {
    book: Book,
}

/// A step with its templates rendered: its declaration for one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Declared {
    /// The name of the step.
    pub step: String,
    /// What it declares.
    pub resource: Resource,
    /// For a declaration that removes what a step put on the host while its
    /// `present:` was true: the key under which an earlier run must have put it
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Key>,
}

/// Why a playbook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read the playbook {name}: {}", local::reason(source))]
    Read {
        /// The path as given.
        name: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file has mistakes.
    #[error("the playbook is invalid")]
    Invalid(Vec<Diagnostic>),
}

impl Playbook {
    /// Loads the embedded playbook `name`.
    ///
    /// # Errors
    ///
    /// Fails where there is none of that name.
    pub fn embedded(name: &str) -> Result<Self, Error> {
        let found = embedded(name).ok_or_else(|| Error::Read {
            name: name.into(),
            source: std::io::ErrorKind::NotFound.into(),
        })?;
        let text = found.file(FILE).unwrap_or_default();
        let library = Library::Embedded(found);
        Self::parse(library.shown(FILE), text.into(), library)
    }

    /// Loads the playbook in a file, with the templates beside it.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read or has mistakes.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let path = Self::file(path);
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let reads = Mutex::default();
        let bytes = library::read(&path, &reads).map_err(|source| Error::Read { name, source })?;
        if let Some(mistake) = Diagnostic::not_text(&path.display().to_string(), &bytes) {
            return Err(Error::Invalid(vec![mistake]));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self::parse(path.display().to_string(), text, Library::Folder(folder, reads))
    }

    /// Returns the file of the playbook at `path`, which may be its folder.
    pub(crate) fn file(path: &Path) -> PathBuf {
        if local::is_folder(path) { path.join(FILE) } else { path.to_owned() }
    }

    /// Returns what was read of a playbook of the user's own, if it is on this machine.
    pub(crate) fn reads(&self) -> Option<Reads> {
        self.book.library.reads()
    }

    pub(crate) fn name(&self) -> &str {
        &self.book.source.name
    }

    /// Returns whether it is the embedded playbook `name`, unchanged.
    pub fn is_embedded(&self, name: &str) -> bool {
        matches!(&*self.book.library, Library::Embedded(playbook) if playbook.name == name)
    }

    /// Returns whether it is the embedded playbook `name`, or includes it.
    pub fn has(&self, name: &str) -> bool {
        let is_it =
            |book: &&Book| matches!(&*book.library, Library::Embedded(it) if it.name == name);
        self.book.all().iter().any(is_it)
    }

    fn parse(name: String, text: String, library: Library) -> Result<Self, Error> {
        let source = Arc::new(Source { name, text });
        Ok(Self { book: Book::read(source, Arc::new(library)).map_err(Error::Invalid)? })
    }
}

/// Returns the JSON Schema of playbooks, for editors.
pub fn schema() -> serde_json::Value {
    step::schema()
}
