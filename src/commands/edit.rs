//! What all commands share that edit mail.yml: read, judge, replace, show,
//! offer to apply.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{CommandError, Exit, apply, here};
use crate::app::{self, MailSource, Renamed};
use crate::cli::{Edit, Global, InFile};
use crate::command_error::ErrorKind;
use crate::diagnostic::Diagnostic;
use crate::host::{Content, FileVersion, Host};
use crate::local;
use crate::mail::Files;
use crate::reach::as_path;
use crate::report::Report;
use crate::secret::Secret;
use crate::services::{self, Spec};
use crate::wire::PlaintextSecret;
use crate::yaml::Document;

/// A mail.yml without a mistake, to be looked at and edited.
pub(super) struct MailYml {
    /// The path, as the person knows it.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) spec: Spec,
    /// Its text.
    pub(super) document: Document,
    file: FileVersion,
    /// Where the person's files are, whatever host is worked on.
    here: Host,
}

impl MailYml {
    /// Finds and reads it, as `plan` does.
    pub(super) fn open(file: &InFile, report: &mut Report) -> Result<Self, CommandError> {
        let path = app::found(file.mail.as_deref())?;
        report.from(&path);
        let here = Host::open(Path::new("/"))?;
        let file = read(&here, &path)?;
        let source = app::text(&path, file.content.bytes().to_vec())?;
        let spec = app::parse(&source, &Files::beside(app::folder(&path)))?;
        let document = Document::parse(&source).map_err(CommandError::mistakes)?;
        Ok(Self { path, spec, document, file, here })
    }

    /// Writes a further command line on this file.
    pub(super) fn command(&self, words: &[&str], report: &Report) -> String {
        let path = as_path(&self.path.display().to_string());
        match matches!(app::find(None), Ok(Some(usual)) if usual == self.path) {
            true => report.reach().command(words),
            false => report.reach().command(&[words, &["--mail", &path]].concat()),
        }
    }

    /// Turns the refusal to edit a place into a stop, and shows the place
    /// without the secrets on it.
    pub(super) fn edited(
        &self,
        edited: Result<Document, Diagnostic>,
    ) -> Result<Document, CommandError> {
        edited.map_err(|mistake| self.refuse(vec![mistake]))
    }

    /// Refuses with what stands in the way.
    pub(super) fn refuse(&self, mistakes: Vec<Diagnostic>) -> CommandError {
        let veiled = mistakes
            .into_iter()
            .map(|mistake| Diagnostic { source: Arc::clone(&self.spec.source), ..mistake });
        CommandError::mistakes(veiled.collect())
    }

    /// Reads the edited text as it will be read: every mistake in it is shown.
    pub(super) fn judge(&self, edited: &Document) -> Result<Spec, CommandError> {
        app::parse(edited.source(), &Files::beside(app::folder(&self.path)))
    }

    /// Shows how the edited text differs, if it is valid, and returns what is to be
    /// written.
    pub(super) fn draft(
        &self,
        edited: &Document,
        report: &mut Report,
    ) -> Result<Draft, CommandError> {
        self.judge(edited)?;
        let (before, after) = services::masked(&self.document, edited);
        report.edited(&self.path.display().to_string(), &before, &after);
        let has_new_secret = after.contains(services::NEW_SECRET);
        let text = edited.source().text.clone();
        let content = Content::new(text.as_bytes());
        let write = Write { file: self.file.clone(), content, readers: None };
        let write = if has_new_secret { write.closed() } else { write };
        Ok(Draft { text, files: BTreeMap::new(), write: Some(write) })
    }

    /// The same for a file that mail.yml names, and that holds a hash.
    pub(super) fn draft_secret(
        &self,
        path: &str,
        line: &str,
        report: &mut Report,
    ) -> Result<Draft, CommandError> {
        let whole = app::folder(&self.path).join(path);
        let file = read(&self.here, &whole)?;
        let line = format!("{line}\n");
        report.edited(&whole.display().to_string(), "«secret»\n", "«new secret»\n");
        let content = Content::new(line.as_bytes());
        let files = BTreeMap::from([(path.into(), PlaintextSecret(Secret::new(line)))]);
        let write = Write { file, content, readers: None };
        let text = self.document.source().text.clone();
        Ok(Draft { text, files, write: Some(write.closed()) })
    }

    /// What there is to write where all is said already.
    pub(super) fn unchanged(&self) -> Draft {
        let text = self.document.source().text.clone();
        Draft { text, files: BTreeMap::new(), write: None }
    }
}

/// A mail.yml as it is to be. Nothing of it is written yet.
pub(super) struct Draft {
    text: String,
    /// Files that it names and that are to be others, by their paths as written.
    files: BTreeMap<PathBuf, PlaintextSecret>,
    write: Option<Write>,
}

/// A file and what is to be in it.
struct Write {
    file: FileVersion,
    content: Content,
    /// Who could read it, and may not when a hash is in it.
    readers: Option<String>,
}

impl Write {
    /// Makes it the owner's alone where others may read it: there is a hash to come.
    fn closed(mut self) -> Self {
        self.readers = local::readers(&self.file.path).unwrap_or_else(|_| Some("others".into()));
        if self.readers.is_some() {
            self.file.close();
        }
        self
    }

    fn save(&self, here: &Host, report: &mut Report) -> Result<(), CommandError> {
        let path = self.file.path.display();
        if !here.replace(&self.file, &self.content)? {
            return Err(self.changed_meanwhile());
        }
        if let Some(who) = &self.readers {
            report.note(&format!("{path} could be read by {who}; now only its owner may.\n"));
        }
        Ok(())
    }

    fn changed_meanwhile(&self) -> CommandError {
        let message =
            format!("{} was changed by somebody else meanwhile", self.file.path.display());
        CommandError::failed(message)
            .after_changes()
            .hinted("It was left as it is: run this again.")
    }

    /// Puts back what was there, and says of a failure how the file is now.
    fn put_back(&self, here: &Host, failed: CommandError) -> CommandError {
        let path = self.file.path.display();
        let after = match here.put_back(&self.file, &self.content) {
            Ok(true) => format!("{path} is as it was, too."),
            Ok(false) => format!("{path} was changed by somebody else meanwhile, and stays so."),
            Err(error) => format!("{path} stays edited: {error}"),
        };
        failed.hinted(after)
    }
}

fn read(here: &Host, path: &Path) -> Result<FileVersion, CommandError> {
    let whole = std::path::absolute(path)
        .map_err(|error| CommandError::failed(path.display().to_string()).because(error))?;
    // What only root and the user behind sudo may change is the same when it is read.
    local::refuse_untrusted(&whole).map_err(|error| app::unreadable(path, &error))?;
    here.read_to_replace(&whole).map_err(|error| match error.is_permission_denied() {
        true => error.into(),
        false => CommandError::of(ErrorKind::Invalid, error),
    })
}

/// Shows what applying the draft would change, and writes and applies it if that
/// is wanted. Until then nothing is edited; where nobody can be asked, or not by
/// root, the file is all that is written.
pub(super) fn offer(
    global: &Global,
    edit: &Edit,
    file: &MailYml,
    draft: &Draft,
    renamed: Option<Renamed>,
    deed: String,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let MailYml { path, spec, .. } = file;
    let save = |report: &mut Report| match &draft.write {
        Some(write) => write.save(&file.here, report),
        None => Ok(()),
    };
    let is_up_to_them = report.can_ask() && Host::is_root();
    let line = |command: &str| {
        let path = as_path(&path.display().to_string());
        // On another host it is the one in its usual place.
        let words = [command, &path];
        report.reach().command(if report.is_there() { &words[..1] } else { &words })
    };
    let (apply, plan) = (line("apply"), line("plan"));
    let elsewhere = match edit.yes {
        true => None,
        false => here::elsewhere(global, spec, report.can_ask(), report),
    };
    if let Some(elsewhere) = elsewhere {
        save(report)?;
        let (says, apply) = (elsewhere.says(), elsewhere.apply(path, report));
        let bootstrap = elsewhere.bootstrap(path, report);
        report.note(&format!(
            "Not applied yet. {says} Apply it there: {apply}\n(Where it is not set up yet: \
             {bootstrap})\n"
        ));
        return Ok(Exit::Done);
    }
    if !edit.yes && !is_up_to_them {
        save(report)?;
        report.note(&format!("Not applied yet. As root: {apply}\n(Look first: {plan})\n"));
        return Ok(Exit::Done);
    }
    if let Some(write) = &draft.write
        && !file.here.is_as_read(&write.file)?
    {
        return Err(write.changed_meanwhile());
    }
    let wanted = MailSource::Draft { path: &file.path, text: &draft.text, files: &draft.files };
    let Some(mut ready) = apply::prepare(global, wanted, None, renamed, report)? else {
        save(report)?;
        return Ok(Exit::Done);
    };
    if !edit.yes && !report.confirm(&ready.plan, &ready.context.subject(), true) {
        report.note(&format!("Not applied, and {} is as it was.\n", path.display()));
        return Ok(Exit::Done);
    }
    apply::leave(&ready.plan, edit.yes, false, report)?;
    save(report)?;
    ready.deed = deed;
    ready.make(true, report).map_err(|failed| match &draft.write {
        Some(write) => write.put_back(&file.here, failed),
        None => failed,
    })
}
