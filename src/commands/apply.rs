//! `mailprov apply`.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Instant;

use super::load::load;
use super::{Exit, Stop};
use crate::cli::Global;
use crate::engine::{self, Lock};
use crate::host::Host;
use crate::report::Report;
use crate::resource;

/// Brings the host into the state that mail.yml describes.
pub(super) fn run(
    global: &Global,
    mail: Option<&Path>,
    yes: bool,
    report: &mut Report,
) -> Result<Exit, Stop> {
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    if !yes && !can_ask {
        let message = "there is no terminal to ask on, so nothing was changed";
        let advice = "Read the plan (mailprov plan), then pass --yes.";
        return Err(Stop::new(Exit::Usage, message, advice));
    }
    let loaded = load(global, mail, report)?;
    if !Host::is_root() {
        let message = "only root may change this host";
        return Err(Stop::new(Exit::NeedsRoot, message, "Run it with sudo; `plan` works without."));
    }
    let _lock = Lock::take(&loaded.host, "apply")?;
    resource::tidy(&loaded.host)?;
    let plan = loaded.plan(report)?;
    report.plan(&plan, &loaded.subject());
    if plan.changes.is_empty() {
        return Ok(Exit::Done);
    }
    if !yes && !report.ask("Make these changes?") {
        return Err(Stop::new(Exit::Failed, "not confirmed", "Nothing was changed."));
    }
    let start = Instant::now();
    engine::apply(&loaded.host, &plan, &mut |event| report.event(&event)).map_err(|failure| {
        let advice = format!(
            "{} of {} changes were made before this one. Mend the cause and run `mailprov apply` \
             again: it goes on from here.",
            failure.made,
            plan.changes.len()
        );
        Stop::new(Exit::Failed, failure.to_string(), advice)
    })?;
    report.applied(plan.changes.len(), start.elapsed());
    Ok(Exit::Done)
}
