//! The mail.yml of a host and the password files that lie beside it, on their way
//! back to where they are edited.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::received::{FOLDER, MAIL};
use super::{folder, parse, read};
use crate::command_error::CommandError;
use crate::diagnostic::Source;
use crate::local;
use crate::mail::Files;
use crate::secret::Secret;
use crate::services::{self, ReferencedKind};
use crate::wire::{MailBundle, PlaintextSecret};

/// A mail.yml that a host sent, without a mistake.
pub(crate) struct Pulled {
    bundle: MailBundle,
    source: Arc<Source>,
}

/// A file here that is another one than on the host.
pub(crate) struct Differing<'p> {
    pub(crate) path: PathBuf,
    /// Both versions, as they may be seen.
    pub(crate) masked: (String, String),
    text: &'p PlaintextSecret,
}

impl Pulled {
    /// Takes what a host sent, if it may be written here.
    pub(crate) fn parse(text: &str, host: &str) -> Result<Self, CommandError> {
        let refused =
            |why: String| CommandError::invalid(format!("what {host} sent is not taken: {why}"));
        let bundle: MailBundle = serde_json::from_str(text)
            .map_err(|_| refused("it is not a mail.yml with its files".into()))?;
        let name = format!("{host}:{MAIL}");
        let source = Arc::new(Source { name, text: bundle.text.0.expose().clone() });
        may_be_written(&source, &bundle.files).map_err(refused)?;
        parse(&source, &Files::sent(Path::new(FOLDER), &bundle.files))?;
        Ok(Self { bundle, source })
    }

    /// Compares it with the files here, `mail` and those beside it.
    pub(crate) fn differing(&self, mail: &Path) -> Result<Vec<Differing<'_>>, CommandError> {
        let text_of = |path: &Path| match local::read_text(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let message = format!("could not read {}", path.display());
                Err(CommandError::failed(message).because(error))
            }
        };
        let Self { bundle, source } = self;
        let mut differing = Vec::new();
        let here = text_of(mail)?;
        if here.as_ref() != Some(bundle.text.0.expose()) {
            let here = here.as_deref().unwrap_or_default();
            let masked = services::masked_texts(here, &source.text).unwrap_or_default();
            differing.push(Differing { path: mail.to_owned(), masked, text: &bundle.text });
        }
        for (path, text) in &bundle.files {
            let path = folder(mail).join(path);
            let here = text_of(&path)?;
            if here.as_ref() != Some(text.0.expose()) {
                let old = if here.is_some() { "«secret»\n" } else { "" };
                let masked = (old.into(), "«new secret»\n".into());
                differing.push(Differing { path, masked, text });
            }
        }
        Ok(differing)
    }
}

impl Differing<'_> {
    /// Puts the host's version in its place.
    pub(crate) fn write(&self) -> Result<(), CommandError> {
        local::replace_private(&self.path, self.text.0.expose()).map_err(|error| {
            CommandError::not_written(&self.path, error)
                .after_changes()
                .hinted("The files shown before it are written.")
        })
    }
}

/// Packs the mail.yml of this host. Also returns the password files that stay here,
/// as they do not lie beside it.
pub(crate) fn hand_over() -> Result<(String, Vec<PathBuf>), CommandError> {
    let text = read(Path::new(MAIL))?;
    let source = Arc::new(Source { name: MAIL.into(), text });
    let (mut files, mut left) = (BTreeMap::new(), Vec::new());
    for file in services::referenced_files(&source).into_iter().filter(|it| is_password(it.kind)) {
        if is_beside(&file.path) {
            let text = read(&Path::new(FOLDER).join(&file.path))?;
            files.insert(file.path, PlaintextSecret(Secret::new(text)));
        } else {
            left.push(file.path);
        }
    }
    let text = PlaintextSecret(Secret::new(source.text.clone()));
    let bundle = MailBundle { name: MAIL.into(), text, files };
    let text = serde_json::to_string(&bundle)
        .map_err(|error| CommandError::failed(format!("could not send {MAIL}")).because(error))?;
    Ok((text, left))
}

/// Rejects files that mail.yml does not name or that are not beside it, since
/// the host chooses what is written here.
fn may_be_written(
    source: &Arc<Source>,
    files: &BTreeMap<PathBuf, PlaintextSecret>,
) -> Result<(), String> {
    let named = services::referenced_files(source);
    for (path, text) in files {
        let shown = crate::visible::visible(path.display().to_string());
        if !is_beside(path) {
            return Err(format!("{shown} does not lie beside its mail.yml"));
        }
        let Some(file) = named.iter().find(|it| it.path == *path && is_password(it.kind)) else {
            return Err(format!("its mail.yml names no password file {shown}"));
        };
        file.judge(text.0.expose()).map_err(|invalid| invalid.message)?;
    }
    Ok(())
}

fn is_beside(path: &Path) -> bool {
    let is_name = |part: Component<'_>| matches!(part, Component::Normal(_));
    path.components().count() > 0 && path.components().all(is_name)
}

fn is_password(kind: ReferencedKind) -> bool {
    matches!(kind, ReferencedKind::Hash | ReferencedKind::Secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_writes_only_what_its_mail_yml_names_beside_it() {
        let hash = "{SHA512-CRYPT}$6$urnbXEj0hISg5pM0$g9g569mITDaxS.YITMi5RzPHxGLOKrjdyuAkHGlV5Km8GsflP1S62BhFr9NXPedOc5MgU94KdZ2/zb2ba/QeN0";
        let judge = |named: &str, path: &str, text: &str| {
            let mail = format!(
                "hostname: mail.example.org\ndomains: [example.org]\naccounts:\n  anna: \
                 {{password_file: {named}}}\n"
            );
            let source = Arc::new(Source { name: "mail.yml".into(), text: mail });
            let file = PlaintextSecret(Secret::new(text.into()));
            may_be_written(&source, &[(PathBuf::from(path), file)].into())
        };
        assert_eq!(judge("secrets/anna", "secrets/anna", hash), Ok(()));
        for (named, path, text) in [
            ("secrets/anna", "secrets/other", hash),
            ("../anna", "../anna", hash),
            ("/etc/passwd", "/etc/passwd", hash),
            ("anna", "anna", "not a hash"),
            (".", ".", hash),
        ] {
            assert!(judge(named, path, text).is_err(), "{named} {path}");
        }
    }
}
