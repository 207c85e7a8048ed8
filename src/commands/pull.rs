//! `mailprov pull`: replaces the mail.yml here by that of a host.

use std::path::Path;

use super::{CommandError, Exit, on};
use crate::app::received::MAIL;
use crate::app::{self, Pulled};
use crate::cli::{Global, Pull};
use crate::report::Report;
use crate::wire::is_yes;

/// Fetches the mail.yml of a host and the password files beside it, shows the
/// differences, and replaces the files here.
pub(super) fn run(
    global: &Global,
    options: &Pull,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let Pull { host, mail, .. } = options;
    if !options.yes && !report.can_ask() {
        let message = "there is no terminal to ask on, so nothing was fetched";
        return Err(CommandError::usage(message).hinted("Pass --yes to replace what is here."));
    }
    let (exit, text) = on::fetch(global, options, report)?;
    let Some(text) = text.filter(|_| exit == Exit::Done) else { return Ok(exit) };
    let pulled = Pulled::parse(&text, &host.to_string())?;
    let differing = pulled.differing(mail)?;
    for file in &differing {
        let (old, new) = &file.masked;
        report.edited(&file.path.display().to_string(), old, new);
    }
    if differing.is_empty() {
        report.note(&format!("{} is as on {host} already.\n", mail.display()));
        return Ok(Exit::Done);
    }
    let question = "Write these files? [y/N]";
    if !options.yes && !report.ask_here(question).is_some_and(|answer| is_yes(&answer)) {
        return Err(CommandError::not_confirmed());
    }
    differing.iter().try_for_each(|file| file.write())?;
    report.note(&format!("{} is now as on {host}.\n", mail.display()));
    Ok(Exit::Done)
}

/// Sends the mail.yml of this host, with the password files beside it, to the
/// machine that asks.
pub(super) fn hand_over(report: &mut Report) -> Result<Exit, CommandError> {
    let (text, left) = app::hand_over()?;
    for path in left {
        let path = path.display();
        report.note(&format!("{path} does not lie beside mail.yml, so it stays here.\n"));
    }
    report
        .save(Path::new(MAIL), text)
        .map_err(|error| CommandError::failed(format!("could not send {MAIL}")).because(error))?;
    Ok(Exit::Done)
}
