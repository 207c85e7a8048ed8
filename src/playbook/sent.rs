//! Bundles a playbook of the user's own for another host: its file, and the
//! templates and files that its steps may use. Other files of its folder are
//! not sent.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64ct::{Base64, Encoding};

use super::book::Book;
use super::library::Library;
use super::scope::is_part;
use super::step::Item;
use super::{Error, Playbook};
use crate::diagnostic::{Diagnostic, Source};
use crate::local;
use crate::secret::Secret;
use crate::wire::{PlaintextSecret, PlaybookBundle};

/// The limit for a playbook with its files, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The limit for nested folders, since a link may lead back.
const DEEPEST: usize = 16;

/// The fields of a step that name a template or a file, each with the folder
/// that is searched first.
const FIELDS: [(&str, &str); 2] = [("template", "templates"), ("copy", "files")];

impl Playbook {
    /// Bundles the playbook for sending; returns `None` for an embedded one,
    /// which the other side has.
    ///
    /// # Errors
    ///
    /// Fails where one of its files cannot be read or leads out of its folder,
    /// or where all of them are too large.
    pub(crate) fn pack(&self) -> io::Result<Option<PlaybookBundle>> {
        let Library::Folder(folder, _) = &*self.book.library else { return Ok(None) };
        let name = self.name().to_owned();
        let file = Path::new(&name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut found = Collected { folder, files: BTreeMap::new(), bytes: 0 };
        found.add(file.clone(), self.book.source.text.as_bytes().to_vec())?;
        for (field, below) in FIELDS {
            let names = self.names(field);
            if !names.is_empty() {
                found.add_folder(below, DEEPEST)?;
            }
            for name in names {
                found.add_beside(&name)?;
            }
        }
        for part in self.book.library.names("").iter().filter(|name| is_part(name)) {
            found.add_file(part)?;
        }
        // The files of an included folder are all for its steps.
        let is_own = |book: &&&Book| matches!(&*book.library, Library::Folder(..));
        for Book { folder, .. } in self.book.all().iter().filter(is_own).copied() {
            if !folder.is_empty() {
                found.add_folder(folder, DEEPEST)?;
            }
        }
        Ok(Some(PlaybookBundle { name, file, files: found.files }))
    }

    /// Unpacks a bundled playbook.
    ///
    /// # Errors
    ///
    /// Fails where it has mistakes.
    pub(crate) fn sent(bundle: &PlaybookBundle) -> Result<Self, Error> {
        let invalid =
            || Error::Read { name: bundle.name.clone(), source: io::ErrorKind::InvalidData.into() };
        let decode = |(name, text): (&String, &PlaintextSecret)| {
            Some((name.clone(), Base64::decode_vec(text.0.expose()).ok()?))
        };
        let files: Option<BTreeMap<_, _>> = bundle.files.iter().map(decode).collect();
        let files = files.ok_or_else(invalid)?;
        let bytes = files.get(&bundle.file).ok_or_else(invalid)?;
        if let Some(mistake) = Diagnostic::not_text(&bundle.name, bytes) {
            return Err(Error::Invalid(vec![mistake]));
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let source = Arc::new(Source { name: bundle.name.clone(), text });
        let folder = Path::new(&bundle.name).parent().unwrap_or(Path::new("")).to_owned();
        let library = Arc::new(Library::Sent(folder, files));
        Ok(Self { book: Book::read(source, library).map_err(Error::Invalid)? })
    }

    /// Returns the values of a field in all steps, before rendering.
    fn names(&self, field: &str) -> Vec<String> {
        let named = self.book.items.iter().filter_map(|item| match item {
            Item::Step(step) => step.fields.get(field)?.as_scalar(),
            Item::Include(_) => None,
        });
        named.map(|scalar| scalar.text.clone()).collect()
    }
}

/// The files of a playbook, read so far.
struct Collected<'f> {
    folder: &'f Path,
    files: BTreeMap<String, PlaintextSecret>,
    bytes: usize,
}

impl Collected<'_> {
    fn add(&mut self, name: String, bytes: Vec<u8>) -> io::Result<()> {
        self.bytes += bytes.len();
        if self.bytes > MOST_BYTES {
            let folder = self.folder.display();
            return Err(io::Error::other(format!(
                "the templates and files in {folder} are larger than 64 MiB"
            )));
        }
        self.files.insert(name, PlaintextSecret(Secret::new(Base64::encode_string(&bytes))));
        Ok(())
    }

    /// Reads a file of the playbook's folder, if it exists.
    fn add_file(&mut self, name: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        let bytes = match local::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let reason = local::reason(&error);
                return Err(io::Error::other(format!(
                    "could not read {}: {reason}",
                    path.display()
                )));
            }
        };
        if !local::is_below(self.folder, &path) {
            return Err(io::Error::other(format!(
                "{} leads out of the playbook's folder",
                path.display()
            )));
        }
        self.add(name.to_owned(), bytes)
    }

    fn add_folder(&mut self, below: &str, deepest: usize) -> io::Result<()> {
        for (name, is_folder) in local::list(&self.folder.join(below))? {
            let name = format!("{below}/{name}");
            match is_folder {
                true if deepest > 0 => self.add_folder(&name, deepest - 1)?,
                true => return Err(io::Error::other(format!("{name} lies too deep"))),
                false => self.add_file(&name)?,
            }
        }
        Ok(())
    }

    /// Reads the file of a literal name beside the playbook; of a name with a
    /// version, all versions.
    fn add_beside(&mut self, name: &str) -> io::Result<()> {
        let (base, is_one_of_several) = match name.split_once('@') {
            Some((base, _)) => (base, true),
            None => (name, false),
        };
        if base.is_empty() || base.contains('{') || base.contains("..") {
            return Ok(());
        }
        if !is_one_of_several {
            return self.add_file(base);
        }
        let (below, stem) = base.rsplit_once('/').unwrap_or(("", base));
        for (found, is_folder) in local::list(&self.folder.join(below))? {
            let is_version = found.strip_prefix(stem).is_some_and(|rest| rest.starts_with('@'));
            if is_version && !is_folder {
                let name = if below.is_empty() { found } else { format!("{below}/{found}") };
                self.add_file(&name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_that_its_steps_use_go_along_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        };
        let others = ["templates/a/b", "files/never", "beside@1", "beside@2", "private"];
        others.iter().for_each(|name| write(name));
        let steps = "- {name: One, file: {path: /a, template: a/b}}\n\
                     - {name: Two, file: {path: /b, template: 'beside@{{ facts.release }}'}}\n";
        fs::write(folder.path().join("play.yml"), steps).unwrap();
        let playbook = Playbook::load(&folder.path().join("play.yml")).unwrap();
        let bundle = playbook.pack().unwrap().unwrap();
        let names: Vec<_> = bundle.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["beside@1", "beside@2", "play.yml", "templates/a/b"]);
        assert!(!format!("{bundle:?}").contains("YmVzaWRl"));

        let arrived = Playbook::sent(&bundle).unwrap();
        assert_eq!(arrived.name(), playbook.name());
        assert_eq!(arrived.book.library.read("", "templates", "a/b").unwrap().1, b"templates/a/b");
        assert_eq!(
            arrived.book.library.read("", "templates", "beside@1.5").unwrap().1,
            b"beside@1"
        );
        assert!(arrived.book.library.read("", "templates", "private").is_err());
    }

    #[test]
    fn a_link_out_of_its_folder_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("files/x")).unwrap();
        let steps = "- {name: One, file: {path: /a, copy: x}}\n";
        fs::write(folder.path().join("playbook.yml"), steps).unwrap();
        let error = Playbook::load(folder.path()).unwrap().pack().unwrap_err().to_string();
        assert!(error.contains("files/x leads out of the playbook's folder"), "{error}");
    }
}
