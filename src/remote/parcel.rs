//! A mail.yml made ready to be sent, with the files that it names and that lie
//! here.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

use super::Error;
use crate::diagnostic::{Diagnostic, Source};
use crate::local;
use crate::mail::{self, Files};
use crate::secret::Secret;
use crate::wire::{Exposed, Parcel};

/// Packs the mail.yml `source` with what it names; `folder` is where it lies.
/// Where all of that is here, its mistakes are found before anybody connects;
/// a password file that is not may be on the host already, and is judged there.
///
/// # Errors
///
/// Returns the mistakes in it, or what of it cannot be sent.
pub fn pack(source: &Arc<Source>, folder: &Path) -> Result<Parcel, Refused> {
    let named = mail::named(source);
    let mut files = BTreeMap::new();
    let mut all_here = true;
    for path in named.passwords.iter().chain(&named.tls) {
        match read(folder, path) {
            Ok(Some(text)) => drop(files.insert(path.clone(), Exposed(Secret::new(text)))),
            Ok(None) => all_here &= !named.passwords.contains(path) || !path.is_absolute(),
            Err(message) => {
                let advice = "Nothing was sent. Use a path below the folder of mail.yml, or a \
                              whole one.";
                return Err(Refused::Unsendable(Error::new(message, advice)));
            }
        }
    }
    if all_here {
        mail::load(source, &Files::beside(folder)).map_err(Refused::Mistakes)?;
    }
    let text = Exposed(Secret::new(source.text.clone()));
    Ok(Parcel { name: source.name.clone(), text, files })
}

/// Why a mail.yml is not sent.
#[derive(Debug)]
pub enum Refused {
    /// It is wrong.
    Mistakes(Vec<Diagnostic>),
    /// Something that it names cannot be sent.
    Unsendable(Error),
}

/// Reads a file that a mail.yml names; none where it is not here.
fn read(folder: &Path, path: &Path) -> Result<Option<String>, String> {
    let shown = path.display();
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(format!("`{shown}` cannot be sent: it leads out of the folder of mail.yml"));
    }
    match local::read_text(&folder.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Such as a key for root's eyes, which the host may have of its own.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(format!("could not read `{shown}`: {}", local::reason(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "{SHA512-CRYPT}$6$urnbXEj0hISg5pM0$g9g569mITDaxS.YITMi5RzPHxGLOKrjdyuAkHGlV5Km8GsflP1S62BhFr9NXPedOc5MgU94KdZ2/zb2ba/QeN0";

    fn packed(folder: &Path, password_file: &str) -> Result<Parcel, Refused> {
        let text = format!(
            "hostname: mail.example.org\ndomains: [example.org]\n\
             accounts: {{anna: {{password_file: {password_file}}}}}\n"
        );
        pack(&Arc::new(Source { name: "mail.yml".into(), text }), folder)
    }

    #[test]
    fn what_lies_here_goes_along_and_what_lies_there_does_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("anna"), HASH).unwrap();
        let parcel = packed(folder.path(), "anna").unwrap();
        assert_eq!(parcel.files[Path::new("anna")].0.expose(), HASH);
        let parcel = packed(folder.path(), "/nowhere/anna").unwrap();
        assert!(parcel.files.is_empty());
    }

    #[test]
    fn a_mistake_is_found_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(packed(folder.path(), "bob"), Err(Refused::Mistakes(_))));
        std::fs::write(folder.path().join("anna"), "cleartext").unwrap();
        assert!(matches!(packed(folder.path(), "anna"), Err(Refused::Mistakes(_))));
        assert!(matches!(packed(folder.path(), "../anna"), Err(Refused::Unsendable(_))));
    }
}
