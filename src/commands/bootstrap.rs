//! `mailprov bootstrap`: from a laptop to a bare host.

use super::apply::Agreed;
use super::load::{find, no_mail_yml};
use super::{Exit, Stop, on};
use crate::cli::{Bootstrap, Global};
use crate::remote::Program;
use crate::report::Report;

/// Brings the program and mail.yml to a host, and applies it there.
pub(super) fn run(
    global: &Global,
    bootstrap: &Bootstrap,
    report: &mut Report,
) -> Result<Exit, Stop> {
    super::apply::can_confirm(bootstrap.yes, report)?;
    let mail = find(bootstrap.mail.mail.as_deref()).ok_or_else(no_mail_yml)?;
    let program = match &bootstrap.binary {
        Some(path) => Program::read(path)?,
        None => Program::own()?,
    };
    let host = &bootstrap.host;
    let parcel = on::pack(&mail, report)?;
    let stop = Report::told_to_stop;
    let (yes, leave_mail, no_check) = (bootstrap.yes, bootstrap.leave_mail, bootstrap.no_check);
    let agreed = Agreed { yes, leave_mail, no_check };
    let exit = on::bring(global, host, &program, parcel, agreed, stop, report)?;
    if exit == Exit::Done {
        report.note(&format!(
            "{host} now looks after itself: mailprov and /etc/mailprov/mail.yml are there.\n\
             From here: mailprov plan --on {host}\n"
        ));
    }
    Ok(exit)
}
