//! `mailprov apply`, and the questions of all commands that change a host.

use std::path::Path;

use super::{CommandError, Exit, check, elsewhere, notes, say};
use crate::app::{Context, MailSource, PlanSource, Ready, Renamed};
use crate::cli::{self, Global};
use crate::engine::{Plan, SavedPlan};
use crate::report::{Report, moment};
use crate::wire::Question;

/// Brings the host into the state that mail.yml describes.
pub(super) fn run(
    global: &Global,
    source: MailSource<'_>,
    plan: Option<PlanSource<'_>>,
    options: &cli::Apply,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    can_confirm(options.yes, report)?;
    let saved = plan.map(PlanSource::read).transpose()?;
    let source = match source {
        MailSource::Here(None) => {
            MailSource::Here(saved.as_ref().and_then(|saved| saved.mail.as_deref()))
        }
        source => source,
    };
    let Some(ready) = prepare(global, source, saved.as_ref(), None, report)? else {
        return Ok(Exit::Done);
    };
    confirm_here(global, &ready, options, report)?;
    leave(&ready.plan, options.yes, options.leave_mail, report)?;
    make(ready, "apply", !options.no_check, report)
}

/// Plans, and shows the plan; returns `None` if there is nothing to do.
pub(super) fn prepare(
    global: &Global,
    source: MailSource<'_>,
    saved: Option<&SavedPlan>,
    renamed: Option<Renamed>,
    report: &mut Report,
) -> Result<Option<Ready>, CommandError> {
    let context = match saved {
        Some(_) => Context::load(global, source)?,
        None => Context::open(global, source)?,
    };
    say(&context, report);
    let mut ready = Ready::plan(context, source, renamed, moment, &mut notes(report))?;
    report.warnings(ready.warnings.as_ref());
    if let Some(saved) = saved {
        ready.check(saved, report.reach())?;
    }
    report.plan(&ready.plan, &ready.context.subject());
    if ready.is_done()? {
        return Ok(None);
    }
    ready.say_more(&mut notes(report));
    Ok(Some(ready))
}

/// Makes the changes; then, if that is wanted, looks whether the server is well.
pub(super) fn make(
    mut ready: Ready,
    deed: &str,
    check: bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let interruption = report.interruption()?;
    let (changes, elapsed) =
        ready.make(deed, &|| interruption.is_asked(), &mut |it| report.event(it))?;
    report.applied(changes, elapsed);
    if check {
        check::after(&ready.context, &interruption, report);
    }
    Ok(Exit::Done)
}

/// Fails early if a confirmation is needed and cannot be asked for.
pub(super) fn can_confirm(yes: bool, report: &Report) -> Result<(), CommandError> {
    if yes || report.can_ask() {
        return Ok(());
    }
    let message = "there is no terminal to ask on, so nothing was changed";
    let plan = report.reach().command(&["plan"]);
    let advice = format!("Read the plan ({plan}), then pass --yes.");
    Err(CommandError::usage(message).after_changes().hinted(advice))
}

/// Asks for confirmation, unless it was given.
pub(super) fn confirm(
    plan: &Plan,
    subject: &str,
    yes: bool,
    report: &mut Report,
) -> Result<(), CommandError> {
    if yes || report.confirm(plan, subject, false) {
        return Ok(());
    }
    Err(CommandError::not_confirmed())
}

/// Asks whether this machine is the right one, before changes are made, unless
/// `--yes` or `--here` says so.
fn confirm_here(
    global: &Global,
    ready: &Ready,
    &cli::Apply { yes, here, .. }: &cli::Apply,
    report: &mut Report,
) -> Result<(), CommandError> {
    let Ready { context, plan, .. } = ready;
    let spec = context.spec().filter(|_| context.is_mail_server() && !here);
    let Some(elsewhere) = spec.and_then(|spec| elsewhere(global, spec, !yes, report)) else {
        return confirm(plan, &context.subject(), yes, report);
    };
    let mail = context.mail.as_deref().unwrap_or(Path::new("mail.yml"));
    let bootstrap = elsewhere.bootstrap(mail, report.reach());
    let says = elsewhere.says();
    if yes {
        report.note(&format!(
            "{says} It becomes the mail server now, as --yes was given. The other one: {bootstrap}\n"
        ));
        return Ok(());
    }
    report.prompt(&format!(
        "{says}\nTo set that one up: {bootstrap}\nThese changes would make this machine the mail \
         server.\n"
    ));
    let word = elsewhere.hostname;
    let typed = report.ask_line(Question::Word { word: word.clone() });
    if typed.is_some_and(|typed| typed.eq_ignore_ascii_case(&word)) {
        return Ok(());
    }
    Err(CommandError::not_confirmed())
}

/// Asks to leave the mail of removed accounts out of sight, which the general
/// yes does not cover.
pub(super) fn leave(
    plan: &Plan,
    yes: bool,
    leave_mail: bool,
    report: &mut Report,
) -> Result<(), CommandError> {
    let names: Vec<&str> =
        plan.affected.iter().filter(|it| it.asks).map(|it| it.account.as_str()).collect();
    if names.is_empty() || leave_mail {
        return Ok(());
    }
    let word = if let [name] = names[..] { name } else { "leave-mail" };
    let is_agreed = |report: &mut Report| {
        let answer = report.ask_line(Question::Word { word: word.to_owned() });
        answer.is_some_and(|answer| answer.trim() == word)
    };
    if !yes && report.can_ask() && is_agreed(report) {
        return Ok(());
    }
    let message = format!("the mail of {} would be out of sight", names.join(", "));
    let advice = "The plan says how to bring the mail along. To leave it where it is: mailprov \
                  apply --leave-mail";
    Err(CommandError::usage(message).hinted(advice))
}
