//! Edits of mail.yml: read, judged, replaced. Nothing is written before a
//! [`Draft`] is saved.

pub(crate) mod account;
pub(crate) mod alias;
pub(crate) mod app_password;
mod names;
mod new;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{MailSource, Renamed, find, folder, found, parse, text, unreadable};
use crate::command_error::{CommandError, ErrorKind};
use crate::diagnostic::Diagnostic;
use crate::host::{Content, FileVersion, Host};
use crate::local;
use crate::mail::Files;
use crate::reach::{Reach, as_path};
use crate::secret::Secret;
use crate::services::app_passwords::ShownOnce;
use crate::services::{self, Spec};
use crate::wire::PlaintextSecret;
use crate::yaml::Document;
pub(crate) use names::{account_name, device_name, name};
pub(crate) use new::NewMailYml;

/// A mail.yml without mistakes, for editing.
pub(crate) struct MailYml {
    /// The path as the user gave it.
    pub(crate) path: PathBuf,
    /// Its meaning.
    pub(crate) spec: Spec,
    /// Its text.
    document: Document,
    file: FileVersion,
    /// Opens the user's files, whichever host the command works on.
    here: Host,
    /// How that host is reached.
    reach: Reach,
}

/// An edited mail.yml, not written yet.
pub(crate) struct Draft {
    /// The file that differs, and both versions of it as they may be seen.
    pub(crate) edited: Option<(PathBuf, String, String)>,
    /// Notes for the report, each in a sentence.
    pub(crate) notes: Vec<String>,
    /// The account that it calls otherwise, if it does.
    pub(crate) renamed: Option<Renamed>,
    /// The new password of a device, to be shown once the draft is saved.
    pub(crate) app_password: Option<ShownOnce>,
    text: String,
    /// Edited files that it names, by their paths as written.
    files: BTreeMap<PathBuf, PlaintextSecret>,
    write: Option<Write>,
}

struct Write {
    file: FileVersion,
    content: Content,
    /// Describes who could read it and may not once it holds a hash.
    readers: Option<String>,
}

impl MailYml {
    /// Finds and reads it, as `plan` does.
    pub(crate) fn open(mail: Option<&Path>, reach: &Reach) -> Result<Self, CommandError> {
        let path = found(mail)?;
        Self::read(&path, reach).map_err(|error| error.about(&path))
    }

    fn read(path: &Path, reach: &Reach) -> Result<Self, CommandError> {
        let here = Host::open(Path::new("/"))?;
        let file = read(&here, path)?;
        let source = text(path, file.content.bytes().to_vec())?;
        let spec = parse(&source, &Files::beside(folder(path)))?;
        let document = Document::parse(&source).map_err(CommandError::mistakes)?;
        Ok(Self { path: path.to_owned(), spec, document, file, here, reach: reach.clone() })
    }

    /// Formats another command line for this file.
    fn command(&self, words: &[&str]) -> String {
        let path = as_path(&self.path.display().to_string());
        match matches!(find(None), Ok(Some(usual)) if usual == self.path) {
            true => self.reach.command(words),
            false => self.reach.command(&[words, &["--mail", &path]].concat()),
        }
    }

    /// Turns a refused edit into an error that shows the place without its secrets.
    fn edited(&self, edited: Result<Document, Diagnostic>) -> Result<Document, CommandError> {
        edited.map_err(|mistake| self.refuse(vec![mistake]))
    }

    /// Refuses with what stands in the way.
    fn refuse(&self, mistakes: Vec<Diagnostic>) -> CommandError {
        let masked = mistakes
            .into_iter()
            .map(|mistake| Diagnostic { source: Arc::clone(&self.spec.source), ..mistake });
        CommandError::mistakes(masked.collect())
    }

    /// Parses the edited text, and reports every mistake in it.
    fn judge(&self, edited: &Document) -> Result<Spec, CommandError> {
        parse(edited.source(), &Files::beside(folder(&self.path)))
    }

    /// Makes a draft of the edited text, if that is valid.
    fn draft(&self, edited: &Document) -> Result<Draft, CommandError> {
        self.judge(edited)?;
        let (before, after) = services::masked(&self.document, edited);
        let has_new_secret = after.contains(services::NEW_SECRET);
        let text = edited.source().text.clone();
        let content = Content::new(text.as_bytes());
        let write = Write { file: self.file.clone(), content, readers: None };
        let write = if has_new_secret { write.closed() } else { write };
        let edited = Some((self.path.clone(), before, after));
        Ok(Draft { edited, text, write: Some(write), ..self.unchanged() })
    }

    /// As `draft`, for a file with a hash that mail.yml names.
    fn draft_secret(&self, path: &str, line: &str) -> Result<Draft, CommandError> {
        let whole = folder(&self.path).join(path);
        let file = read(&self.here, &whole)?;
        let line = format!("{line}\n");
        let content = Content::new(line.as_bytes());
        let files = BTreeMap::from([(path.into(), PlaintextSecret(Secret::new(line)))]);
        let write = Write { file, content, readers: None };
        let edited = Some((whole, "«secret»\n".into(), "«new secret»\n".into()));
        Ok(Draft { edited, files, write: Some(write.closed()), ..self.unchanged() })
    }

    fn unchanged(&self) -> Draft {
        Draft {
            edited: None,
            notes: Vec::new(),
            renamed: None,
            app_password: None,
            text: self.document.source().text.clone(),
            files: BTreeMap::new(),
            write: None,
        }
    }

    /// Returns the mail.yml that a plan is to be made from.
    pub(crate) fn source<'a>(&'a self, draft: &'a Draft) -> MailSource<'a> {
        MailSource::Draft { path: &self.file.path, text: &draft.text, files: &draft.files }
    }

    /// Fails if the file changed since it was read.
    pub(crate) fn refuse_changed(&self, draft: &Draft) -> Result<(), CommandError> {
        match &draft.write {
            Some(write) if !self.here.is_as_read(&write.file)? => Err(write.changed_meanwhile()),
            _ => Ok(()),
        }
    }

    /// Writes a draft. Returns the words to show about it, if any.
    pub(crate) fn save(&self, draft: &Draft) -> Result<Option<String>, CommandError> {
        let Some(write) = &draft.write else { return Ok(None) };
        if !self.here.replace(&write.file, &write.content)? {
            return Err(write.changed_meanwhile());
        }
        let path = write.file.path.display();
        let note = |who| format!("{path} could be read by {who}; now only its owner may.");
        Ok(write.readers.as_ref().map(note))
    }

    /// Puts back what was there before a draft, and says of a failure how the file is
    /// now.
    pub(crate) fn put_back(&self, draft: &Draft, failed: CommandError) -> CommandError {
        let Some(write) = &draft.write else { return failed };
        let path = write.file.path.display();
        let after = match self.here.put_back(&write.file, &write.content) {
            Ok(true) => format!("{path} is as it was, too."),
            Ok(false) => format!("{path} was changed by another program meanwhile, and stays so."),
            Err(error) => format!("{path} stays edited: {error}"),
        };
        failed.hinted(after)
    }
}

impl Write {
    /// Restricts it to its owner if others can read it, since it will hold a
    /// hash.
    fn closed(mut self) -> Self {
        self.readers = local::readers(&self.file.path).unwrap_or_else(|_| Some("others".into()));
        if self.readers.is_some() {
            self.file.close();
        }
        self
    }

    fn changed_meanwhile(&self) -> CommandError {
        let message =
            format!("{} was changed by another program meanwhile", self.file.path.display());
        CommandError::failed(message)
            .after_changes()
            .hinted("It was left as it is: run this again.")
    }
}

fn read(here: &Host, path: &Path) -> Result<FileVersion, CommandError> {
    let whole = std::path::absolute(path)
        .map_err(|error| CommandError::failed(path.display().to_string()).because(error))?;
    // A file that only root and the user behind sudo may change is unchanged when it is read.
    local::refuse_untrusted(&whole).map_err(|error| unreadable(path, &error))?;
    here.read_to_replace(&whole).map_err(|error| match error.is_permission_denied() {
        true => error.into(),
        false => CommandError::of(ErrorKind::Invalid, error),
    })
}
