//! The files of a playbook: `playbook.yml`, and the `steps.yml` of each folder
//! that it includes, with the folders of their templates and files.

use std::sync::Arc;

use super::embedded::{FILE, all, embedded};
use super::library::Library;
use super::step::{self, Included, Item};
use crate::diagnostic::{Diagnostic, Source};
use crate::resource::AssetError;
use crate::yaml::{Decoder, Entry};

/// The file of steps in an included folder.
pub(super) const STEPS: &str = "steps.yml";

/// A file of steps, with all that it includes.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) source: Arc<Source>,
    pub(super) library: Arc<Library>,
    /// The folder of its templates and files in the library; empty for that of
    /// the playbook.
    pub(super) folder: String,
    pub(super) vars: Vec<Entry>,
    pub(super) items: Vec<Item>,
    /// The included books, in order.
    pub(super) includes: Vec<Book>,
}

/// A file that is being read, and those that include it.
struct Open<'a> {
    library: &'a Arc<Library>,
    folder: &'a str,
    above: Option<&'a Open<'a>>,
}

impl Book {
    /// Reads a playbook and its includes.
    pub(super) fn read(
        source: Arc<Source>,
        library: Arc<Library>,
    ) -> Result<Self, Vec<Diagnostic>> {
        Open { library: &library, folder: "", above: None }.read(source)
    }

    /// Returns the book and its includes, in order.
    pub(super) fn all(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.includes.iter().flat_map(Self::all));
        all
    }
}

impl Open<'_> {
    fn read(&self, source: Arc<Source>) -> Result<Book, Vec<Diagnostic>> {
        let (vars, items) = step::parse(&source)?;
        let mut decoder = Decoder::new(&source);
        let mut includes = Vec::new();
        let mut mistakes = Vec::new();
        for item in &items {
            let Item::Include(include) = item else { continue };
            let mut refuse = |message: String, help: &str| {
                decoder.error(&include.span, message, help);
            };
            let (library, folder, file) = match &include.target {
                Included::Folder(name) => {
                    (Arc::clone(self.library), name.as_str(), format!("{name}/{STEPS}"))
                }
                Included::Playbook(name) => match embedded(name) {
                    Some(found) => (Arc::new(Library::Embedded(found)), "", FILE.into()),
                    None => {
                        let known: Vec<_> = all().iter().map(|it| it.name).collect();
                        let help = format!("there is: {}", known.join(", "));
                        refuse(format!("there is no playbook `{name}` in mailprov"), &help);
                        continue;
                    }
                },
            };
            if self.is_open(&library, folder) {
                let message =
                    format!("this includes {} again, which includes it", library.shown(&file));
                refuse(
                    message,
                    "take one of the two out, or move what both need to a folder of its own",
                );
                continue;
            }
            let bytes = match library.bytes(&file) {
                Some(Ok(bytes)) => bytes,
                Some(Err(AssetError::Name { message, help })) => {
                    refuse(message, &help);
                    continue;
                }
                Some(Err(AssetError::Template(mistake))) => {
                    mistakes.push(*mistake);
                    continue;
                }
                None => {
                    let message = format!("there is no `{file}` in the folder of the playbook");
                    refuse(message, "name a folder in it that has a `steps.yml`");
                    continue;
                }
            };
            let name = library.shown(&file);
            if let Some(mistake) = Diagnostic::not_text(&name, &bytes) {
                mistakes.push(mistake);
                continue;
            }
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let open = Open { library: &library, folder, above: Some(self) };
            match open.read(Arc::new(Source { name, text })) {
                Ok(book) => includes.push(book),
                Err(more) => mistakes.extend(more),
            }
        }
        let (library, folder) = (Arc::clone(self.library), self.folder.to_owned());
        let book = decoder.finish(Some(Book { source, library, folder, vars, items, includes }));
        match book {
            Ok(book) if mistakes.is_empty() => Ok(book),
            Ok(_) => Err(mistakes),
            Err(own) => Err(own.into_iter().chain(mistakes).collect()),
        }
    }

    /// Returns whether the steps of a folder are being read already.
    fn is_open(&self, library: &Library, folder: &str) -> bool {
        let is_same = match (library, &**self.library) {
            (Library::Embedded(one), Library::Embedded(other)) => one.name == other.name,
            (Library::Embedded(_), _) | (_, Library::Embedded(_)) => false,
            _ => true,
        };
        is_same && self.folder == folder || self.above.is_some_and(|it| it.is_open(library, folder))
    }
}
