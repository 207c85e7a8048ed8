//! `mailprov watch`: runs `plan` and `check`, and mails their reports.

use std::path::Path;
use std::sync::mpsc;

use super::{CommandError, Exit, check, end, plan};
use crate::app::{Context, MailSource};
use crate::check as checks;
use crate::cli::{self, Global};
use crate::host::{Host, Interruption};
use crate::reach::Reach;
use crate::report::Report;
use crate::wire::{Frame, Screen};

/// The program that accepts mail from programs of the host (sendmail(1)).
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// The recipient if mail.yml cannot be read.
const ROOT: &str = "root";

/// Runs both, and reports to the terminal or to the recipient of system mail.
pub(super) fn run(
    global: &Global,
    options: &cli::Watch,
    wanted: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    // The plan covers the configuration, in more detail.
    let rest = checks::ALL.iter().copied().filter(|it| it.name() != "configuration").collect();
    let all = cli::Check { mail: options.mail.clone(), only: rest, ..cli::Check::default() };
    let plan = |report: &mut Report| end(plan::run(global, wanted, None, true, report), "", report);
    let check = |report: &mut Report| end(check::run(global, &all, wanted, report), "", report);
    if !options.by_mail {
        return Ok(outcome(plan(report), check(report)));
    }
    // The mail has the whole plan, and only the failures of the checks.
    let (planned, changes) = kept(false, plan);
    let (checked, findings) = kept(true, check);
    let mut text = String::new();
    if planned != Exit::Done {
        text += &format!("`mailprov plan` says:\n\n{changes}\n");
    }
    if planned == Exit::Changes {
        text += "To have it as mail.yml says again: mailprov apply\n\n";
    }
    if checked != Exit::Done {
        text += &format!("`mailprov check` says:\n\n{findings}\n");
    }
    match outcome(planned, checked) {
        Exit::Done => Ok(Exit::Done),
        // A later run will tell, or the message is for the caller only.
        exit @ (Exit::Busy | Exit::NeedsRoot | Exit::Usage) => {
            report.text(&text);
            Ok(exit)
        }
        _ => tell(global, wanted, &text, report),
    }
}

/// Returns the exit code for those of both parts.
fn outcome(planned: Exit, checked: Exit) -> Exit {
    match (planned, checked) {
        (Exit::Done, Exit::Done) => Exit::Done,
        (_, Exit::Busy | Exit::NeedsRoot | Exit::Usage | Exit::Invalid) => checked,
        _ => Exit::Changes,
    }
}

/// Captures a report as text instead of printing it.
fn kept<T>(quiet: bool, say: impl FnOnce(&mut Report) -> T) -> (T, String) {
    let screen = Screen { quiet, ..Screen::default() };
    let ((frames, said), (_, answers)) = (mpsc::channel(), mpsc::channel());
    let mut report =
        Report::there((screen, Reach::default()), frames, answers, Interruption::default());
    let result = say(&mut report);
    drop(report);
    let texts = said.iter().filter_map(|frame| match frame {
        Frame::Out(text) | Frame::Err(text) => Some(text.shown(false)),
        _ => None,
    });
    (result, texts.collect())
}

/// Mails the text; if the mail is not accepted, prints it.
fn tell(
    global: &Global,
    wanted: MailSource<'_>,
    text: &str,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    // The text already describes the mistakes in mail.yml.
    let loaded = Context::load(global, wanted).ok();
    let host = loaded.as_ref().map_or("this host".into(), |loaded| loaded.subject());
    let spec = loaded.as_ref().and_then(|loaded| loaded.spec());
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
    let sent = Host::open(Path::new("/"))
        .and_then(|this| this.command([SENDMAIL, "-i", "--", &to]).run_with_input(mail.as_bytes()));
    sent.map(|()| Exit::Changes).map_err(|error| {
        report.text(text);
        CommandError::failed(format!("no mail could be sent to {to}"))
            .because(error)
            .hinted("What it was to say stands above.")
    })
}
