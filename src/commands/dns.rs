//! `mailprov dns`: prints the DNS records of the server.

use super::{CommandError, Exit, load};
use crate::app::{MailSource, no_mail_yml, published};
use crate::cli::{self, Global};
use crate::report::Report;

pub(super) fn run(
    global: &Global,
    options: &cli::Dns,
    source: MailSource<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let context = load(global, source, report)?;
    let spec = context.spec().ok_or_else(no_mail_yml)?;
    let (wanted, missing) = published(spec, &options.addresses, &context.host)?;
    report.records(&wanted.all(), &wanted.ptr_records(), missing.as_ref(), options.zone);
    report.notes(&wanted.missing);
    report.notes(context.forwards());
    Ok(Exit::Done)
}
