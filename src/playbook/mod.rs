//! Playbooks: ordered steps in YAML, their strings and templates in Jinja over
//! `mail` and `facts`. A playbook and a host's facts make the resources that
//! the engine plans with.

mod book;
mod embedded;
mod library;
mod resolve;
mod scope;
mod sent;
mod step;
mod template;
mod withdrawn;

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Source};
use crate::local;
use crate::resource::{Key, Resource};

use book::Book;
pub use embedded::{Embedded, FILE, all, embedded};
pub use library::Library;
pub use resolve::Context;

/// The playbook that is meant where none is named.
pub const DEFAULT: &str = "postmaster";

/// The ordered steps that bring a host into the state that somebody wants.
#[derive(Debug)]
pub struct Playbook {
    book: Book,
}

/// A step with its templates rendered: what one step declares for one host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Declared {
    /// The step's name.
    pub step: String,
    /// What it declares.
    pub resource: Resource,
    /// Where it declares something away whose `present:` is not true any more: the
    /// key under which an earlier run has to have put it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Key>,
}

/// A playbook that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("could not read the playbook {name}: {}", local::reason(source))]
    Read {
        /// The path as given.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is wrong.
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

    /// Loads the playbook in a file; its templates are found beside it.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read or is wrong.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let path = if local::is_folder(path) { path.join(FILE) } else { path.to_owned() };
        let bytes = local::read(&path).map_err(|source| Error::Read { name, source })?;
        if let Some(mistake) = Diagnostic::not_text(&path.display().to_string(), &bytes) {
            return Err(Error::Invalid(vec![mistake]));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self::parse(path.display().to_string(), text, Library::Folder(folder))
    }

    /// Returns the name of the file that it is in.
    pub fn name(&self) -> &str {
        &self.book.source.name
    }

    /// Tells whether it is the embedded playbook `name`, unchanged.
    pub fn is_embedded(&self, name: &str) -> bool {
        matches!(&*self.book.library, Library::Embedded(playbook) if playbook.name == name)
    }

    /// Tells whether it is the embedded playbook `name`, or includes it.
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
