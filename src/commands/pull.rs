//! `mailprov pull`: replaces the mail.yml here by that of a host.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::{CommandError, Exit, on};
use crate::app::received::{FOLDER, MAIL};
use crate::app::{self, folder};
use crate::cli::{Global, Pull};
use crate::diagnostic::Source;
use crate::local;
use crate::mail::Files;
use crate::report::{Report, is_yes};
use crate::secret::Secret;
use crate::services::{self, ReferencedKind};
use crate::wire::{MailBundle, PlaintextSecret};

/// Fetches the mail.yml of a host and the password files beside it, shows the
/// differences, and replaces the files here.
pub(super) fn run(
    global: &Global,
    options: &Pull,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if !options.yes && !report.can_ask() {
        let message = "there is no terminal to ask on, so nothing was fetched";
        return Err(CommandError::usage(message).hinted("Pass --yes to replace what is here."));
    }
    let (exit, text) = on::fetch(global, options, report)?;
    let Some(text) = text.filter(|_| exit == Exit::Done) else { return Ok(exit) };
    let host = &options.host;
    let refused =
        |why: String| CommandError::invalid(format!("what {host} sent is not taken: {why}"));
    let bundle: MailBundle = serde_json::from_str(&text)
        .map_err(|_| refused("it is not a mail.yml with its files".into()))?;
    let name = format!("{host}:{MAIL}");
    let source = Arc::new(Source { name, text: bundle.text.0.expose().clone() });
    may_be_written(&source, &bundle.files).map_err(refused)?;
    app::parse(&source, &Files::sent(Path::new(FOLDER), &bundle.files))?;
    let differs = show(&options.mail, &source, &bundle, report)?;
    if differs.is_empty() {
        report.note(&format!("{} is as on {host} already.\n", options.mail.display()));
        return Ok(Exit::Done);
    }
    let question = "Write these files? [y/N]";
    if !options.yes && !report.ask_here(question).is_some_and(|answer| is_yes(&answer)) {
        return Err(CommandError::not_confirmed());
    }
    for (path, text) in &differs {
        local::replace_private(path, text.0.expose()).map_err(|error| {
            CommandError::failed(format!("could not write {}", path.display()))
                .because(error)
                .after_changes()
                .hinted("The files shown before it are written.")
        })?;
    }
    report.note(&format!("{} is now as on {host}.\n", options.mail.display()));
    Ok(Exit::Done)
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

/// Shows the differences to the files here, and returns the files to write.
fn show<'p>(
    mail: &Path,
    source: &Arc<Source>,
    bundle: &'p MailBundle,
    report: &mut Report,
) -> Result<Vec<(PathBuf, &'p PlaintextSecret)>, CommandError> {
    let mut differs = Vec::new();
    let unreadable = |path: &Path, error: std::io::Error| {
        CommandError::failed(format!("could not read {}", path.display())).because(error)
    };
    let text_of = |path: &Path| match local::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, error)),
    };
    let here = text_of(mail)?;
    if here.as_ref() != Some(bundle.text.0.expose()) {
        let name = mail.display().to_string();
        let (old, new) = services::masked_texts(here.as_deref().unwrap_or_default(), &source.text)
            .unwrap_or_default();
        report.edited(&name, &old, &new);
        differs.push((mail.to_owned(), &bundle.text));
    }
    for (path, text) in &bundle.files {
        let place = folder(mail).join(path);
        let here = text_of(&place)?;
        if here.as_ref() != Some(text.0.expose()) {
            let old = if here.is_some() { "«secret»\n" } else { "" };
            report.edited(&place.display().to_string(), old, "«new secret»\n");
            differs.push((place, text));
        }
    }
    Ok(differs)
}

/// Sends the mail.yml of this host, with the password files beside it, to the
/// machine that asks.
pub(super) fn hand_over(report: &mut Report) -> Result<Exit, CommandError> {
    let text = app::read(Path::new(MAIL))?;
    let source = Arc::new(Source { name: MAIL.into(), text });
    let mut files = BTreeMap::new();
    for file in services::referenced_files(&source).into_iter().filter(|it| is_password(it.kind)) {
        if is_beside(&file.path) {
            let text = app::read(&Path::new(FOLDER).join(&file.path))?;
            files.insert(file.path, PlaintextSecret(Secret::new(text)));
        } else {
            let path = file.path.display();
            report.note(&format!("{path} does not lie beside mail.yml, so it stays here.\n"));
        }
    }
    let text = PlaintextSecret(Secret::new(source.text.clone()));
    let bundle = MailBundle { name: MAIL.into(), text, files };
    let failed = || CommandError::failed(format!("could not send {MAIL}"));
    let text = serde_json::to_string(&bundle).map_err(|error| failed().because(error))?;
    report.keep(Path::new(MAIL), text).map_err(|error| failed().because(error))?;
    Ok(Exit::Done)
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
