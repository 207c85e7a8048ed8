//! The look of `watch` at a host, and the mail about it.

use std::path::Path;

use super::{Context, Planned, checks::Findings};
use crate::check;
use crate::command_error::{CommandError, Exit};
use crate::finding::{Finding, Verdict};
use crate::host::Host;

/// The program that accepts mail from programs of the host (sendmail(1)).
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// The recipient if mail.yml cannot be read.
const ROOT: &str = "root";

/// The plan and the findings of a host.
pub(crate) struct Watched {
    /// The notes about the plan.
    pub(crate) notes: Vec<String>,
    pub(crate) planned: Result<Planned, CommandError>,
    pub(crate) checked: Result<Findings, CommandError>,
}

impl Watched {
    /// Plans, then makes all checks.
    pub(crate) fn of(context: &Context) -> Self {
        let mut notes = Vec::new();
        let planned = context.plan(&mut |note| notes.push(note.to_owned()));
        Self { notes, planned, checked: checked(context) }
    }

    /// Returns the exit code of the plan.
    pub(crate) fn plan_exit(&self) -> Exit {
        match &self.planned {
            Ok(planned) if planned.plan.changes.is_empty() => Exit::Done,
            Ok(_) => Exit::Changes,
            Err(error) => error.kind.into(),
        }
    }

    /// Returns the exit code of the checks.
    pub(crate) fn check_exit(&self) -> Exit {
        let is_wrong = |finding: &Finding| finding.verdict == Verdict::Wrong;
        match &self.checked {
            Ok(found) if found.iter().any(|(_, all)| all.iter().any(is_wrong)) => Exit::Failed,
            Ok(_) => Exit::Done,
            Err(error) => error.kind.into(),
        }
    }

    /// Returns the exit code for those of both parts.
    pub(crate) fn exit(&self) -> Exit {
        match (self.plan_exit(), self.check_exit()) {
            (Exit::Done, Exit::Done) => Exit::Done,
            (_, exit @ (Exit::Busy | Exit::NeedsRoot | Exit::Usage | Exit::Invalid)) => exit,
            _ => Exit::Changes,
        }
    }
}

fn checked(context: &Context) -> Result<Findings, CommandError> {
    context.look_closely()?;
    context.refuse_tree()?;
    let _lock = context.lock_for_checks()?;
    // The plan covers the configuration, in more detail.
    let all = check::ALL.iter().copied().filter(|it| it.name() != "configuration");
    let mut found = Findings::new();
    context.examine(&all.collect::<Vec<_>>(), &mut |name, findings| {
        found.push((name, findings.to_vec()));
    })?;
    Ok(found)
}

/// Sends a text to the recipient of system mail, or to root if there is no context
/// that names one.
pub(crate) fn send_mail(context: Option<&Context>, text: &str) -> Result<(), CommandError> {
    let host = context.map_or("this host".into(), Context::subject);
    let spec = context.and_then(Context::spec);
    let address = spec.and_then(|spec| spec.directory.system_mail.as_ref());
    let to = address.map_or(ROOT.into(), ToString::to_string);
    let mail = format!(
        "To: {to}\n\
         Subject: mailprov: something is off at {host}\n\
         Auto-Submitted: auto-generated\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         \n\
         Something is not as it should be at {host}.\n\n{text}"
    );
    Host::open(Path::new("/"))
        .and_then(|this| this.command([SENDMAIL, "-i", "--", &to]).run_with_input(mail.as_bytes()))
        .map_err(|error| {
            CommandError::failed(format!("no mail could be sent to {to}"))
                .because(error)
                .hinted("What it was to say stands above.")
        })
}
