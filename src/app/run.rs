//! A host that is about to be changed: locked, planned, changed.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::plan::{Planned, Say};
use super::{Context, MailSource, Renamed, received};
use crate::command_error::{CommandError, ErrorKind};
use crate::diagnostic::Diagnostic;
use crate::engine::{self, Event, Lock, LockError, Plan, Run, SavedPlan};
use crate::host::Host;
use crate::reach::Reach;

/// A plan for a host that no other run changes meanwhile.
pub(crate) struct Ready {
    pub(crate) context: Context,
    pub(crate) plan: Plan,
    /// Mistakes that did not keep it from being made, and what it does about them.
    pub(crate) warnings: Option<(Vec<Diagnostic>, &'static str)>,
    _lock: Lock,
    last: Option<Run>,
    /// Looks whether mail may leave a host that is new to us, while it is planned.
    outward: Option<JoinHandle<Option<bool>>>,
}

impl Ready {
    /// Takes the lock, and plans; goes on from where an earlier run was cut off.
    /// `moment` formats a time.
    pub(crate) fn plan(
        mut context: Context,
        source: MailSource<'_>,
        renamed: Option<Renamed>,
        moment: fn(i64) -> String,
        say: Say<'_>,
    ) -> Result<Self, CommandError> {
        context.renamed = renamed;
        let lock = lock(&context.host, "apply")?;
        let mut outward = None;
        if let MailSource::Sent(bundle) = source {
            received::changed_by(bundle, &context.host, moment).iter().for_each(|it| say(it));
            outward =
                (!context.has_relay()).then(|| std::thread::spawn(Host::port_25_is_open_outward));
        }
        let last = engine::last_run(&context.host)?;
        if let Some(run) = last.as_ref().filter(|run| run.is_cut_off()) {
            say(&format!(
                "Run {} was cut off before its end; this goes on from where it left the host.",
                run.number
            ));
            context.look_closely()?;
        }
        engine::cleanup(&context.host, last.as_ref(), &mut |text| say(text))?;
        let Planned { plan, warnings } = context.plan(say)?;
        Ok(Self { context, plan, warnings, _lock: lock, last, outward })
    }

    /// Fails unless a saved plan makes the same changes.
    pub(crate) fn check(&self, saved: &SavedPlan, reach: &Reach) -> Result<(), CommandError> {
        saved.check(&self.plan).map_err(|error| {
            let plan = reach.command(&["plan", "--out", "FILE"]);
            CommandError::of(ErrorKind::PlanMoved, error).hinted(format!("Make a new plan: {plan}"))
        })
    }

    /// Returns whether there is nothing to do, and records that.
    pub(crate) fn is_done(&self) -> Result<bool, CommandError> {
        if !self.plan.changes.is_empty() {
            return Ok(false);
        }
        settle(&self.context.host, self.last.as_ref())?;
        if self.plan.unseen.is_empty() {
            self.context.note();
        }
        Ok(true)
    }

    /// Reports what the user should know before agreeing.
    pub(crate) fn say_more(&mut self, say: Say<'_>) {
        self.context.forwards().iter().for_each(|it| say(it));
        let outward = self.outward.take();
        if outward.and_then(|outward| outward.join().ok()?) == Some(false) {
            say("Port 25 is closed outward: no mail leaves this host before its provider opens \
                 it. Ask them to, or set `relay:` in mail.yml.");
        }
    }

    /// Makes the changes; `deed` is the command that history names. Returns their
    /// number, and how long they took.
    pub(crate) fn make(
        &mut self,
        deed: &str,
        stop: &dyn Fn() -> bool,
        event: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(usize, Duration), CommandError> {
        // With ten thousand accounts it is large, so it is dropped before the checks.
        let plan = std::mem::take(&mut self.plan);
        let elapsed = make(&self.context.host, &plan, deed, stop, event)?;
        self.context.note();
        Ok((plan.changes.len(), elapsed))
    }
}

/// Takes the lock of a host, which needs root.
pub(super) fn lock(host: &Host, command: &str) -> Result<Lock, CommandError> {
    require_root()?;
    Ok(Lock::take(host, command)?)
}

/// Takes the lock as [`lock`] does, but waits some minutes for a run that holds it.
pub(super) fn lock_soon(host: &Host, command: &str) -> Result<Lock, CommandError> {
    /// Longer than any run that does not install packages.
    const PATIENCE: Duration = Duration::from_secs(5 * 60);
    const PAUSE: Duration = Duration::from_millis(500);

    let begun = Instant::now();
    require_root()?;
    loop {
        match Lock::take(host, command) {
            Err(LockError::Held(_)) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            taken => return Ok(taken?),
        }
    }
}

fn require_root() -> Result<(), CommandError> {
    if Host::is_root() {
        return Ok(());
    }
    let message = "only root may change this host";
    Err(CommandError::needs_root(message).hinted("Run it with sudo; `plan` works without."))
}

/// Records that an interrupted last run left nothing to do. It can still be
/// rolled back.
pub(super) fn settle(host: &Host, last: Option<&Run>) -> Result<(), CommandError> {
    match last.filter(|run| run.is_cut_off()) {
        Some(run) => Ok(run.settle(host)?),
        None => Ok(()),
    }
}

/// Makes the changes of a plan, and returns how long that took.
pub(super) fn make(
    host: &Host,
    plan: &Plan,
    deed: &str,
    stop: &dyn Fn() -> bool,
    event: &mut dyn FnMut(&Event<'_>),
) -> Result<Duration, CommandError> {
    let start = Instant::now();
    engine::apply(host, plan, deed, stop, &mut |it| event(&it)).map_err(|failure| {
        let advice = match &failure.left[..] {
            [] => "All that was done is undone: the host is as it was before this run. Mend the \
                   cause and run it again."
                .to_owned(),
            left => format!(
                "What was done is undone, except:\n  {}\nMend the cause and run it again.",
                left.join("\n  ")
            ),
        };
        CommandError::of(ErrorKind::Failed, failure).after_changes().hinted(advice)
    })?;
    Ok(start.elapsed())
}
