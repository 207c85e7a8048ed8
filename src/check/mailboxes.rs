//! Checks that the owner of the mailboxes can use their folders. Mail that was
//! restored as root, or under another user's number, can neither be read nor
//! delivered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::finding::Finding;
use crate::host::{Error, Host, Result, Standing};

/// The user that owns all mail.
const OWNER: &str = "vmail";

/// The number of mailboxes that are named.
const SHOWN: usize = 3;

/// An obstacle to an account's mail, and the remedy.
type Fault = (String, String);

/// Judges the homes of accounts, given with the names of the accounts, and the
/// mailboxes in them. The first mail creates a missing home.
pub(super) fn judge<'a>(
    finding: Finding,
    host: &Host,
    homes: impl Iterator<Item = (&'a str, PathBuf)>,
) -> Option<Finding> {
    // If there is no such user, the plan says so.
    let Ok(Some(owner)) = host.user(OWNER) else { return None };
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (account, home) in homes {
        let above = home.parent().map(Path::to_owned);
        let new_above = above.filter(|above| seen.insert(above.clone()));
        match fault(host, owner.uid, new_above.as_deref(), &home) {
            Ok(fault) => faults.extend(fault.map(|fault| (account, fault))),
            // The targets of links that the owner of the mail made are not examined.
            Err(Error::PlantedLink { .. }) => {}
            Err(error) => {
                return Some(finding.not_checked(error.to_string(), "See: ls -la /var/vmail"));
            }
        }
    }
    if faults.is_empty() {
        return Some(finding);
    }
    let more = faults.len().saturating_sub(SHOWN);
    let told = faults.into_iter().take(SHOWN).map(|(account, (what, remedy))| {
        (format!("{what}: {account} can neither receive nor read mail"), remedy)
    });
    let (mut lines, remedies): (Vec<_>, Vec<_>) = told.unzip();
    if more > 0 {
        lines.push(format!("and {more} more mailboxes"));
    }
    Some(finding.wrong(lines.join("\n"), remedies.join("; ")))
}

/// Returns the first obstacle to an account's mail: at the folder `above` its
/// home, if that is to be examined, at the home itself, or at the mailbox in
/// it.
fn fault(host: &Host, uid: u32, above: Option<&Path>, home: &Path) -> Result<Option<Fault>> {
    let mailbox = home.join("Maildir");
    for path in above.into_iter().chain([home, &mailbox]) {
        let shown = path.display();
        let fault = match host.standing(path)? {
            Some(standing) if !standing.is_folder => {
                Some((format!("{shown} is not a directory"), format!("move {shown} away")))
            }
            Some(standing) => closed(host, uid, path, standing),
            None => dangling(host, path)?,
        };
        if fault.is_some() {
            return Ok(fault);
        }
    }
    // The mailbox's folders, and Dovecot's files beside them.
    for name in host.list(&mailbox)? {
        let path = mailbox.join(name);
        if let Some(standing) = host.standing(&path)?
            && let Some(fault) = closed(host, uid, &path, standing)
        {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

/// Returns the fault if the owner of the mailboxes cannot use an entry.
fn closed(host: &Host, uid: u32, path: &Path, standing: Standing) -> Option<Fault> {
    // Dovecot creates some of its own files without write permission.
    let needed = if standing.is_folder { 0o700 } else { 0o400 };
    let shown = path.display();
    let all = if standing.is_folder { "-R " } else { "" };
    if standing.uid != uid {
        let owner = host.user_name(standing.uid);
        let remedy = format!("chown {all}{OWNER}:{OWNER} {shown}");
        return Some((format!("{shown} belongs to {owner}"), remedy));
    }
    let what = format!("{shown} has the mode {:04o}", standing.mode);
    (standing.mode & needed != needed).then(|| (what, format!("chmod {all}u+rwX {shown}")))
}

/// Returns the fault if the path is a link that leads nowhere.
fn dangling(host: &Host, path: &Path) -> Result<Option<Fault>> {
    match host.folder_behind(path) {
        Err(Error::LinkToNoDirectory { path, target }) => {
            let (path, target) = (path.display(), target.display());
            let what = format!("{path} is a link to {target}, where there is nothing");
            Ok(Some((what, "mount the disk that it is on".into())))
        }
        other => other.map(|_| None),
    }
}
