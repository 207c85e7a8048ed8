//! Bundles a mail.yml for sending, with the local files that it names.

use std::collections::BTreeSet;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::command_error::CommandError;
use crate::diagnostic::{Diagnostic, Source};
use crate::local;
use crate::mail::{Files, Invalid};
use crate::resource::{key_belongs, read_certificate};
use crate::secret::Secret;
use crate::services::{self, ReferencedFile, ReferencedKind};
use crate::wire::{MailBundle, PlaintextSecret};

/// Bundles the mail.yml `source` in `folder` with the files that it names. If
/// all files are here, finds the mistakes before connecting; a missing password
/// file may be on the host already, and is judged there. Never sends a file
/// that is not of the type that mail.yml says, since anyone who may edit
/// mail.yml could name any file.
///
/// # Errors
///
/// Returns the mistakes in mail.yml, or the files that cannot be sent.
pub(crate) fn pack(source: &Arc<Source>, folder: &Path) -> Result<Bundled, CommandError> {
    let named = services::referenced_files(source);
    let mut found: Vec<(&ReferencedFile, String)> = Vec::new();
    let mut all_here = true;
    for file in &named {
        match read(folder, &file.path) {
            Ok(Some(text)) => found.push((file, text)),
            Ok(None) => all_here &= is_of_tls(file) || !file.path.is_absolute(),
            Err(error) => {
                let advice = "Use a path below the folder of mail.yml, or a whole one.";
                return Err(error.hinted(advice));
            }
        }
    }
    let mut mistakes: Vec<Diagnostic> = found
        .iter()
        .filter_map(|(file, text)| {
            let Invalid { message, help } = file.judge(text).err()?;
            Some(Diagnostic::new(source, file.span.clone(), message).help(help))
        })
        .collect();
    mistakes.extend(judge_pair(source, &mut found));
    if all_here && let Err(more) = services::load(source, &Files::beside(folder)) {
        return Err(CommandError::mistakes(more));
    }
    if !mistakes.is_empty() {
        return Err(CommandError::mistakes(mistakes));
    }
    let outside = found.iter().map(|(file, _)| &file.path);
    let outside = outside.filter(|path| !local::is_below(folder, &folder.join(path)));
    let outside = outside.cloned().collect();
    let files = found
        .into_iter()
        .map(|(file, text)| (file.path.clone(), PlaintextSecret(Secret::new(text))));
    let text = PlaintextSecret(Secret::new(source.text.clone()));
    let bundle = MailBundle { name: source.name.clone(), text, files: files.collect() };
    Ok(Bundled { bundle, outside })
}

fn is_of_tls(file: &ReferencedFile) -> bool {
    matches!(file.kind, ReferencedKind::Certificate | ReferencedKind::Key)
}

/// Judges certificate and key if both are here. One alone cannot be judged, and
/// is not sent.
fn judge_pair(
    source: &Arc<Source>,
    found: &mut Vec<(&ReferencedFile, String)>,
) -> Option<Diagnostic> {
    let of = |kind| found.iter().find(|(file, _)| file.kind == kind);
    let pair = (of(ReferencedKind::Certificate), of(ReferencedKind::Key));
    let (Some((certificate, chain)), Some((key, private))) = pair else {
        found.retain(|(file, _)| !is_of_tls(file));
        return None;
    };
    let (file, message) = match key_belongs(chain.as_bytes(), private.as_bytes()) {
        Some(true) => return None,
        _ if read_certificate(chain.as_bytes()).is_none() => (certificate, "holds no certificate"),
        Some(false) => (key, "is not the key of the certificate"),
        None => (key, "holds no private key of a certificate"),
    };
    let message = format!("{} {message}", file.path.display());
    let help = "only a certificate and its key are sent: name the two files that hold them";
    Some(Diagnostic::new(source, file.span.clone(), message).help(help))
}

/// A mail.yml with the files to send.
#[derive(Debug)]
pub(crate) struct Bundled {
    pub(crate) bundle: MailBundle,
    /// The files that are outside the folder of mail.yml, after following
    /// links.
    pub(crate) outside: BTreeSet<PathBuf>,
}

/// Reads a file that a mail.yml names; returns `None` if it is not here.
fn read(folder: &Path, path: &Path) -> Result<Option<String>, CommandError> {
    let shown = path.display();
    if path.components().any(|part| part == Component::ParentDir) {
        let why = format!("`{shown}` cannot be sent: it leads out of the folder of mail.yml");
        return Err(CommandError::failed(why));
    }
    match local::read_text(&folder.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Such as a key that only root may read, which the host may have itself.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(None),
        Err(error) => Err(CommandError::failed(format!("could not read `{shown}`")).because(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "{SHA512-CRYPT}$6$urnbXEj0hISg5pM0$g9g569mITDaxS.YITMi5RzPHxGLOKrjdyuAkHGlV5Km8GsflP1S62BhFr9NXPedOc5MgU94KdZ2/zb2ba/QeN0";

    fn packed(folder: &Path, password_file: &str) -> Result<Bundled, CommandError> {
        let text = format!(
            "hostname: mail.example.org\ndomains: [example.org]\n\
             accounts: {{anna: {{password_file: {password_file}}}}}\n"
        );
        pack(&Arc::new(Source { name: "mail.yml".into(), text }), folder)
    }

    #[test]
    fn local_files_go_along_and_those_of_the_host_do_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("anna"), HASH).unwrap();
        let Bundled { bundle, outside } = packed(folder.path(), "anna").unwrap();
        assert_eq!(bundle.files[Path::new("anna")].0.expose(), HASH);
        assert!(outside.is_empty());
        let Bundled { bundle, .. } = packed(folder.path(), "/nowhere/anna").unwrap();
        assert!(bundle.files.is_empty());
    }

    #[test]
    fn a_file_outside_is_known_also_behind_a_link() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let far = other.path().join("anna");
        std::fs::write(&far, HASH).unwrap();
        std::os::unix::fs::symlink(&far, folder.path().join("link")).unwrap();
        for path in ["link", far.to_str().unwrap()] {
            let Bundled { outside, .. } = packed(folder.path(), path).unwrap();
            assert_eq!(outside, [PathBuf::from(path)].into());
        }
    }

    #[test]
    fn a_file_that_is_no_hash_is_not_sent_whatever_else_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("token");
        std::fs::write(&secret, "a token of something else\n").unwrap();
        let text = format!(
            "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  anna: \
             {{password_file: /nowhere}}\n  bob: {{password_file: {}}}\n",
            secret.display()
        );
        let source = Arc::new(Source { name: "mail.yml".into(), text });
        let error = pack(&source, folder.path()).unwrap_err();
        assert_eq!(error.diagnostics()[0].position().0, 5);
    }

    #[test]
    fn a_mistake_is_found_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mistakes = |file: &str| packed(folder.path(), file).unwrap_err().diagnostics().len();
        assert_eq!(mistakes("bob"), 1);
        std::fs::write(folder.path().join("anna"), "cleartext").unwrap();
        assert_eq!(mistakes("anna"), 1);
        assert_eq!(mistakes("../anna"), 0);
    }
}
