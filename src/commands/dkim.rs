//! `mailprov dkim rotate`: changes the keys that sign mail.

use std::thread;
use std::time::{Duration, Instant};

use super::apply::{can_confirm, confirm, make, prepare};
use super::{CommandError, Exit, load};
use crate::app::{KeyChange, MailSource};
use crate::cli::{Global, Rotate};
use crate::report::Report;

/// How long the DNS is left alone between two look-ups.
const PAUSE: Duration = Duration::from_secs(15);

/// The longest time that a request to stop, or the end of a connection, is not noticed.
const TICK: Duration = Duration::from_millis(200);

/// Makes new keys, waits until their records are published, and has them sign.
pub(super) fn rotate(
    global: &Global,
    source: MailSource<'_>,
    options: &Rotate,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if !options.no_wait {
        can_confirm(options.yes, report)?;
    }
    let change = KeyChange::begin(load(global, source, report)?, &options.domains)?;
    report.records(&change.records(), &[], None, false);
    let again = report.reach().command(&["dkim", "rotate"]);
    if let Some(why) = change.awaits() {
        if options.no_wait {
            report.note(&format!(
                "{why}. The former key signs until it does. Once the records are published: {again}\n"
            ));
            return Ok(Exit::Done);
        }
        report.note(&format!(
            "{why}. Waiting until it does; the former key signs meanwhile. You can stop this \
             (Ctrl-C), and go on later: {again}\n"
        ));
        wait(&change, &again, report)?;
    }
    change.finish()?;
    let Some(ready) = prepare(global, source, None, None, report)? else {
        return Ok(Exit::Done);
    };
    confirm(&ready.plan, &ready.context.subject(), options.yes, report).map_err(|error| {
        error.after_changes().hinted("The new key signs once this is applied: mailprov apply")
    })?;
    let exit = make(ready, "dkim rotate", true, report)?;
    report.note(
        "The new key signs. Keep the former record for a week, as mail that was signed by it is \
         still on its way; then remove it.\n",
    );
    Ok(exit)
}

fn wait(change: &KeyChange, again: &str, report: &Report) -> Result<(), CommandError> {
    loop {
        let next = Instant::now() + PAUSE;
        while Instant::now() < next {
            if !report.is_awaited() {
                let advice = format!("The new keys wait. Go on: {again}");
                return Err(CommandError::failed("stopped").after_changes().hinted(advice));
            }
            thread::sleep(TICK);
        }
        if change.awaits().is_none() {
            return Ok(());
        }
    }
}
