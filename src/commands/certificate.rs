//! `mailprov certificate renew`: orders the certificates, or renews them.

use super::{CommandError, Exit, load};
use crate::app::{MailSource, Renewal};
use crate::cli::{Global, Renew};
use crate::report::Report;
use crate::services::certificate::Renewed;

/// Orders each certificate that is due, or that no authority has issued yet.
pub(super) fn renew(
    global: &Global,
    source: MailSource<'_>,
    options: &Renew,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let how = match options {
        Renew { new_key: true, .. } => Renewal::WithNewKey,
        Renew { if_due: true, .. } => Renewal::IfDue,
        _ => Renewal::AtOnce,
    };
    let mut failed = None;
    for (name, renewed) in load(global, source, report)?.renew_certificates(how)? {
        report.renewed(&name, &renewed);
        match (failure(renewed, options.if_due), &failed) {
            (Ok(note), _) => report.note(&note.unwrap_or_default()),
            (Err(error), None) => failed = Some(error),
            // The first is the one of mail, if it failed as well.
            (Err(error), Some(_)) => report.error(&error, ""),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(Exit::Done),
    }
}

/// Returns a note, if there is something to say, or the failure.
fn failure(renewed: Renewed, if_due: bool) -> Result<Option<String>, CommandError> {
    match renewed {
        Renewed::NotDue { .. } | Renewed::Issued { .. } => Ok(None),
        // The timer has nothing to do yet.
        Renewed::Blocked(obstacle) if if_due => {
            Ok(Some(format!("No certificate is ordered: {}.\n{}\n", obstacle.why, obstacle.remedy)))
        }
        Renewed::Blocked(obstacle) => {
            Err(CommandError::failed(format!("no certificate was ordered: {}", obstacle.why))
                .hinted(obstacle.remedy))
        }
        Renewed::Unpublished(record) => Err(CommandError::failed(
            "the new key waits until its record is published beside the present one",
        )
        .hinted(format!("Publish: {}", record.zone_line()))
        .hinted(
            "Resolvers keep the records that they know for an hour. After that, run this again.",
        )),
        Renewed::Refused(why) => {
            Err(CommandError::failed(format!("no certificate was issued: {why}")).hinted(
                "The one that is there is still shown. It is ordered again in an hour or later; \
                 at once: mailprov certificate renew",
            ))
        }
    }
}
