//! `mailprov check`: checks the running server.

mod after;
mod from_here;
mod reached;

use super::{CommandError, Exit, load};
use crate::app::{Context, MailSource, no_mail_yml};
use crate::check::{self, Examination};
use crate::cli::{self, Global};
use crate::engine::Lock;
use crate::finding::{Finding, Verdict};
use crate::host::Host;
use crate::report::Report;
use crate::services::checking::{Check, Server, Site};

pub(super) use after::look as look_after;
pub(super) use reached::reachable_from_here;

/// Runs the checks, and exits with 1 if one fails.
pub(super) fn run(
    global: &Global,
    options: &cli::Check,
    wanted: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if options.from_here {
        return from_here::run(global, options, wanted, report);
    }
    if options.login.is_some() || options.password.is_given() {
        let message = "a check on the host needs no password";
        return Err(CommandError::usage(message).hinted("Leave it out, or add --from-here."));
    }
    let loaded = load(global, wanted, report)?;
    is_running(&loaded)?;
    super::say_programs(&loaded, report)?;
    if !Host::is_root() {
        let message = "only root may make all of these checks";
        let advice = "Run it with sudo, or check from outside: mailprov check --from-here";
        return Err(CommandError::needs_root(message).hinted(advice));
    }
    // During a run the host is not in its final state.
    let _lock = Lock::take(&loaded.host, "check")?;
    let all = examine(&loaded, &check::chosen(&options.only), report)?;
    report.checked(&all, &loaded.subject());
    Ok(exit(&all))
}

/// Runs checks, and reports the findings of each at once.
pub(super) fn examine(
    loaded: &Context,
    checks: &[&'static Check],
    report: &mut Report,
) -> Result<Vec<Finding>, CommandError> {
    let site = site(loaded)?;
    let (mut examination, mut all) = Examination::of(&site, checks)?;
    if !all.is_empty() {
        report.findings("configuration", &all);
    }
    for check in checks {
        let findings = examination.make(check, || loaded.compare())?;
        report.findings(check.name(), &findings);
        all.extend(findings);
    }
    Ok(all)
}

fn site(loaded: &Context) -> Result<Site<'_>, CommandError> {
    let spec = loaded.spec().ok_or_else(no_mail_yml)?;
    Ok(Site {
        host: &loaded.host,
        spec,
        server: Server::on(&loaded.host, spec)?,
        services: loaded.services()?,
        open_secrets: loaded.open_secrets(),
    })
}

/// Rejects `--root`, since a tree has no running server.
fn is_running(loaded: &Context) -> Result<(), CommandError> {
    if loaded.host.is_tree() {
        let message = "nothing runs in a tree, so there is nothing to check";
        return Err(CommandError::usage(message).hinted("Leave --root out."));
    }
    Ok(())
}

/// Returns the exit code for these findings.
pub(super) fn exit(all: &[Finding]) -> Exit {
    match all.iter().any(|finding| finding.verdict == Verdict::Wrong) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}
