//! Shared by all commands that edit mail.yml: read, validate, replace, show,
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

/// A mail.yml without mistakes, for editing.
pub(super) struct MailYml {
    /// The path as the user gave it.
    pub(super) path: PathBuf,
    pub(super) spec: Spec,
    pub(super) document: Document,
    file: FileVersion,
    /// Opens the user's files, whichever host the command works on.
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

    /// Formats another command line for this file.
    pub(super) fn command(&self, words: &[&str], report: &Report) -> String {
        let path = as_path(&self.path.display().to_string());
        match matches!(app::find(None), Ok(Some(usual)) if usual == self.path) {
            true => report.reach().command(words),
            false => report.reach().command(&[words, &["--mail", &path]].concat()),
        }
    }

    /// Turns a refused edit into an error that shows the place without its
    /// secrets.
    pub(super) fn edited(
        &self,
        edited: Result<Document, Diagnostic>,
    ) -> Result<Document, CommandError> {
        edited.map_err(|mistake| self.refuse(vec![mistake]))
    }

    /// Reports the mistakes that prevent an edit.
    pub(super) fn refuse(&self, mistakes: Vec<Diagnostic>) -> CommandError {
        let veiled = mistakes
            .into_iter()
            .map(|mistake| Diagnostic { source: Arc::clone(&self.spec.source), ..mistake });
        CommandError::mistakes(veiled.collect())
    }

    /// Parses the edited text, and reports every mistake in it.
    pub(super) fn judge(&self, edited: &Document) -> Result<Spec, CommandError> {
        app::parse(edited.source(), &Files::beside(app::folder(&self.path)))
    }

    /// Shows the difference if the edited text is valid, and returns it for
    /// writing.
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

    /// As `draft`, for a file with a hash that mail.yml names.
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

    pub(super) fn unchanged(&self) -> Draft {
        let text = self.document.source().text.clone();
        Draft { text, files: BTreeMap::new(), write: None }
    }
}

/// An edited mail.yml, not written yet.
pub(super) struct Draft {
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
            format!("{} was changed by another program meanwhile", self.file.path.display());
        CommandError::failed(message)
            .after_changes()
            .hinted("It was left as it is: run this again.")
    }

    /// Restores the former content, and adds the state of the file to the
    /// error.
    fn put_back(&self, here: &Host, failed: CommandError) -> CommandError {
        let path = self.file.path.display();
        let after = match here.put_back(&self.file, &self.content) {
            Ok(true) => format!("{path} is as it was, too."),
            Ok(false) => format!("{path} was changed by another program meanwhile, and stays so."),
            Err(error) => format!("{path} stays edited: {error}"),
        };
        failed.hinted(after)
    }
}

fn read(here: &Host, path: &Path) -> Result<FileVersion, CommandError> {
    let whole = std::path::absolute(path)
        .map_err(|error| CommandError::failed(path.display().to_string()).because(error))?;
    // A file that only root and the user behind sudo may change is unchanged when it is read.
    local::refuse_untrusted(&whole).map_err(|error| app::unreadable(path, &error))?;
    here.read_to_replace(&whole).map_err(|error| match error.is_permission_denied() {
        true => error.into(),
        false => CommandError::of(ErrorKind::Invalid, error),
    })
}

/// Shows what applying the draft would change, then writes and applies it if
/// the user agrees. Before that nothing is written. Without a terminal or root
/// it only writes the file.
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
        // On another host mail.yml is in its usual place.
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
