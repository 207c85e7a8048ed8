//! Keeps passwords that people chose when the host goes back to a former state: none jumps
//! back with it.

use std::path::Path;

use super::own::{FOLDER, OwnPasswords};
use super::users::{Accounts, USERS, with_own};
use crate::engine::Change;
use crate::host::{self, Content, Host};
use crate::resource::{Key, State};

/// Changes a way back so that each own password that is there stays, and stays in force.
pub(crate) fn keep_own_passwords(host: &Host, changes: &mut Vec<Change>) -> host::Result<()> {
    let own = OwnPasswords::read(host)?;
    let accounts = Accounts::read(host)?;
    let is_users = |change: &Change| change.key == Key::File(USERS.into());
    for change in changes.iter_mut().filter(|change| is_users(change)) {
        if let State::File { blob, .. } = &mut change.after {
            blob.content = Content::new(with_own(&blob.content.text(), &own, &accounts));
        }
    }
    // One that a run removed comes back, unless the person has chosen another since.
    let is_newer = |change: &Change| {
        let is_own = change.key.path().is_some_and(|path| path.parent() == Some(Path::new(FOLDER)));
        is_own && change.before != State::Absent
    };
    changes.retain(|change| !is_newer(change) && !change.after.is_met_by(&change.before));
    Ok(())
}
