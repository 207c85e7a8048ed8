//! `mailprov cloud-init`: writes the user-data for a host that is yet to be
//! rented.

use std::path::Path;

use super::{CommandError, Exit, on};
use crate::app::{folder, found, parse, received, source};
use crate::cli::CloudInit;
use crate::diagnostic::Diagnostic;
use crate::mail::Files;
use crate::remote::{Program, user_data};
use crate::report::Report;
use crate::services::Spec;

/// The limit of AWS, in bytes; others allow more.
const LIMIT: usize = 16 * 1024;

pub(super) fn run(options: &CloudInit, report: &mut Report) -> Result<Exit, CommandError> {
    let path = found(options.mail.mail.as_deref())?;
    report.from(&path);
    let source = source(&path)?;
    let spec = parse(&source, &Files::beside(folder(&path)))?;
    let mistakes = unfit(&spec);
    if !mistakes.is_empty() {
        return Err(CommandError::mistakes(mistakes));
    }
    let bundle = on::pack(&path, report)?.bundle;
    let program = match &options.binary {
        Some(path) => Program::read(path)?,
        None => Program::own()?,
    };
    let text = user_data(&bundle, Path::new(received::FOLDER), &options.url, &program.digest);
    report.note(&format!(
        "{} must lead to the program with the SHA-256 {}.\n",
        options.url, program.digest
    ));
    if text.len() > LIMIT {
        report.note("This is more than 16 KiB; some providers take no more user-data than that.\n");
    }
    report.raw(&text);
    Ok(Exit::Done)
}

/// Finds the files that a host cannot have at its first boot, and the secrets
/// that must not be in user-data.
fn unfit(spec: &Spec) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    if let Some(login) = spec.services.relay.as_ref().and_then(|relay| relay.login.as_ref()) {
        let message = "the password for the relay would stand in the user-data, in the clear";
        let help = "every program that may ask the provider's metadata service can read that: leave `relay` \
                    out, and add it with `mailprov bootstrap` once the host is there";
        mistakes.push(Diagnostic::new(&spec.source, login.place.clone(), message).help(help));
    }
    if !spec.services.certificate.is_managed() {
        let message = "these files are not there yet when a host boots for the first time";
        let help = "write `tls: acme`, or `tls: self_signed` for the time being: a private key \
                    must not stand in user-data";
        let place = spec.services.certificate.certificate.span.clone();
        mistakes.push(Diagnostic::new(&spec.source, place, message).help(help));
    }
    mistakes
}
