//! `mailprov check`: the live service, proven.

mod after;
mod from_here;
mod reached;
mod subject;

use super::load;
use super::{CommandError, Exit};
use crate::app::{self, Context, MailSource};
use crate::check::{Causes, Part, TemporaryLogin};
use crate::cli::{self, Global};
use crate::engine::Lock;
use crate::finding::{Finding, Verdict};
use crate::host::Host;
use crate::report::Report;

pub(super) use after::look as look_after;
pub(super) use reached::reachable_from_here;
use subject::Subject;
pub(super) use subject::addresses;

/// Looks at each part, and ends with 1 where one is not as it must be.
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
        let message = "a check on the host needs nobody's password";
        return Err(CommandError::usage(message).hinted("Leave it out, or add --from-here."));
    }
    let loaded = load(global, wanted, report)?;
    is_running(&loaded)?;
    super::say_programs(&loaded, report)?;
    if !Host::is_root() {
        let message = "only root may look at all of this";
        let advice = "Run it with sudo; what can be seen from outside, sees: mailprov check \
                      --from-here";
        return Err(CommandError::needs_root(message).hinted(advice));
    }
    // What is being changed is not as it should be yet.
    let _lock = Lock::take(&loaded.host, "check")?;
    let all = examine(
        &loaded,
        &parts(&options.only),
        &mut |part, findings, report| {
            report.findings(part.name(), findings);
        },
        report,
    )?;
    report.checked(&all, &loaded.subject());
    Ok(exit(&all))
}

/// Looks at some parts of the server that this host is to be, as root, while
/// nobody changes it. `shown` gets what came of each part as soon as it is known;
/// all of it is returned.
pub(super) fn examine(
    loaded: &Context,
    parts: &[Part],
    shown: &mut dyn FnMut(Part, &[Finding], &mut Report),
    report: &mut Report,
) -> Result<Vec<Finding>, CommandError> {
    let Some(spec) = loaded.spec() else { return Err(app::no_mail_yml()) };
    let subject = Subject::new(loaded, spec)?;
    let (mut all, mut causes) = (Vec::new(), Causes::default());
    let mut dead = subject.dead()?;
    // Told of with the rest of the configuration, or on its own.
    let is_used = parts.iter().any(|part| part.uses_ports());
    if !parts.contains(&Part::Configuration) && is_used && !dead.is_empty() {
        causes.trace(Part::Configuration, &mut dead);
        shown(Part::Configuration, &dead, report);
        all.extend(dead);
    }
    let mut probe = None;
    for &part in parts {
        if part.needs_account() && probe.is_none() {
            probe = Some(subject.probe().inspect(TemporaryLogin::wait));
        }
        let mut findings = match &probe {
            Some(Err(why)) if part.needs_account() => {
                let finding = Finding::ok(format!("The {part} of an account"), "People use it.");
                let remedy = "mailprov apply; then check again.";
                vec![finding.not_checked(why.clone(), remedy)]
            }
            Some(Ok(probe)) if part.needs_account() => subject.of_account(part, probe),
            _ => subject.look(part)?,
        };
        causes.trace(part, &mut findings);
        shown(part, &findings, report);
        all.extend(findings);
    }
    Ok(all)
}

/// The parts that are asked for, in their order; all where none is named.
fn parts(only: &[Part]) -> Vec<Part> {
    Part::ALL.into_iter().filter(|part| only.is_empty() || only.contains(part)).collect()
}

/// Refuses a tree.
fn is_running(loaded: &Context) -> Result<(), CommandError> {
    if loaded.host.is_tree() {
        let message = "nothing runs in a tree, so there is nothing to check";
        return Err(CommandError::usage(message).hinted("Leave --root out."));
    }
    Ok(())
}

/// How a check ends that found this.
fn exit(all: &[Finding]) -> Exit {
    match all.iter().any(|finding| finding.verdict == Verdict::Wrong) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}
