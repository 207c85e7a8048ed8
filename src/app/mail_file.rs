//! Finds and reads the files that the user names, mail.yml above all, and
//! explains failures.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::command_error::CommandError;
use crate::diagnostic::Source;
use crate::host::Host;
use crate::local::{self, Untrusted};
use crate::mail::Files;
use crate::services::{self, Spec};

/// The places of mail.yml where none is named, in order.
const PLACES: [&str; 2] = ["mail.yml", "/etc/mailprov/mail.yml"];

/// Returns the files that others than root may read, each with these others.
pub(crate) fn readable(secrets: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let open = |path: &PathBuf| {
        // If the readers cannot be determined, the file cannot be read either.
        let readers = local::readers(path).unwrap_or_default();
        readers.map(|who| (path.clone(), who))
    };
    secrets.iter().filter_map(open).collect()
}

/// Returns the absolute path of a file, for commands that change the current
/// folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(crate) fn no_mail_yml() -> CommandError {
    let message = format!("there is no {}", PLACES.join(" and no "));
    let advice = "Write one (`mailprov init`), or name yours: mailprov plan FILE";
    CommandError::invalid(message).hinted(advice)
}

/// Finds mail.yml: the named one, or the first that exists. Fails at a place
/// that this user may not read, which may hold one.
pub(crate) fn find(mail: Option<&Path>) -> Result<Option<PathBuf>, CommandError> {
    if let Some(mail) = mail {
        return Ok(Some(mail.to_owned()));
    }
    for place in PLACES.map(Path::new) {
        // A dangling link counts as existing.
        match local::look(place) {
            Ok(_) => return Ok(Some(place.to_owned())),
            Err(error) if is_absence(&error) => {}
            Err(error) => return Err(unreadable(place, &error)),
        }
    }
    Ok(None)
}

/// Returns whether an error says that a file does not exist.
pub(crate) fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// As [`find`], but fails if there is none.
pub(crate) fn found(mail: Option<&Path>) -> Result<PathBuf, CommandError> {
    find(mail)?.ok_or_else(no_mail_yml)
}

pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

pub(crate) fn source(path: &Path) -> Result<Arc<Source>, CommandError> {
    let bytes = local::read(path).map_err(|error| unreadable(path, &error))?;
    text(path, bytes)
}

pub(crate) fn parse(source: &Arc<Source>, files: &Files<'_>) -> Result<Spec, CommandError> {
    services::load(source, files).map_err(CommandError::mistakes)
}

/// Decodes the text of a mail.yml.
pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<Arc<Source>, CommandError> {
    let name = path.display().to_string();
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(Source { name, text })),
        Err(error) => {
            let mistake = services::not_text(&name, error.as_bytes());
            Err(CommandError::mistakes(mistake.into_iter().collect()))
        }
    }
}

pub(crate) fn read(path: &Path) -> Result<String, CommandError> {
    local::read_text(path).map_err(|error| unreadable(path, &error))
}

/// Reports that a file named by the user cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> CommandError {
    let shown = path.display();
    if let Some(Untrusted { reason, remedy }) = Untrusted::of(error) {
        return CommandError::invalid(reason).hinted(remedy);
    }
    if error.kind() == ErrorKind::PermissionDenied && !Host::is_root() {
        let message = format!("{shown} cannot be looked at by this user; use sudo");
        return CommandError::needs_root(message).hinted("Or name a file that you may read.");
    }
    CommandError::invalid(format!("could not read {shown}: {}", local::reason(error)))
}
