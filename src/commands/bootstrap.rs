//! `mailprov bootstrap`: from a laptop to a bare host.

use super::load::{find, no_mail_yml};
use super::{Exit, Stop, on};
use crate::cli::{Bootstrap, Global};
use crate::remote::{Audience, Program};
use crate::report::Report;

/// Brings the program and mail.yml to a host, and applies it there.
pub(super) fn run(
    global: &Global,
    bootstrap: &Bootstrap,
    report: &mut Report,
) -> Result<Exit, Stop> {
    super::apply::can_confirm(bootstrap.yes, report)?;
    let exit = bring(global, bootstrap, Report::told_to_stop, report)?;
    if exit == Exit::Done {
        let host = &bootstrap.host;
        report.note(&format!(
            "{host} now looks after itself: /usr/local/bin/mailprov and /etc/mailprov/mail.yml \
             are there.\nFrom here: mailprov plan --on {host}\n"
        ));
    }
    Ok(exit)
}

/// Brings them, and says no more than the host does. `told_to_stop` tells
/// whoever presses Ctrl-C what comes of it.
pub(super) fn bring(
    global: &Global,
    bootstrap: &Bootstrap,
    told_to_stop: fn(),
    report: &mut Report,
) -> Result<Exit, Stop> {
    let mail = find(bootstrap.mail.mail.as_deref()).ok_or_else(no_mail_yml)?;
    let program = match &bootstrap.binary {
        Some(path) => Program::read(path)?,
        None => Program::own()?,
    };
    let audience = Audience::new(report);
    let parcel = on::pack(&mail, &audience)?;
    on::bring(global, bootstrap, &program, parcel, told_to_stop, &audience)
}
