//! `mailprov apply`, and the steps that all commands share that change a host.

use std::time::Instant;

use super::dns::note_forwards;
use super::saved::Kept;
use super::{CommandError, Exit, check, here, plan_of, say, tell_who_changed};
use crate::app::{Context, MailSource, Renamed};
use crate::cli::Global;
use crate::command_error::ErrorKind;
use crate::engine::{self, Lock, Plan, Run, SavedPlan};
use crate::host::{Host, Interruption};
use crate::report::Report;
use crate::wire::Question;

/// Brings the host into the state that mail.yml describes.
pub(super) fn run(
    global: &Global,
    wanted: MailSource<'_>,
    kept: Option<Kept<'_>>,
    agreed: Agreed,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let Agreed { yes, leave_mail, here, no_check, .. } = agreed;
    can_confirm(yes, report)?;
    let saved = kept.map(Kept::read).transpose()?;
    let wanted = match wanted {
        MailSource::Here(mail) => {
            MailSource::Here(mail.or(saved.as_ref().and_then(|saved| saved.mail.as_deref())))
        }
        sent => sent,
    };
    let Some(ready) = prepare(global, wanted, saved.as_ref(), None, report)? else {
        return Ok(Exit::Done);
    };
    here::confirm(global, &ready, (yes, here), report)?;
    leave(&ready.plan, yes, leave_mail, report)?;
    ready.make(!no_check, report)
}

/// The consents given on the command line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Agreed {
    /// To make the changes without a question.
    pub(super) yes: bool,
    /// To leave the mail of removed accounts where it is.
    pub(super) leave_mail: bool,
    /// That this machine is the right one, whatever its name.
    pub(super) here: bool,
    /// To skip the check afterwards.
    pub(super) no_check: bool,
    /// That the other side checks from outside, and gives the verdict.
    pub(super) judged_here: bool,
}

/// A plan that was shown and can be applied.
pub(super) struct Ready {
    pub(super) context: Context,
    pub(super) plan: Plan,
    /// The command as history names it.
    pub(super) deed: String,
    _lock: Lock,
}

impl Ready {
    /// Applies the plan; then, if `check` is set, checks the server.
    pub(super) fn make(self, check: bool, report: &mut Report) -> Result<Exit, CommandError> {
        let Self { context, plan, deed, _lock } = self;
        let interruption = make(&context.host, &plan, &deed, report)?;
        // With ten thousand accounts it is large.
        drop(plan);
        context.note();
        if check {
            check::look_after(&context, &interruption, report);
        }
        Ok(Exit::Done)
    }
}

/// Plans, and shows the plan; returns `None` if there is nothing to do.
pub(super) fn prepare(
    global: &Global,
    wanted: MailSource<'_>,
    saved: Option<&SavedPlan>,
    renamed: Option<Renamed>,
    report: &mut Report,
) -> Result<Option<Ready>, CommandError> {
    let mut context = match saved {
        Some(_) => Context::load(global, wanted)?,
        None => Context::open(global, wanted)?,
    };
    say(&context, report);
    context.renamed = renamed;
    let lock = lock(&context.host, "apply")?;
    if let MailSource::Sent(bundle) = wanted {
        tell_who_changed(bundle, &context.host, report);
    }
    // Probes a host that is new to us, while planning.
    let outward = matches!(wanted, MailSource::Sent(_) if !context.has_relay())
        .then(|| std::thread::spawn(Host::port_25_is_open_outward));
    let last = engine::last_run(&context.host)?;
    if let Some(run) = last.as_ref().filter(|run| run.is_cut_off()) {
        report.note(&format!(
            "Run {} was cut off before its end; this goes on from where it left the host.\n",
            run.number
        ));
        context.look_closely()?;
    }
    engine::cleanup(&context.host, last.as_ref(), &mut |text| report.note(&format!("{text}\n")))?;
    let plan = plan_of(&context, report)?;
    if let Some(saved) = saved {
        saved.check(&plan).map_err(|error| {
            let plan = report.reach().command(&["plan", "--out", "FILE"]);
            CommandError::of(ErrorKind::PlanMoved, error).hinted(format!("Make a new plan: {plan}"))
        })?;
    }
    report.plan(&plan, &context.subject());
    if plan.changes.is_empty() {
        settle(&context.host, last.as_ref())?;
        if plan.unseen.is_empty() {
            context.note();
        }
        return Ok(None);
    }
    if let Some(spec) = context.spec() {
        note_forwards(spec, report);
    }
    if outward.and_then(|outward| outward.join().ok()?) == Some(false) {
        report.note(
            "Port 25 is closed outward: no mail leaves this host before its provider opens it. \
             Ask them to, or set `relay:` in mail.yml.\n",
        );
    }
    Ok(Some(Ready { context, plan, deed: "apply".into(), _lock: lock }))
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

/// Takes the lock of a host, which needs root.
pub(super) fn lock(host: &Host, command: &str) -> Result<Lock, CommandError> {
    if !Host::is_root() {
        let message = "only root may change this host";
        return Err(
            CommandError::needs_root(message).hinted("Run it with sudo; `plan` works without.")
        );
    }
    Ok(Lock::take(host, command)?)
}

/// Records that an interrupted last run left nothing to do. It can still be
/// rolled back.
pub(super) fn settle(host: &Host, last: Option<&Run>) -> Result<(), CommandError> {
    match last.filter(|run| run.is_cut_off()) {
        Some(run) => Ok(run.settle(host)?),
        None => Ok(()),
    }
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

/// Applies a plan. The returned value keeps handling signals until it is
/// dropped.
pub(super) fn make(
    host: &Host,
    plan: &Plan,
    command: &str,
    report: &mut Report,
) -> Result<Interruption, CommandError> {
    let start = Instant::now();
    let interruption = report.interruption()?;
    let stop = || interruption.is_asked();
    engine::apply(host, plan, command, &stop, &mut |event| report.event(&event)).map_err(
        |failure| {
            let advice = match &failure.left[..] {
                [] => {
                    "All that was done is undone: the host is as it was before this run. Mend the \
                       cause and run it again."
                        .to_owned()
                }
                left => format!(
                    "What was done is undone, except:\n  {}\nMend the cause and run it again.",
                    left.join("\n  ")
                ),
            };
            CommandError::of(ErrorKind::Failed, failure).after_changes().hinted(advice)
        },
    )?;
    report.applied(plan.changes.len(), start.elapsed());
    Ok(interruption)
}
