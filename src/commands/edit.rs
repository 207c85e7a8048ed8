//! What all commands share that edit mail.yml: read, judge, replace, show,
//! offer to apply.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load::Wanted;
use super::mailboxes::Renamed;
use super::{Exit, Stop, apply, here, load};
use crate::cli::{Edit, Global, InFile};
use crate::diagnostic::{Diagnostic, Source};
use crate::host::{Content, Host, Read};
use crate::mail::{self, Files, Spec};
use crate::reach::as_path;
use crate::report::Report;
use crate::wire::Question;
use crate::yaml::Document;

/// A mail.yml without a mistake, to be looked at and edited.
pub(super) struct MailYml {
    /// The path, as the person knows it.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) spec: Spec,
    /// Its text.
    pub(super) document: Document,
    file: Read,
    /// Where the person's files are, whatever host is worked on.
    here: Host,
}

impl MailYml {
    /// Finds and reads it, as `plan` does.
    pub(super) fn open(file: &InFile, report: &mut Report) -> Result<Self, Stop> {
        let path = load::find(file.mail.as_deref()).ok_or_else(load::no_mail_yml)?;
        let here = Host::open(Path::new("/"))?;
        let file = read(&here, &path)?;
        let text = String::from_utf8(file.content.bytes().to_vec()).map_err(|_| {
            let message = format!("{} is not UTF-8 text", path.display());
            Stop::new(Exit::Invalid, message, "Save it as UTF-8. Nothing was changed.")
        })?;
        let source = Arc::new(Source { name: path.display().to_string(), text });
        let spec = load::judge(&source, &Files::beside(load::folder(&path)), report)?;
        let document = Document::parse(&source).map_err(|mistakes| {
            report.diagnostics(&mistakes);
            Stop::silent(Exit::Invalid)
        })?;
        Ok(Self { path, spec, document, file, here })
    }

    /// Writes a further command line on this file.
    pub(super) fn command(&self, words: &[&str], report: &Report) -> String {
        let path = as_path(&self.path.display().to_string());
        match load::find(None).as_ref() == Some(&self.path) {
            true => report.reach().command(words),
            false => report.reach().command(&[words, &["--mail", &path]].concat()),
        }
    }

    /// Turns the refusal to edit a place into a stop, and shows the place
    /// without the secrets on it.
    pub(super) fn edited(
        &self,
        edited: Result<Document, Diagnostic>,
        report: &mut Report,
    ) -> Result<Document, Stop> {
        edited.map_err(|mistake| self.refuse(vec![mistake], report))
    }

    /// Refuses with what stands in the way.
    pub(super) fn refuse(&self, mistakes: Vec<Diagnostic>, report: &mut Report) -> Stop {
        let veiled = mistakes
            .into_iter()
            .map(|mistake| Diagnostic { source: Arc::clone(&self.spec.source), ..mistake });
        report.diagnostics(&veiled.collect::<Vec<_>>());
        Stop::silent(Exit::Invalid)
    }

    /// Reads the edited text as it will be read: every mistake in it is shown.
    pub(super) fn judge(&self, edited: &Document, report: &mut Report) -> Result<Spec, Stop> {
        load::judge(edited.source(), &Files::beside(load::folder(&self.path)), report)
    }

    /// Replaces the file by the edited text, if that is valid, and shows how
    /// they differ.
    pub(super) fn save(&self, edited: &Document, report: &mut Report) -> Result<(), Stop> {
        self.judge(edited, report)?;
        let content = Content::new(edited.source().text.as_bytes());
        self.replace(&self.file, &content)?;
        let (before, after) = mail::veiled(&self.document, edited);
        report.edited(&self.path.display().to_string(), &before, &after);
        Ok(())
    }

    /// Replaces a file that mail.yml names, and that holds a hash.
    pub(super) fn save_secret(
        &self,
        path: &str,
        line: &str,
        report: &mut Report,
    ) -> Result<(), Stop> {
        let path = load::folder(&self.path).join(path);
        let file = read(&self.here, &path)?;
        self.replace(&file, &Content::new(format!("{line}\n").as_bytes()))?;
        report.edited(&path.display().to_string(), "«secret»\n", "«new secret»\n");
        Ok(())
    }

    fn replace(&self, file: &Read, content: &Content) -> Result<(), Stop> {
        if self.here.replace(file, content)? {
            return Ok(());
        }
        let message = format!("{} was changed by somebody else meanwhile", file.path.display());
        Err(Stop::new(Exit::Failed, message, "It was left as it is: run this again."))
    }
}

fn read(here: &Host, path: &Path) -> Result<Read, Stop> {
    let whole = std::path::absolute(path).map_err(|error| {
        Stop::new(Exit::Failed, format!("{}: {error}", path.display()), "Nothing was changed.")
    })?;
    here.read_to_replace(&whole).map_err(|error| match error.is_permission_denied() {
        true => error.into(),
        false => Stop::new(Exit::Invalid, error.to_string(), "Nothing was changed."),
    })
}

/// Shows what applying the edited file would change, and does it if that is
/// wanted.
pub(super) fn offer(
    global: &Global,
    edit: &Edit,
    file: &MailYml,
    renamed: Option<Renamed>,
    deed: String,
    report: &mut Report,
) -> Result<Exit, Stop> {
    let MailYml { path, spec, .. } = file;
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
        let (says, apply) = (elsewhere.says(), elsewhere.apply(path, report));
        let bootstrap = elsewhere.bootstrap(path, report);
        report.note(&format!(
            "The server does not know yet. {says} Tell it: {apply}\n(Where it is not set up yet: \
             {bootstrap})\n"
        ));
        return Ok(Exit::Done);
    }
    if !edit.yes && !is_up_to_them {
        report.note(&format!(
            "The server does not know yet. As root: {apply}\n(Look first: {plan})\n"
        ));
        return Ok(Exit::Done);
    }
    let wanted = Wanted::Here(Some(path));
    let Some(mut ready) = apply::prepare(global, wanted, None, renamed, report)? else {
        return Ok(Exit::Done);
    };
    if edit.yes || report.ask(Question::ApplyNow) {
        apply::leave(&ready.plan, edit.yes, false, report)?;
        ready.deed = deed;
        return ready.make(true, report);
    }
    report.note(&format!("Not applied. Later: {apply}\n"));
    Ok(Exit::Done)
}
