//! A mail.yml from another machine: it and the files that it names become files
//! of this host, before all other steps.

use std::path::{Path, PathBuf};

use crate::command_error::CommandError;
use crate::digest::Digest;
use crate::engine;
use crate::host::{self, Entry, Host};
use crate::playbook::Declared;
use crate::resource::{Key, Resource, State};
use crate::services::certificate;
use crate::wire::MailBundle;

/// The folder of a host's mail.yml and the files beside it.
pub(crate) const FOLDER: &str = "/etc/mailprov";

pub(crate) const MAIL: &str = "/etc/mailprov/mail.yml";

const STEP: &str = "mail.yml and the files that it names";

/// Describes who last changed the mail.yml of this host, if it differs from the
/// one that was sent, so that the user knows before replacing it. `moment`
/// formats a time.
pub(crate) fn changed_by(
    bundle: &MailBundle,
    host: &Host,
    moment: fn(i64) -> String,
) -> Option<String> {
    // If it cannot be read, the plan reports that.
    changed_last(bundle, host, moment).ok().flatten()
}

fn changed_last(
    bundle: &MailBundle,
    host: &Host,
    moment: fn(i64) -> String,
) -> host::Result<Option<String>> {
    let path = Path::new(MAIL);
    let Some(Entry::File { content, ownership }) = host.entry(path)? else { return Ok(None) };
    let Some(stamp) = host.stamp(path)? else { return Ok(None) };
    if content.bytes() == bundle.text.0.expose().as_bytes() {
        return Ok(None);
    }
    let key = Key::File(path.to_owned());
    let runs = engine::runs(host)?;
    let records = runs.iter().rev().flat_map(|run| run.records.iter().map(move |it| (run, it)));
    let last = records.into_iter().find(|(_, record)| record.key == key);
    let (owner, at) = (&ownership.owner, moment(stamp.modified));
    Ok(Some(match last {
        None => format!("{MAIL} was written on this host, by {owner} at {at}"),
        Some((run, record)) => {
            let is_of_run = matches!(
                &record.after,
                State::File { blob, .. } if blob.sha256 == Digest::of(content.bytes())
            );
            let number = run.number;
            match is_of_run {
                true => {
                    format!("{MAIL} is as run {number} left it ({} by {})", run.command, run.by)
                }
                false => {
                    format!("{MAIL} was changed on the host since run {number} by {owner}, at {at}")
                }
            }
        }
    }))
}

/// Returns the declarations of the sent files, and the paths of files that
/// stay: links on the host belong to the program that renews their targets.
pub(crate) fn declared(
    bundle: &MailBundle,
    tls: &certificate::Settings,
    host: &Host,
) -> Result<(Vec<Declared>, Vec<PathBuf>), CommandError> {
    let mut resources = Vec::new();
    let mut left = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    let all = bundle.files.iter().map(|(path, text)| (Path::new(FOLDER).join(path), text));
    for (path, text) in [(PathBuf::from(MAIL), &bundle.text)].into_iter().chain(all) {
        if let Some(Entry::Link { .. }) = host.entry(&path)? {
            left.push(path);
            continue;
        }
        let mut missing = Vec::new();
        for folder in path.ancestors().skip(1) {
            if host.exists(folder)? || folders.iter().any(|known| known == folder) {
                break;
            }
            missing.push(folder.to_owned());
        }
        for folder in missing.into_iter().rev() {
            let mode = if folder.starts_with(FOLDER) { 0o700 } else { 0o755 };
            resources.push(Resource::sent_directory(folder.clone(), mode));
            folders.push(folder);
        }
        let mode = if path == tls.certificate.value { 0o644 } else { 0o600 };
        resources.push(Resource::sent_file(path, text.0.expose(), mode));
    }
    // Files of an earlier mail.yml that this one does not name are removed, since they may be
    // secrets.
    let named: Vec<PathBuf> =
        bundle.files.keys().map(|path| Path::new(FOLDER).join(path)).collect();
    for path in engine::brought_by(host, STEP)? {
        let is_named = path == Path::new(MAIL) || named.contains(&path);
        if !is_named && matches!(host.entry(&path)?, Some(Entry::File { .. })) {
            resources.push(Resource::no_file(path));
        }
    }
    let declare = |resource| Declared { step: STEP.into(), resource, withdrawn: None };
    Ok((resources.into_iter().map(declare).collect(), left))
}
