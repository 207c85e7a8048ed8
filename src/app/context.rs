//! The input of a command: a host, its mail.yml and a playbook; and the plan
//! that follows from them.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mail_file::{
    absolute, find, folder, is_absence, no_mail_yml, parse, readable, source, unreadable,
};
use super::mailboxes::Renamed;
use super::received;
use crate::cli::Global;
use crate::command_error::{CommandError, ErrorKind};
use crate::diagnostic::{Diagnostic, Source};
use crate::digest::Digest;
use crate::engine::{CachedPlaybook, Origin, OwnPlaybook};
use crate::explain::File;
use crate::host::{Facts, Host, Unit};
use crate::local;
use crate::mail::Files;
use crate::playbook::{self, Declared, Playbook};
use crate::resource::Resource;
use crate::services::self_service::OwnPasswords;
use crate::services::{self, Spec};
use crate::wire::{MailBundle, PlaintextSecret};

/// The input of a command, free of mistakes.
pub(crate) struct Context {
    pub(crate) host: Host,
    pub(crate) mail: Option<PathBuf>,
    /// Whether mail.yml was read from a file here, which the report then names.
    pub(super) is_read_here: bool,
    /// Notes for the report, each in a sentence.
    pub(crate) notes: Vec<String>,
    /// The path of the playbook, if the command line names one.
    playbook: Option<PathBuf>,
    /// The playbook, if it is the user's own.
    pub(super) own: Option<OwnPlaybook>,
    /// The account that a command has just renamed.
    pub(crate) renamed: Option<Renamed>,
    /// The cache entry of the last rendered playbook.
    pub(super) cached: RefCell<Option<CachedPlaybook>>,
    /// The contents of mail.yml and the playbook, read on demand: see
    /// [`Context::open`].
    pub(super) loaded: OnceCell<Loaded>,
}

/// The contents of mail.yml and the playbook.
pub(super) struct Loaded {
    pub(super) spec: Option<Arc<Spec>>,
    /// The digests of mail.yml and of the password files that it names.
    pub(super) read: Option<(Digest, BTreeMap<PathBuf, Digest>)>,
    /// The files that hold hashes and passwords: mail.yml, and those that it
    /// names.
    pub(super) secrets: Vec<PathBuf>,
    pub(super) playbook: Playbook,
    /// The files that were sent along with mail.yml.
    pub(super) sent: Vec<Declared>,
}

/// The origin of mail.yml.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MailSource<'a> {
    /// This file, else the one in its usual place.
    Here(Option<&'a Path>),
    Sent(&'a MailBundle),
    Draft {
        path: &'a Path,
        text: &'a str,
        /// Edited files that it names, by the names in it.
        files: &'a BTreeMap<PathBuf, PlaintextSecret>,
    },
}

impl Context {
    /// Opens the input of a plan. If the input of the last run is unchanged,
    /// the contents are read only once [`Context::plan`] finds that there is
    /// something to do, which is rare.
    pub(crate) fn open(global: &Global, source: MailSource<'_>) -> Result<Self, CommandError> {
        match Self::as_it_was(global, source) {
            Some(context) => Ok(context),
            None => Self::load(global, source),
        }
    }

    fn as_it_was(global: &Global, source: MailSource<'_>) -> Option<Self> {
        let MailSource::Here(mail) = source else { return None };
        let own = cached_playbook(global, source)?;
        let mail = find(mail).ok()??;
        let text = Digest::of(&local::read(&mail).ok()?);
        let host = Host::open(&global.root).ok()?;
        let absolute = std::path::absolute(&mail).ok()?;
        let cached = CachedPlaybook::read(&host, &absolute, &text, own.as_ref(), services::facts)?;
        Some(Self {
            playbook: global.playbook.clone(),
            own,
            cached: RefCell::new(Some(cached)),
            ..Self::of(host, Some(mail), OnceCell::new())
        })
    }

    /// Reads mail.yml and the playbook, and opens the host.
    pub(crate) fn load(global: &Global, source: MailSource<'_>) -> Result<Self, CommandError> {
        let playbook = playbook(global)?;
        let host = Host::open(&global.root)?;
        let is_usual = playbook.is_embedded(playbook::DEFAULT);
        let mail = match source {
            MailSource::Sent(bundle) => return Self::sent(host, playbook, bundle),
            // A playbook of the user's own may do without mail.yml.
            MailSource::Here(None)
                if !is_usual && !playbook.speaks_of_mail(&services::facts(&host)?) =>
            {
                None
            }
            MailSource::Here(mail) => find(mail)?,
            MailSource::Draft { path, .. } => Some(path.to_owned()),
        };
        let draft = match source {
            MailSource::Draft { text, files, .. } => Some((text, files)),
            MailSource::Here(_) | MailSource::Sent(_) => None,
        };
        let loaded = match &mail {
            Some(path) => Loaded::of(path, draft, playbook).map_err(|it| it.about(path))?,
            None if is_usual => return Err(no_mail_yml()),
            None => {
                Loaded { spec: None, read: None, secrets: Vec::new(), playbook, sent: Vec::new() }
            }
        };
        Ok(Self {
            playbook: global.playbook.clone(),
            own: cached_playbook(global, source).flatten(),
            ..Self::of(host, mail, loaded.into())
        })
    }

    /// Accepts a mail.yml from another machine.
    fn sent(host: Host, playbook: Playbook, bundle: &MailBundle) -> Result<Self, CommandError> {
        let files = Files::sent(Path::new(received::FOLDER), &bundle.files);
        let text = bundle.text.0.expose().clone();
        let source = Arc::new(Source { name: bundle.name.clone(), text });
        let spec = parse(&source, &files)?;
        let (sent, left) = received::declared(bundle, &spec.services.certificate, &host)?;
        let note = |path: PathBuf| {
            format!("{} is a link on this host, so it is left as it is.", path.display())
        };
        let read = Some((Digest::of(source.text.as_bytes()), files.seen()));
        let loaded =
            Loaded { spec: Some(Arc::new(spec)), read, secrets: Vec::new(), playbook, sent };
        Ok(Self {
            is_read_here: false,
            notes: left.into_iter().map(note).collect(),
            ..Self::of(host, Some(received::MAIL.into()), loaded.into())
        })
    }

    fn of(host: Host, mail: Option<PathBuf>, loaded: OnceCell<Loaded>) -> Self {
        Self {
            host,
            mail,
            is_read_here: true,
            notes: Vec::new(),
            playbook: None,
            own: None,
            renamed: None,
            cached: RefCell::default(),
            loaded,
        }
    }

    /// Returns the contents of mail.yml and the playbook, reading them on the
    /// first call.
    pub(super) fn loaded(&self) -> Result<&Loaded, CommandError> {
        if let (None, Some(path)) = (self.loaded.get(), &self.mail) {
            let playbook = playbook_at(self.playbook.as_deref())?;
            let loaded = Loaded::of(path, None, playbook).map_err(|it| it.about(path))?;
            // There is something to do, so the playbook is rendered anew.
            self.cached.replace(None);
            let _ = self.loaded.set(loaded);
        }
        self.loaded.get().ok_or_else(no_mail_yml)
    }

    /// Reads the contents now, so that the next plan is made in full.
    pub(crate) fn look_closely(&self) -> Result<(), CommandError> {
        self.loaded().map(drop)
    }

    /// Returns the path of the mail.yml that was read here, if any.
    pub(crate) fn read_from(&self) -> Option<&Path> {
        self.mail.as_deref().filter(|_| self.is_read_here)
    }

    /// Returns a short name for the subject of the plan.
    pub(crate) fn subject(&self) -> String {
        match (self.spec(), self.cached.borrow().as_ref()) {
            (Some(spec), _) => spec.hostname.value.to_string(),
            (None, Some(cached)) => cached.hostname.clone(),
            (None, None) => "this host".into(),
        }
    }

    /// Returns the files with hashes and passwords that others than root may
    /// read, each with these others.
    pub(crate) fn open_secrets(&self) -> Vec<(PathBuf, String)> {
        match (self.loaded.get(), self.cached.borrow().as_ref()) {
            (Some(loaded), _) => readable(&loaded.secrets),
            (None, Some(cached)) => readable(&cached.secrets),
            (None, None) => Vec::new(),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        let mail = self.mail.as_deref();
        let playbook = match self.loaded.get() {
            Some(loaded) if loaded.playbook.is_embedded(playbook::DEFAULT) => None,
            Some(loaded) => Some(loaded.playbook.name().to_owned()),
            None => {
                let named = self.playbook.as_deref().filter(|_| self.own.is_some());
                named.map(|path| Playbook::file(path).display().to_string())
            }
        };
        Origin { mail: mail.map(|path| absolute(path).display().to_string()), playbook }
    }

    /// Returns the parsed mail.yml, if there is one.
    pub(crate) fn spec(&self) -> Option<&Spec> {
        self.loaded.get()?.spec.as_deref()
    }

    /// Returns whether an apply makes this host a running mail server, by the
    /// embedded playbook.
    pub(crate) fn is_mail_server(&self) -> bool {
        let is_known =
            |loaded: &Loaded| loaded.playbook.has(playbook::DEFAULT) && loaded.spec.is_some();
        self.loaded.get().is_some_and(is_known) && !self.host.is_tree()
    }

    /// Returns whether outgoing mail goes through another host.
    pub(crate) fn has_relay(&self) -> bool {
        self.spec().is_some_and(|spec| spec.services.relay.is_some())
    }

    /// Returns the units of the services that the playbook runs.
    pub(crate) fn services(&self) -> Result<Vec<Unit>, CommandError> {
        let unit = |declared: &Declared| match &declared.resource {
            Resource::Service(service) if service.is_wanted() => Some(service.unit().clone()),
            _ => None,
        };
        let units = |declared: &[Declared]| declared.iter().filter_map(unit).collect();
        if let Some(resolved) = self.cached.borrow().as_ref()
            && resolved.fits(services::facts(&self.host))
        {
            return Ok(units(&resolved.declared));
        }
        Ok(units(&self.declared()?))
    }

    pub(super) fn declared(&self) -> Result<Vec<Declared>, CommandError> {
        let loaded = self.loaded()?;
        let facts = services::facts(&self.host)?;
        let own = OwnPasswords::read(&self.host)?;
        let rendered = self.render(loaded, &facts, &own).map_err(CommandError::mistakes)?;
        Ok(loaded.sent.iter().cloned().chain(rendered).collect())
    }

    pub(super) fn render(
        &self,
        loaded: &Loaded,
        facts: &Facts,
        own: &OwnPasswords,
    ) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let mail = loaded.spec.as_ref().map(|spec| spec.context(facts, own));
        let declared = loaded.playbook.resolve(&playbook::Context { mail, facts })?;
        self.cached.replace(self.to_cache(loaded, facts, own, &declared));
        Ok(declared)
    }

    /// Renders the text files that the playbook declares. Of files that hold
    /// secrets it returns only the first comment.
    pub(crate) fn files(&self) -> Result<Vec<File>, CommandError> {
        // Files that were sent along are not settings.
        let declared = self.declared()?.split_off(self.loaded()?.sent.len());
        let files = declared.iter().filter_map(|declared| {
            let (path, content, secret) = declared.resource.declared_file()?;
            let text = String::from_utf8(content.bytes().to_vec()).ok()?;
            let is_comment = |line: &&str| line.starts_with('#');
            let head = || text.split_inclusive('\n').take_while(is_comment).collect();
            let text = if secret { head() } else { text };
            Some(File { path: path.display().to_string(), step: declared.step.clone(), text })
        });
        Ok(files.collect())
    }

    /// Returns the path of the mail of an account, with `NAME` for its name.
    pub(crate) fn mailbox(&self) -> String {
        let home = self.spec().map(Spec::any_home).unwrap_or_default();
        format!("{home}/Maildir")
    }
}

impl Loaded {
    /// Reads the mail.yml at `path`, or its edited text and files.
    fn of(
        path: &Path,
        draft: Option<(&str, &BTreeMap<PathBuf, PlaintextSecret>)>,
        playbook: Playbook,
    ) -> Result<Self, CommandError> {
        let (source, files) = match draft {
            Some((text, files)) => {
                let source = Source { name: path.display().to_string(), text: text.into() };
                (Arc::new(source), Files::sent(folder(path), files))
            }
            None => (source(path)?, Files::beside(folder(path))),
        };
        let spec = parse(&source, &files)?;
        let files = files.seen();
        let mut secrets: Vec<PathBuf> = files.keys().cloned().collect();
        if spec.credentials.iter().any(|it| it.is_inline) {
            secrets.push(path.to_owned());
        }
        let read = Some((Digest::of(source.text.as_bytes()), files));
        Ok(Self { spec: Some(Arc::new(spec)), read, secrets, playbook, sent: Vec::new() })
    }
}

/// Loads the playbook: the default, an embedded one by name, or a file.
pub(crate) fn playbook(global: &Global) -> Result<Playbook, CommandError> {
    match &global.sent_playbook {
        Some(sent) => Playbook::sent(sent).map_err(invalid_playbook),
        None => playbook_at(global.playbook.as_deref()),
    }
}

fn playbook_at(path: Option<&Path>) -> Result<Playbook, CommandError> {
    let loaded = match path {
        None => Playbook::embedded(playbook::DEFAULT),
        Some(path) => match embedded(path) {
            Some(name) => Playbook::embedded(name),
            None => Playbook::load(path),
        },
    };
    loaded.map_err(invalid_playbook)
}

/// Returns the name of the embedded playbook that a command line names. A path
/// contains `/` or ends in .yml.
fn embedded(path: &Path) -> Option<&'static str> {
    Some(path.to_str().and_then(playbook::embedded)?.name)
}

/// Returns the playbook of the user's own that the command line names, or nothing in
/// its place for the usual one. Others are not cached.
fn cached_playbook(global: &Global, source: MailSource<'_>) -> Option<Option<OwnPlaybook>> {
    if global.sent_playbook.is_some() {
        return None;
    }
    let Some(path) = global.playbook.as_deref() else { return Some(None) };
    match embedded(path) {
        Some(name) => (name == playbook::DEFAULT).then_some(None),
        None => {
            let file = std::path::absolute(Playbook::file(path)).ok()?;
            let names_mail = !matches!(source, MailSource::Here(None));
            Some(Some(OwnPlaybook { file, names_mail }))
        }
    }
}

fn invalid_playbook(error: playbook::Error) -> CommandError {
    match error {
        playbook::Error::Invalid(mistakes) => CommandError::mistakes(mistakes),
        playbook::Error::Read { name, source } if !is_absence(&source) => {
            unreadable(Path::new(&name), &source)
        }
        error @ playbook::Error::Read { .. } => {
            let advice = format!(
                "It is neither a file nor the name of an embedded playbook: {}.",
                playbook::all().iter().map(|playbook| playbook.name).collect::<Vec<_>>().join(", ")
            );
            CommandError::of(ErrorKind::Invalid, error).hinted(advice)
        }
    }
}
