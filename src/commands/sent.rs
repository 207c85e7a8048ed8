//! A mail.yml that came from another machine: it and what it names are to be
//! files of this host, before all else.

use std::path::{Path, PathBuf};

use super::Stop;
use crate::engine;
use crate::host::{Entry, Host};
use crate::mail::Tls;
use crate::playbook::Declared;
use crate::resource::Resource;
use crate::wire::Parcel;

/// Where a host keeps its mail.yml, and what lies beside it.
pub(super) const FOLDER: &str = "/etc/mailprov";

/// Its mail.yml.
pub(super) const MAIL: &str = "/etc/mailprov/mail.yml";

const STEP: &str = "mail.yml and the files that it names";

/// Returns what is to be on the host, and the paths of files that are left as
/// they are: those that are links there belong to whoever renews them.
pub(super) fn declared(
    parcel: &Parcel,
    tls: &Tls,
    host: &Host,
) -> Result<(Vec<Declared>, Vec<PathBuf>), Stop> {
    let mut resources = Vec::new();
    let mut left = Vec::new();
    let mut folders: Vec<PathBuf> = Vec::new();
    let all = parcel.files.iter().map(|(path, text)| (Path::new(FOLDER).join(path), text));
    for (path, text) in [(PathBuf::from(MAIL), &parcel.text)].into_iter().chain(all) {
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
    // What an earlier mail.yml brought and this one does not name is of no use any more; it may
    // be a secret.
    let named: Vec<PathBuf> =
        parcel.files.keys().map(|path| Path::new(FOLDER).join(path)).collect();
    for path in engine::brought_by(host, STEP)? {
        let is_named = path == Path::new(MAIL) || named.contains(&path);
        if !is_named && matches!(host.entry(&path)?, Some(Entry::File { .. })) {
            resources.push(Resource::no_file(path));
        }
    }
    let declare = |resource| Declared { step: STEP.into(), resource };
    Ok((resources.into_iter().map(declare).collect(), left))
}
