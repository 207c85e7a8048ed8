//! `mailprov certificate renew`: orders the certificate, or renews it.

use super::{CommandError, Exit, load};
use crate::app::{MailSource, Renewal};
use crate::cli::{Global, Renew};
use crate::report::Report;
use crate::services::certificate::Renewed;

/// Orders a certificate if the present one is due, or if there is none yet.
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
    let renewed = load(global, source, report)?.renew_certificate(how)?;
    report.renewed(&renewed);
    match renewed {
        Renewed::NotDue { .. } | Renewed::Issued { .. } => Ok(Exit::Done),
        // The timer has nothing to do yet.
        Renewed::Blocked(obstacle) if options.if_due => {
            report.note(&format!(
                "No certificate is ordered: {}.\n{}\n",
                obstacle.why, obstacle.remedy
            ));
            Ok(Exit::Done)
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
