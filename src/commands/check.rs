//! `mailprov check`: checks the running server.

use std::path::Path;

use super::{CommandError, Exit, load, notes, password};
use crate::app::{Context, MailSource, checks, no_mail_yml};
use crate::check;
use crate::cli::{self, Global};
use crate::finding::{Finding, Verdict};
use crate::host::Interruption;
use crate::reach::as_path;
use crate::remote::{self, Destination};
use crate::report::Report;

/// Runs the checks, and exits with 1 if one fails.
pub(super) fn run(
    global: &Global,
    options: &cli::Check,
    source: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if options.from_here {
        return from_here(global, options, source, report);
    }
    if options.login.is_some() || options.password.is_given() {
        let message = "a check on the host needs no password";
        return Err(CommandError::usage(message).hinted("Leave it out, or add --from-here."));
    }
    let context = load(global, source, report)?;
    context.refuse_tree()?;
    context.say_programs(&mut notes(report))?;
    let _lock = context.lock_for_checks()?;
    let show = &mut |name: &str, findings: &[Finding]| report.findings(name, findings);
    let all = context.examine(&check::chosen(&options.only), show)?;
    report.checked(&all, &context.subject());
    Ok(exit(&all))
}

/// Makes the checks that can be made from this machine, without root and without a
/// login on the server.
fn from_here(
    global: &Global,
    options: &cli::Check,
    source: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let context = load(global, source, report)?;
    context.refuse_tree()?;
    let spec = context.spec().ok_or_else(no_mail_yml)?;
    if options.login.is_none() && options.password.is_given() {
        let message = "a password was given without --login";
        return Err(CommandError::usage(message).hinted("Add --login NAME."));
    }
    let person = options.login.as_ref().map(|login| {
        let question = format!("Password of {login}:");
        checks::person(spec, login, || password::existing(&options.password, &question, report))
    });
    let person = person.transpose()?;
    let show = &mut |name: &str, findings: &[Finding]| report.findings(name, findings);
    let (mut all, unseen) =
        context.examine_from_here(&check::chosen(&options.only), person, show)?;
    report.unseen(&unseen);
    all.extend(unseen.into_iter().map(|(_, finding)| finding));
    report.checked(&all, &context.subject());
    Ok(exit(&all))
}

/// Checks after a run whether the server works, and shows what that found. Ctrl-C
/// ends the check only.
pub(super) fn after(context: &Context, interruption: &Interruption, report: &mut Report) {
    if !context.is_mail_server() || interruption.is_asked() {
        return;
    }
    report.checking(&context.subject());
    match context.check_after(interruption) {
        _ if interruption.is_asked() => report.check_given_up("it was told to stop"),
        Err(error) => report.check_given_up(&error.to_string()),
        Ok((found, rest)) => report.checked_after(&found, &context.subject(), &rest),
    }
}

/// Looks after a bootstrap whether others can reach what was set up: the host itself
/// cannot know what is in between. It looks at the address of the login, as what DNS
/// says of the name may not be so yet.
pub(super) fn reachable_from_here(
    global: &Global,
    host: &Destination,
    mail: &Path,
    report: &mut Report,
) {
    // If a file that it names is on the host only, its ports are unknown.
    let Some(spec) = checks::server_of(mail) else { return };
    let hostname = spec.hostname.value.to_string();
    let path = as_path(&mail.display().to_string());
    let again = report.reach().from_here().command(&["check", &path, "--from-here"]);
    match remote::addresses(host, &global.ssh.login(true)) {
        Ok(addresses) => {
            let findings = checks::ports_from_here(&spec, addresses);
            report.checked_from_here("ports", &findings, &hostname, &again);
        }
        Err(why) => report.note(&format!(
            "It was not checked whether others can reach {hostname}: {why}. Check from another \
             machine: {again}\n"
        )),
    }
}

/// Returns the exit code for these findings.
fn exit(all: &[Finding]) -> Exit {
    match all.iter().any(|finding| finding.verdict == Verdict::Wrong) {
        true => Exit::Failed,
        false => Exit::Done,
    }
}
