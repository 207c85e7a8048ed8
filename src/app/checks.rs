//! The checks of a mail server: on the host itself, and from outside.

use std::path::Path;
use std::sync::Arc;

use super::{Context, folder, no_mail_yml};
use crate::check::{self, Causes, Examination};
use crate::command_error::CommandError;
use crate::diagnostic::Source;
use crate::engine::Lock;
use crate::finding::Finding;
use crate::host::Host;
use crate::local;
use crate::mail::{CheckAccount, Files};
use crate::secret::Secret;
use crate::services::checking::{Account, Check, Outside, Person, Server, Site};
use crate::services::{self, Spec};

/// Why the other checks are not made from outside.
const ONLY_THERE: &str = "only the host knows: mailprov check, there or with --on";

/// What a check found, by the check's name.
pub(crate) type Findings = Vec<(&'static str, Vec<Finding>)>;

/// The checks that were not made, each with the reason.
type Unseen = Vec<(&'static str, Finding)>;

impl Context {
    /// Refuses a tree.
    pub(crate) fn refuse_tree(&self) -> Result<(), CommandError> {
        if self.host.is_tree() {
            let message = "nothing runs in a tree, so there is nothing to check";
            return Err(CommandError::usage(message).hinted("Leave --root out."));
        }
        Ok(())
    }

    /// Takes the lock for checks: what is being changed is not as it should be yet.
    pub(crate) fn lock_for_checks(&self) -> Result<Lock, CommandError> {
        if !Host::is_root() {
            let message = "only root may make all of these checks";
            let advice = "Run it with sudo, or check from outside: mailprov check --from-here";
            return Err(CommandError::needs_root(message).hinted(advice));
        }
        Ok(Lock::take(&self.host, "check")?)
    }

    /// Makes checks on the host, and tells what each found as soon as it is known.
    pub(crate) fn examine(
        &self,
        checks: &[&'static Check],
        tell: &mut dyn FnMut(&'static str, &[Finding]),
    ) -> Result<Vec<Finding>, CommandError> {
        let site = self.site()?;
        let (mut examination, mut all) = Examination::of(&site, checks)?;
        if !all.is_empty() {
            tell("configuration", &all);
        }
        for check in checks {
            let findings = examination.make(check, || self.compare())?;
            tell(check.name(), &findings);
            all.extend(findings);
        }
        Ok(all)
    }

    pub(super) fn site(&self) -> Result<Site<'_>, CommandError> {
        let spec = self.spec().ok_or_else(no_mail_yml)?;
        Ok(Site {
            host: &self.host,
            spec,
            server: Server::on(&self.host, spec)?,
            services: self.services()?,
            open_secrets: self.open_secrets(),
        })
    }

    /// Makes the checks that can be made from here, and tells what each found as soon
    /// as it is known. Returns all that was found, and the checks that were not made.
    pub(crate) fn examine_from_here(
        &self,
        checks: &[&'static Check],
        person: Option<Person>,
        tell: &mut dyn FnMut(&'static str, &[Finding]),
    ) -> Result<(Vec<Finding>, Unseen), CommandError> {
        let spec = self.spec().ok_or_else(no_mail_yml)?;
        let server = Server::from_outside(spec);
        if checks.iter().any(|check| check.uses_ports) {
            server.detect_blocked_port_25();
        }
        let outside = Outside { host: &self.host, spec, server, person };
        let (mut all, mut unseen) = (Vec::new(), Vec::new());
        let mut causes = Causes::default();
        for check in checks {
            match check.outside.ok_or(ONLY_THERE).and_then(|look| look(&outside)) {
                Ok(mut findings) => {
                    causes.trace(check.explains, &mut findings);
                    tell(check.name(), &findings);
                    all.extend(findings);
                }
                Err(why) => unseen.push((check.name(), check.not_made(why, "Check it there."))),
            }
        }
        Ok((all, unseen))
    }
}

/// Finds the account of a login; `choose` takes its password.
pub(crate) fn person(
    spec: &Spec,
    login: &str,
    choose: impl FnOnce() -> Result<Secret<String>, CommandError>,
) -> Result<Person, CommandError> {
    let found = spec.directory.inbox_of(login);
    let CheckAccount { address, of_another, .. } = found.ok_or_else(|| {
        let message = format!("no account with the login `{login}` keeps its mail here");
        CommandError::usage(message).hinted("`mailprov account list` lists the accounts.")
    })?;
    let (login, address) = (login.to_owned(), address.to_string());
    Ok(Person { account: Account { login, address, password: choose()? }, of_another })
}

/// Reads a mail.yml whose files need not lie here; `None` where its server cannot be
/// told from it.
pub(crate) fn server_of(mail: &Path) -> Option<Spec> {
    let text = local::read_text(mail).ok()?;
    let source = Arc::new(Source { name: mail.display().to_string(), text });
    services::load(&source, &Files::beside(folder(mail))).ok()
}

/// Looks at the ports of a server from here.
pub(crate) fn ports_from_here(spec: &Spec, addresses: Vec<std::net::IpAddr>) -> Vec<Finding> {
    let server = Server { addresses, ..Server::from_outside(spec) };
    server.detect_blocked_port_25();
    check::ports(&server)
}
