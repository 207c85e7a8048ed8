//! From the command line to a plan: mail.yml, playbook, host, facts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::mailboxes::{self, Renamed};
use super::named::{absolute, is_absence, open_secrets};
pub(super) use super::named::{
    find, found, no_mail_yml, read, source, tell_of_open_secrets, text, unreadable,
};
use super::{CommandError, sent, takeover};
use crate::cli::Global;
use crate::command_error::ErrorKind;
use crate::diagnostic::{Diagnostic, Source};
use crate::digest::Digest;
use crate::engine::{self, BadPair, CacheKey, CachedPlaybook, Note, Origin, Plan, Unseen};
use crate::explain::{File, Loss};
use crate::host::{Facts, Host, Unit};
use crate::local::{self, Untrusted};
use crate::mail::Files;
use crate::playbook::{self, Context, Declared, Playbook};
use crate::report::Report;
use crate::resource::{Harm, Overlay, Resource, examine_certificate, exposed_key};
use crate::services::{self, Spec};
use crate::wire::{Exposed, Parcel};

/// What a plan is made from, every mistake in it ruled out.
pub(super) struct Loaded {
    /// The host.
    pub(super) host: Host,
    /// The mail.yml, if there is one.
    pub(super) mail: Option<PathBuf>,
    /// Its digest, and those of the files with passwords that it names.
    read: Option<(Digest, BTreeMap<PathBuf, Digest>)>,
    spec: Option<Arc<Spec>>,
    /// The files that hold hashes and passwords: mail.yml, and what it names.
    secrets: Vec<PathBuf>,
    playbook: Playbook,
    /// What a mail.yml from elsewhere brings along.
    sent: Vec<Declared>,
    /// The account that is called otherwise now, where a command did that.
    pub(super) renamed: Option<Renamed>,
    /// What it came to when it was last rendered.
    resolved: RefCell<Option<CachedPlaybook>>,
}

/// Which mail.yml is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// This one, else the one in its usual place.
    Here(Option<&'a Path>),
    /// One that came from elsewhere.
    Sent(&'a Parcel),
    /// One that is being edited.
    Draft {
        /// Where it lies.
        path: &'a Path,
        /// What it is to say.
        text: &'a str,
        /// The files that it names and that are to be others, as it names them.
        files: &'a BTreeMap<PathBuf, Exposed>,
    },
}

/// Reads mail.yml and the playbook, and opens the host.
pub(super) fn load(
    global: &Global,
    wanted: Wanted<'_>,
    report: &mut Report,
) -> Result<Loaded, CommandError> {
    let playbook = playbook(global)?;
    let host = Host::open(&global.root)?;
    let is_usual = playbook.is_embedded(playbook::DEFAULT);
    let mail = match wanted {
        Wanted::Sent(parcel) => {
            report.from_elsewhere(&parcel.name);
            let files = Files::sent(Path::new(sent::FOLDER), &parcel.files);
            let text = parcel.text.0.expose().clone();
            let source = Arc::new(Source { name: parcel.name.clone(), text });
            let spec = judge(&source, &files)?;
            let (declared, left) = sent::declared(parcel, &spec.services.certificate, &host)?;
            for path in left {
                report.note(&format!(
                    "{} is a link on this host, so it is left as it is.\n",
                    path.display()
                ));
            }
            let mail = Some(sent::MAIL.into());
            let read = Some((Digest::of(source.text.as_bytes()), files.seen()));
            return Ok(Loaded {
                host,
                mail,
                read,
                spec: Some(Arc::new(spec)),
                secrets: Vec::new(),
                playbook,
                sent: declared,
                renamed: None,
                resolved: RefCell::default(),
            });
        }
        // A playbook of a person's own may have nothing to do with mail.
        Wanted::Here(None) if !is_usual && !playbook.speaks_of_mail(&services::facts(&host)?) => {
            None
        }
        Wanted::Here(mail) => find(mail)?,
        Wanted::Draft { path, .. } => Some(path.to_owned()),
    };
    let (spec, read, secrets) = match &mail {
        Some(path) => {
            let (source, files) = match wanted {
                Wanted::Draft { text, files, .. } => {
                    let source = Source { name: path.display().to_string(), text: text.into() };
                    (Arc::new(source), Files::sent(folder(path), files))
                }
                _ => (source(path, report)?, Files::beside(folder(path))),
            };
            let spec = judge(&source, &files)?;
            let files = files.seen();
            let mut secrets: Vec<PathBuf> = files.keys().cloned().collect();
            if spec.credentials.iter().any(|it| it.is_inline) {
                secrets.push(path.clone());
            }
            let read = (Digest::of(source.text.as_bytes()), files);
            (Some(Arc::new(spec)), is_usual.then_some(read), secrets)
        }
        None if is_usual => return Err(no_mail_yml()),
        None => (None, None, Vec::new()),
    };
    let (sent, renamed, resolved) = (Vec::new(), None, RefCell::default());
    Ok(Loaded { host, mail, read, spec, secrets, playbook, sent, renamed, resolved })
}

impl Loaded {
    /// What the plan is for, in a word.
    pub(super) fn subject(&self) -> String {
        self.spec.as_ref().map_or("this host".into(), |spec| spec.hostname.value.to_string())
    }

    /// Returns the files that hold hashes and passwords and that others than root
    /// may read, with who may.
    pub(super) fn open_secrets(&self) -> Vec<(PathBuf, String)> {
        open_secrets(&self.secrets)
    }

    fn origin(&self) -> Origin {
        let mail = self.mail.as_deref();
        let is_usual = self.playbook.is_embedded(playbook::DEFAULT);
        Origin {
            mail: mail.map(|path| absolute(path).display().to_string()),
            playbook: (!is_usual).then(|| self.playbook.name().to_owned()),
        }
    }

    /// Returns what mail.yml says, if there is one.
    pub(super) fn spec(&self) -> Option<&Spec> {
        self.spec.as_deref()
    }

    /// Tells whether this host is a running mail server after an apply, and
    /// nothing else was made of it.
    pub(super) fn is_mail_server(&self) -> bool {
        let is_known = self.playbook.is_embedded(playbook::DEFAULT);
        is_known && self.spec.is_some() && !self.host.is_tree()
    }

    /// Tells whether mail leaves by way of another host.
    pub(super) fn has_relay(&self) -> bool {
        self.spec.as_ref().is_some_and(|spec| spec.services.relay.is_some())
    }

    /// Plans.
    pub(super) fn plan(&self, report: &mut Report) -> Result<Plan, CommandError> {
        let mut unseen = Vec::new();
        let problems = match &self.spec {
            Some(spec) => self.certificate(spec, &mut unseen)?,
            None => Vec::new(),
        };
        tell_of_open_secrets(&self.secrets, report);
        let plan = self.compare(report);
        let mut plan = match &self.spec {
            Some(spec) if !problems.is_empty() => self.despite(spec, problems, plan, report)?,
            _ => plan?,
        };
        plan.unseen.splice(0..0, unseen);
        if !plan.changes.is_empty() && self.is_mail_server() {
            plan.notes = self.lost()?;
        }
        if let Some(spec) = &self.spec {
            mailboxes::follow(&self.host, spec, self.renamed.as_ref(), &mut plan)?;
            // `check` calls it wrong; here the certificate is not ours to change.
            let exposed = exposed_key(&self.host, &spec.services.certificate.key.value);
            if !spec.services.certificate.self_signed
                && let Ok(Some(exposed)) = exposed
            {
                report.note(&format!("The certificate's key is open: {exposed}.\n"));
            }
        }
        Ok(plan)
    }

    /// Lets a plan be made that does not bring a bad certificate into use, and warns
    /// of that; refuses any other.
    fn despite(
        &self,
        spec: &Spec,
        problems: Vec<(Harm, Diagnostic)>,
        plan: Result<Plan, CommandError>,
        report: &mut Report,
    ) -> Result<Plan, CommandError> {
        let (harms, mistakes): (Vec<_>, Vec<_>) = problems.into_iter().unzip();
        let last = CachedPlaybook::last_hostname(&self.host);
        let is_renamed = last.is_some_and(|last| last != spec.hostname.value.to_string());
        let judged = match plan {
            // A service's own checker may have come upon it as well.
            Err(_) => None,
            Ok(_) if is_renamed && harms.contains(&Harm::Misnamed) => None,
            Ok(mut plan) => {
                let pair = [
                    spec.services.certificate.certificate.value.as_path(),
                    spec.services.certificate.key.value.as_path(),
                ];
                let can_be_served = !harms.contains(&Harm::Unusable);
                let declared = self.declared()?;
                let judged = plan.judge_bad_pair(&self.host, &declared, pair, can_be_served)?;
                Some((judged, plan))
            }
        };
        let (about, plan) = match judged {
            Some((BadPair::InUse, plan)) => {
                ("This certificate is in use already, so all else goes on.", plan)
            }
            Some((BadPair::PutOff, plan)) => (
                "It is not loaded: Postfix and Dovecot go on with the one that they have, and all \
                 else goes on.",
                plan,
            ),
            Some((BadPair::New, _)) | None => {
                return Err(CommandError::mistakes(mistakes));
            }
        };
        let warnings: Vec<_> = mistakes.into_iter().map(Diagnostic::warning).collect();
        report.warnings(&warnings, about);
        Ok(plan)
    }

    /// Tells what the mail server that stands on the host does and the new one
    /// will not do.
    fn lost(&self) -> Result<Vec<Note>, CommandError> {
        let lost = takeover::lost(&self.host, || self.files())?;
        let note = |loss: Loss| Note { what: loss.what, keep: loss.keep };
        Ok(lost.into_iter().map(note).collect())
    }

    /// Plans, whatever the certificate is like.
    pub(super) fn compare(&self, report: &mut Report) -> Result<Plan, CommandError> {
        if self.sent.is_empty()
            && let Some(resolved) = self.resolved.borrow().as_ref()
            && resolved.fits(services::facts(&self.host))
            && let Some(plan) = resolved.nothing_to_do(&self.host)
        {
            return Ok(Plan { origin: self.origin(), ..plan });
        }
        let declared = self.declared()?;
        self.tell_of_programs(&declared, report);
        let plan = engine::plan(&self.host, &declared)?;
        Ok(Plan { origin: self.origin(), ..plan })
    }

    /// Returns the units of the services that the playbook wants to run.
    pub(super) fn services(&self) -> Result<Vec<Unit>, CommandError> {
        let unit = |declared: &Declared| match &declared.resource {
            Resource::Service(service) if service.is_wanted() => Some(service.unit().clone()),
            _ => None,
        };
        let units = |declared: &[Declared]| declared.iter().filter_map(unit).collect();
        if let Some(resolved) = self.resolved.borrow().as_ref()
            && resolved.fits(services::facts(&self.host))
        {
            return Ok(units(&resolved.declared));
        }
        Ok(units(&self.declared()?))
    }

    fn declared(&self) -> Result<Vec<Declared>, CommandError> {
        let resolved =
            self.resolve(&services::facts(&self.host)?).map_err(CommandError::mistakes)?;
        Ok(self.sent.iter().cloned().chain(resolved).collect())
    }

    fn resolve(&self, facts: &Facts) -> Result<Vec<Declared>, Vec<Diagnostic>> {
        let context = Context { mail: self.spec.as_ref().map(Spec::context), facts };
        let declared = self.playbook.resolve(&context)?;
        self.resolved.replace(self.resolved(facts, &declared));
        Ok(declared)
    }

    /// Notes what mail.yml came to, now that the host is as it says. Without the
    /// note the next look takes longer, and that is all.
    pub(super) fn note(&self) {
        let fits = self
            .resolved
            .borrow()
            .as_ref()
            .is_some_and(|known| known.fits(services::facts(&self.host)));
        if !fits && let Ok(facts) = services::facts(&self.host) {
            drop(self.resolve(&facts));
        }
        if let Some(resolved) = self.resolved.borrow().as_ref() {
            let _ = resolved.note(&self.host);
        }
    }

    fn resolved(&self, facts: &Facts, declared: &[Declared]) -> Option<CachedPlaybook> {
        let (spec, (text, files)) = (self.spec.as_ref()?, self.read.as_ref()?);
        let mail = absolute(self.mail.as_ref()?);
        let inputs = CacheKey::new(facts, &mail, text.clone(), files.clone())?;
        let tls = &spec.services.certificate;
        let paths = || (tls.certificate.value.clone(), tls.key.value.clone());
        let certificate = (!tls.self_signed).then(paths);
        let hostname = spec.hostname.value.to_string();
        CachedPlaybook::new(inputs, hostname, certificate, self.secrets.clone(), declared)
    }

    /// Renders the text files that the playbook declares. Of those that hold
    /// secrets only the first comment is returned.
    pub(super) fn files(&self) -> Result<Vec<File>, CommandError> {
        // What a mail.yml brings along is nobody's setting.
        let declared = self.declared()?.split_off(self.sent.len());
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

    /// Returns where the mail of an account is, `NAME` for its name.
    pub(super) fn mailbox(&self) -> String {
        let home = self.spec.as_deref().map(Spec::any_home).unwrap_or_default();
        format!("{home}/Maildir")
    }

    /// Judges the certificate that mail.yml names, where it is not ours to make.
    fn certificate(
        &self,
        spec: &Spec,
        unseen: &mut Vec<Unseen>,
    ) -> Result<Vec<(Harm, Diagnostic)>, CommandError> {
        let tls = &spec.services.certificate;
        if tls.self_signed {
            return Ok(Vec::new());
        }
        let untrusted = self.untrusted(spec);
        if !untrusted.is_empty() {
            return Ok(untrusted);
        }
        let mut view = Overlay::new(&self.host);
        for Declared { resource, .. } in &self.sent {
            for target in resource.targets(&view)? {
                view.set(target.key, target.after);
            }
        }
        let hostname = spec.hostname.value.to_string();
        let problems =
            examine_certificate(&view, &tls.certificate.value, &tls.key.value, &hostname);
        match problems {
            Ok(problems) => Ok(problems
                .into_iter()
                .map(|problem| {
                    let place = if problem.of_key { &tls.key.span } else { &tls.certificate.span };
                    let mistake = Diagnostic::new(&spec.source, place.clone(), problem.message);
                    (problem.harm, mistake.help(problem.help))
                })
                .collect()),
            Err(error) if error.is_permission_denied() && !Host::is_root() => {
                unseen.push(Unseen { step: "The certificate".into(), reason: error.to_string() });
                Ok(Vec::new())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Loaded {
    /// Says which programs of a person's own playbook run while it is planned.
    fn tell_of_programs(&self, declared: &[Declared], report: &mut Report) {
        if self.playbook.is_embedded(playbook::DEFAULT) || !Host::is_root() {
            return;
        }
        let programs = declared.iter().flat_map(|declared| declared.resource.asks());
        let mut programs: Vec<String> = programs.map(|argv| argv.join(" ")).collect();
        programs.dedup();
        if !programs.is_empty() {
            let programs = programs.join("\n  ");
            report.note(&format!("To plan, this runs as root: \n  {programs}\n"));
        }
    }

    /// Finds of certificate and key what root does not act on. What is not there is
    /// for others to say.
    fn untrusted(&self, spec: &Spec) -> Vec<(Harm, Diagnostic)> {
        if self.host.is_tree() {
            return Vec::new();
        }
        let named = [&spec.services.certificate.certificate, &spec.services.certificate.key];
        let refused = named.into_iter().filter_map(|named| {
            let error = local::refuse_untrusted(&named.value).err()?;
            let Untrusted { reason, remedy } = Untrusted::of(&error)?;
            let mistake = Diagnostic::new(&spec.source, named.span.clone(), reason).help(remedy);
            Some((Harm::Unusable, mistake))
        });
        refused.collect()
    }
}

/// Returns the folder that a mail.yml is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Reads the text of a mail.yml.
pub(super) fn judge(source: &Arc<Source>, files: &Files<'_>) -> Result<Spec, CommandError> {
    services::load(source, files).map_err(CommandError::mistakes)
}

/// Loads the playbook: the embedded default, one that is named, or a file.
pub(super) fn playbook(global: &Global) -> Result<Playbook, CommandError> {
    let loaded = match &global.playbook {
        _ if let Some(sent) = &global.sent_playbook => Playbook::sent(sent),
        None => Playbook::embedded(playbook::DEFAULT),
        Some(path) => match path.to_str().and_then(playbook::embedded) {
            // A path has a `/`, or ends in .yml.
            Some(embedded) => Playbook::embedded(embedded.name),
            None => Playbook::load(path),
        },
    };
    loaded.map_err(|error| match error {
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
    })
}
