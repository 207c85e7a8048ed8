//! Plans the changes that bring the host of a [`Context`] to the state in its
//! mail.yml.

use super::context::{Context, Loaded};
use super::mail_file::absolute;
use super::{mailboxes, takeover};
use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::engine::{self, BadPair, CacheKey, CachedPlaybook, Change, Note, Plan, Unseen};
use crate::explain::Loss;
use crate::host::{Facts, Host};
use crate::local::{self, Untrusted};
use crate::playbook::{self, Declared};
use crate::resource::acme::Obstacle;
use crate::resource::{Harm, Key, Overlay, asks_authority, examine_certificate, exposed_key};
use crate::services::self_service::OwnPasswords;
use crate::services::{self, Spec, certificate, srs};

/// Reports a note, a sentence.
pub(crate) type Say<'s> = &'s mut dyn FnMut(&str);

/// A plan, with the warnings to show before it.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// Mistakes that do not prevent a plan, with their effect on it.
    pub(crate) warnings: Option<(Vec<Diagnostic>, &'static str)>,
}

impl Context {
    /// Plans: quickly where nothing is to be done, else in full. First it says which
    /// programs it runs, and which secrets are open.
    pub(crate) fn plan(&self, say: Say<'_>) -> Result<Planned, CommandError> {
        self.say_programs(say)?;
        for (path, who) in self.open_secrets() {
            let path = path.display();
            say(&format!(
                "{path} holds hashes or passwords, and {who} may read it: chmod 600 {path}"
            ));
        }
        let is_as_it_was = self.loaded.get().is_none();
        let planned = match is_as_it_was.then(|| self.nothing_to_do()).flatten() {
            Some(plan) => Planned { plan, warnings: None },
            None => self.plan_in_full(say)?,
        };
        self.say_own_passwords(say)?;
        Ok(planned)
    }

    /// Names the accounts whose password the person chose, so that it is not looked for in
    /// mail.yml.
    fn say_own_passwords(&self, say: Say<'_>) -> Result<(), CommandError> {
        /// Further ones are only counted.
        const NAMED: usize = 10;
        let names = self.own_passwords()?;
        let mut named = names[..names.len().min(NAMED)].join(", ");
        match names.len().saturating_sub(NAMED) {
            0 if names.is_empty() => return Ok(()),
            0 => {}
            more => named += &format!(" and {more} more"),
        }
        say(&format!(
            "Their own password, not the one in mail.yml, is that of: {named}. Another in \
             mail.yml would replace it."
        ));
        Ok(())
    }

    /// Returns the names of the accounts whose password the person chose.
    pub(crate) fn own_passwords(&self) -> Result<Vec<String>, CommandError> {
        match (self.spec(), self.cached.borrow().as_ref()) {
            (Some(spec), _) => Ok(OwnPasswords::read(&self.host)?.judged(spec).names()),
            (None, Some(cached)) => Ok(cached.own_passwords.clone()),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// Compares the host with the cache. Returns a plan only if its input is
    /// unchanged and it is empty.
    fn nothing_to_do(&self) -> Option<Plan> {
        let cached = self.cached.borrow();
        // The cache does not cover files that were sent along.
        let is_of_here = self.is_read_here && self.loaded.get().is_none_or(|it| it.sent.is_empty());
        let plan = cached.as_ref().filter(|_| is_of_here)?.nothing_to_do(&self.host)?;
        Some(Plan { origin: self.origin(), ..plan })
    }

    /// Plans from the contents of mail.yml and the playbook.
    fn plan_in_full(&self, say: Say<'_>) -> Result<Planned, CommandError> {
        let Loaded { spec, .. } = self.loaded()?;
        let mut unseen = Vec::new();
        let problems = match spec {
            Some(spec) => self.certificate(spec, &mut unseen)?,
            None => Vec::new(),
        };
        let plan = self.compare();
        let (mut plan, warnings) = match spec {
            Some(spec) if !problems.is_empty() => {
                let (plan, warnings) = self.despite(spec, problems, plan)?;
                (plan, Some(warnings))
            }
            _ => (plan?, None),
        };
        plan.unseen.splice(0..0, unseen);
        if !plan.changes.is_empty() && self.is_mail_server() {
            plan.notes = self.lost()?;
        }
        if let Some(spec) = spec {
            mailboxes::follow(&self.host, spec, self.renamed.as_ref(), &mut plan)?;
            // Told until the first run.
            if !plan.changes.is_empty()
                && CachedPlaybook::last_hostname(&self.host).is_none()
                && spec.services.spam.is_left_out(&services::facts(&self.host)?)
            {
                say("This host has less than 700 MB of memory, so it gets no spam filter. With \
                     `spam: true` in mail.yml it gets one in any case.");
            }
            // `check` reports it as a failure; mailprov may not change this certificate.
            let tls = spec.services.certificate.on(&self.host);
            if !tls.is_managed()
                && let Ok(Some(how)) = exposed_key(&self.host, &tls.key.value)
            {
                say(&format!("The certificate's key is open: {how}."));
            }
            self.say_awaited(&tls, &plan, say);
        }
        Ok(Planned { plan, warnings })
    }

    /// Reports why the authority does not issue the certificate yet, unless this plan asks
    /// it.
    fn say_awaited(&self, tls: &certificate::Settings, plan: &Plan, say: Say<'_>) {
        let Some((pair, order)) = tls.order() else { return };
        let key = Key::Certificate(pair.clone());
        let is_asked = |change: &Change| change.key == key && asks_authority(&change.after);
        if plan.changes.iter().any(is_asked) {
            return;
        }
        // Without the right to read what is kept, nothing can be said.
        if let Ok(Some(Obstacle { why, remedy })) = tls.awaited(&self.host) {
            say(&format!(
                "{} issues no certificate yet, so a self-signed one is shown: {why}.\n{remedy}",
                order.authority()
            ));
        }
    }

    /// Plans despite a bad certificate, as long as the plan does not bring it
    /// into use, and returns a warning; else refuses.
    fn despite(
        &self,
        spec: &Spec,
        problems: Vec<(Harm, Diagnostic)>,
        plan: Result<Plan, CommandError>,
    ) -> Result<(Plan, (Vec<Diagnostic>, &'static str)), CommandError> {
        let (harms, mistakes): (Vec<_>, Vec<_>) = problems.into_iter().unzip();
        let last = CachedPlaybook::last_hostname(&self.host);
        let is_renamed = last.is_some_and(|last| last != spec.hostname.value.to_string());
        let judged = match plan {
            // A checker of a service may have failed because of it.
            Err(_) => None,
            Ok(_) if is_renamed && harms.contains(&Harm::Misnamed) => None,
            Ok(mut plan) => {
                let tls = spec.services.certificate.on(&self.host);
                let pair = [tls.certificate.value.as_path(), tls.key.value.as_path()];
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
        let warnings = mistakes.into_iter().map(Diagnostic::warning).collect();
        Ok((plan, (warnings, about)))
    }

    /// Returns what the present mail server of the host does and the new one
    /// will not.
    fn lost(&self) -> Result<Vec<Note>, CommandError> {
        let lost = takeover::lost(&self.host, || self.files())?;
        let note = |loss: Loss| Note { what: loss.what, keep: loss.keep };
        Ok(lost.into_iter().map(note).collect())
    }

    /// Plans without judging the certificate.
    pub(crate) fn compare(&self) -> Result<Plan, CommandError> {
        let fits =
            self.cached.borrow().as_ref().is_some_and(|it| it.fits(services::facts(&self.host)));
        if fits && let Some(plan) = self.nothing_to_do() {
            return Ok(plan);
        }
        let plan = engine::plan(&self.host, &self.declared()?)?;
        Ok(Plan { origin: self.origin(), ..plan })
    }

    /// Reports the programs that a playbook of the user's own runs while it is
    /// planned.
    pub(crate) fn say_programs(&self, say: Say<'_>) -> Result<(), CommandError> {
        let programs = self.programs()?;
        if !programs.is_empty() {
            say(&format!("To plan, this runs as root: \n  {}", programs.join("\n  ")));
        }
        Ok(())
    }

    /// Lists addresses that forward mail to other hosts, and says whether SPF holds for
    /// it there.
    pub(crate) fn forwards(&self) -> Option<String> {
        /// Further ones are only counted.
        const NAMED: usize = 3;
        let spec = self.spec()?;
        let forwarded = spec.directory.forwarded();
        let mut names = forwarded[..forwarded.len().min(NAMED)].join(", ");
        match forwarded.len().saturating_sub(NAMED) {
            0 if names.is_empty() => return None,
            0 => {}
            more => names += &format!(" and {more} more"),
        }
        let sender = match srs::is_on(spec) {
            true => "leaves with a sender of this host's name (SRS), so that SPF holds there.",
            false => {
                "keeps its sender, so SPF fails there: large providers may refuse what its sender \
                 did not sign with DKIM. `srs: true` helps."
            }
        };
        Some(format!(
            "Mail forwarded to other hosts ({names}) {sender} See Forwards in mail.yml(5)."
        ))
    }

    /// Returns the command lines of the programs that a playbook of the user's
    /// own runs as root while it is planned.
    fn programs(&self) -> Result<Vec<String>, CommandError> {
        let is_own = match self.loaded.get() {
            Some(loaded) => !loaded.playbook.is_embedded(playbook::DEFAULT),
            None => self.own.is_some(),
        };
        if !is_own || !Host::is_root() {
            return Ok(Vec::new());
        }
        let of = |declared: &[Declared]| {
            let asks = declared.iter().flat_map(|declared| declared.resource.asks());
            let mut programs: Vec<String> = asks.map(|argv| argv.join(" ")).collect();
            programs.dedup();
            programs
        };
        match self.cached.borrow().as_ref() {
            Some(cached) if self.loaded.get().is_none() => return Ok(of(&cached.declared)),
            _ => {}
        }
        Ok(of(&self.declared()?))
    }

    /// Caches the rendered playbook, now that the host is in its state. Without
    /// the cache the next plan is slower, so errors are ignored.
    pub(crate) fn note(&self) {
        // Otherwise it is cached already.
        let Some(loaded) = self.loaded.get() else { return };
        let fits = self
            .cached
            .borrow()
            .as_ref()
            .is_some_and(|known| known.fits(services::facts(&self.host)));
        if !fits
            && let Ok(facts) = services::facts(&self.host)
            && let Ok(own) = OwnPasswords::read(&self.host)
        {
            drop(self.render(loaded, &facts, &own));
        }
        if let Some(cached) = self.cached.borrow().as_ref() {
            let _ = cached.note(&self.host);
        }
    }

    pub(super) fn to_cache(
        &self,
        loaded: &Loaded,
        facts: &Facts,
        own_passwords: &OwnPasswords,
        declared: &[Declared],
    ) -> Option<CachedPlaybook> {
        let (spec, (text, files)) = (loaded.spec.as_ref()?, loaded.read.as_ref()?);
        let mail = absolute(self.mail.as_ref()?);
        let own = match (&self.own, loaded.playbook.is_embedded(playbook::DEFAULT)) {
            (_, true) => None,
            (Some(own), false) => Some((own.clone(), loaded.playbook.reads()?)),
            (None, false) => return None,
        };
        let key = CacheKey::new(facts, &mail, text.clone(), files.clone(), own)?;
        let tls = spec.services.certificate.on(&self.host);
        // Until then each plan says why there is none.
        if !matches!(tls.is_awaited(&self.host), Ok(false)) {
            return None;
        }
        let paths = || (tls.certificate.value.clone(), tls.key.value.clone());
        let certificate = (!tls.is_managed()).then(paths);
        let hostname = spec.hostname.value.to_string();
        let own_passwords = own_passwords.judged(spec).names();
        let secrets = loaded.secrets.clone();
        CachedPlaybook::new(key, hostname, certificate, secrets, own_passwords, declared)
    }

    fn certificate(
        &self,
        spec: &Spec,
        unseen: &mut Vec<Unseen>,
    ) -> Result<Vec<(Harm, Diagnostic)>, CommandError> {
        let tls = spec.services.certificate.on(&self.host);
        if tls.is_managed() {
            return Ok(Vec::new());
        }
        let untrusted = self.untrusted(spec, &tls);
        if !untrusted.is_empty() {
            return Ok(untrusted);
        }
        let mut view = Overlay::new(&self.host);
        for Declared { resource, .. } in &self.loaded()?.sent {
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

    /// Finds faults for which root refuses to use certificate and key. Missing
    /// files are reported elsewhere.
    fn untrusted(&self, spec: &Spec, tls: &certificate::Settings) -> Vec<(Harm, Diagnostic)> {
        if self.host.is_tree() {
            return Vec::new();
        }
        let named = [&tls.certificate, &tls.key];
        let refused = named.into_iter().filter_map(|named| {
            let error = local::refuse_untrusted(&named.value).err()?;
            let Untrusted { reason, remedy } = Untrusted::of(&error)?;
            let mistake = Diagnostic::new(&spec.source, named.span.clone(), reason).help(remedy);
            Some((Harm::Unusable, mistake))
        });
        refused.collect()
    }
}
