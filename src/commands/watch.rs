//! `mailprov watch`: what `plan` and `check` have to say, and a mail about it.

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

/// What takes a mail from a program of the host (sendmail(1)).
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// Who gets it where mail.yml cannot say: whoever looks after the host.
const ROOT: &str = "root";

/// Looks, and tells: who asked, or whoever gets the system's mail.
pub(super) fn run(
    global: &Global,
    options: &cli::Watch,
    wanted: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    // The plan tells of the configuration, and more of it.
    let rest = checks::ALL.iter().copied().filter(|it| it.name() != "configuration").collect();
    let all = cli::Check { mail: options.mail.clone(), only: rest, ..cli::Check::default() };
    let plan = |report: &mut Report| end(plan::run(global, wanted, None, true, report), "", report);
    let check = |report: &mut Report| end(check::run(global, &all, wanted, report), "", report);
    if !options.by_mail {
        return Ok(outcome(plan(report), check(report)));
    }
    // Of a plan each word counts; of a check what is not as it must be.
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
        // The next time will tell, or there is something to be said to who asked, not to others.
        exit @ (Exit::Busy | Exit::NeedsRoot | Exit::Usage) => {
            report.text(&text);
            Ok(exit)
        }
        _ => tell(global, wanted, &text, report),
    }
}

/// How it is, from how both ended.
fn outcome(planned: Exit, checked: Exit) -> Exit {
    match (planned, checked) {
        (Exit::Done, Exit::Done) => Exit::Done,
        (_, Exit::Busy | Exit::NeedsRoot | Exit::Usage | Exit::Invalid) => checked,
        _ => Exit::Changes,
    }
}

/// Keeps what is said, instead of showing it.
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

/// Sends the text; where nobody takes it, it is shown.
fn tell(
    global: &Global,
    wanted: MailSource<'_>,
    text: &str,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    // What is wrong with mail.yml is in the text already.
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
