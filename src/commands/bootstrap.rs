//! `mailprov bootstrap`: sets up a bare host from another machine.

use std::sync::Arc;

use super::{CommandError, Exit, check, on};
use crate::app::found;
use crate::cli::{Apply, Bootstrap, Global};
use crate::remote::Program;
use crate::report::Report;

/// Sends the program and mail.yml to a host, applies mail.yml there, and checks
/// from here whether the host can be reached.
pub(super) fn run(
    global: &Global,
    bootstrap: &Bootstrap,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    super::apply::can_confirm(bootstrap.yes, report)?;
    let mail = found(bootstrap.mail.mail.as_deref())?;
    let program = match &bootstrap.binary {
        Some(path) => Program::read(path)?,
        None => Program::own()?,
    };
    let host = &bootstrap.host;
    let bundle = on::bundle_for(&mail, std::slice::from_ref(host), bootstrap.yes, report)?;
    let notice = Arc::new(report.stop_notice());
    let look = !bootstrap.no_check && global.playbook.is_none();
    let &Bootstrap { yes, leave_mail, no_check, .. } = bootstrap;
    let apply = Apply { yes, leave_mail, here: true, no_check, ..Apply::default() };
    let exit = on::bring(global, host, &program, bundle, (apply, look), notice, report)?;
    if exit == Exit::Done {
        if look {
            check::reachable_from_here(global, host, &mail, report);
        }
        let plan = report.reach().at(host).command(&["plan"]);
        report.note(&format!(
            "{host} now looks after itself: mailprov and /etc/mailprov/mail.yml are there.\n\
             From here: {plan}\n"
        ));
    }
    Ok(exit)
}
