//! Finds the mailboxes that a plan would put out of sight, since their accounts
//! get another home or go. Moves a mailbox where its new owner is certain; else
//! reports where the mail stays and how to move it.

use std::collections::{BTreeMap, HashSet};

use crate::command_error::CommandError;
use crate::engine::{self, Plan};
use crate::host::Host;
use crate::intent::{Affected, Mailbox, mailboxes};
use crate::mail::Name;
use crate::resource::{Key, Place, Removal, State};
use crate::services::Spec;

/// Dovecot's list of accounts.
const USERS: &str = "/etc/dovecot/users";

/// Its first line if mailprov wrote it.
const OURS: &str = "# Written by mailprov";

/// The folder below which mailprov may move mailboxes.
const HOMES: &str = "/var/vmail";

/// An account that a command is about to rename.
pub(crate) struct Renamed {
    pub(crate) old: Name,
    pub(crate) new: Name,
}

/// Adds the effects on mailboxes to a plan.
pub(crate) fn follow(
    host: &Host,
    spec: &Spec,
    renamed: Option<&Renamed>,
    plan: &mut Plan,
) -> Result<(), CommandError> {
    let users = Key::File(USERS.into());
    let text = |state: &State| match state {
        State::File { blob, .. } => String::from_utf8_lossy(blob.content.bytes()).into_owned(),
        _ => String::new(),
    };
    let change = plan.changes.iter().find(|change| change.key == users);
    // Another server's mailboxes are reported, but are no reason to ask.
    let is_ours = change.is_some_and(|it| text(&it.before).starts_with(OURS));
    let Some((before, after)) =
        change.map(|it| (mailboxes(&text(&it.before)), mailboxes(&text(&it.after))))
    else {
        return finish(host, plan);
    };
    let homes = |rows: &[Mailbox]| rows.iter().map(|row| row.home.clone()).collect::<HashSet<_>>();
    let (old, new) = (homes(&before), homes(&after));
    let mut going = Vec::new();
    for row in before.iter().filter(|row| !new.contains(&row.home)) {
        // The mail behind a link is counted at its target.
        let mailbox =
            host.folder_behind(&row.home).ok().flatten().unwrap_or_else(|| row.home.clone());
        let (mails, bytes) = host.count_mail(&mailbox.join("Maildir"))?;
        if mails > 0 {
            going.push((row.clone(), mails, bytes));
        }
    }
    let coming: Vec<&Mailbox> = after.iter().filter(|row| !old.contains(&row.home)).collect();
    let names = names(spec, renamed);
    let mut moved = Vec::new();
    let mut taken = HashSet::new();
    for (row, mails, bytes) in &going {
        let alike = |it: &Mailbox| it.local == row.local && it.hash == row.hash;
        let is_alone = going.iter().filter(|(it, ..)| alike(it)).count() == 1;
        let heir = coming.iter().find(|it| {
            let is_renamed = names.contains(&(row.local.clone(), it.local.clone()));
            let is_same_place = it.domain == row.domain;
            let is_same = it.local == row.local && is_alone;
            it.hash == row.hash && (is_same || is_renamed && is_same_place)
        });
        let removal = heir.map(|heir| Removal { from: row.home.clone(), to: heir.home.clone() });
        let removal = match removal {
            Some(it) if is_free(host, &it)? && taken.insert(it.to.clone()) => Some(it),
            _ => None,
        };
        let mut affected = affected(row, *mails, *bytes, removal.as_ref(), &coming);
        affected.asks &= is_ours;
        plan.affected.push(affected);
        moved.extend(removal);
    }
    for removal in moved {
        let key = Key::Mailbox(removal);
        let now = crate::resource::observe(host, &key)?;
        let ways = [
            ("Let the new place lead to the mailbox", now, Place::Both, false),
            ("Move the mailbox", State::Mailbox(Place::Both), Place::New, true),
        ];
        for (step, before, place, is_behind) in ways {
            let after = State::Mailbox(place);
            if before != after {
                plan.put_beside(&users, is_behind, step, key.clone(), before, after);
            }
        }
    }
    Ok(())
}

/// Describes the effect on the mail of one account.
fn affected(
    row: &Mailbox,
    mails: u64,
    bytes: u64,
    removal: Option<&Removal>,
    coming: &[&Mailbox],
) -> Affected {
    let account = row.login();
    let count = format!("{mails} mail{}", if mails == 1 { "" } else { "s" });
    let (home, size) = (row.home.display(), size(bytes));
    let advice = match removal {
        Some(_) => String::new(),
        None => match coming.iter().find(|it| it.hash == row.hash || it.local == row.local) {
            Some(heir) if heir.local == row.local => format!(
                "the new home is {0}. To bring the mail along while nothing is there: mv {home} {0}",
                heir.home.display()
            ),
            Some(heir) => format!(
                "if {0} is the same person, the mail comes along once {0} has the alias {1}, as \
                 by: mailprov account rename {1} {0}",
                heir.local, row.local
            ),
            None => format!("it is there again once an account `{}` is", row.local),
        },
    };
    let text = match removal {
        Some(removal) => {
            format!("{account}: {count} ({size}) move from {home} to {}", removal.to.display())
        }
        None => format!(
            "{account}: {count} ({size}) stay in {home}, which no account will have; {advice}"
        ),
    };
    Affected {
        account,
        home: row.home.clone(),
        mails,
        bytes,
        moves_to: removal.map(|removal| removal.to.clone()),
        // Removing an account alone is intended; removing one while adding others may be a
        // renaming.
        asks: removal.is_none() && !coming.is_empty(),
        text,
    }
}

/// Returns the old and new names of renamed accounts: by the command, or by the
/// aliases that keep the old name.
fn names(spec: &Spec, renamed: Option<&Renamed>) -> HashSet<(String, String)> {
    let local = |name: &Name| name.local().as_str().to_owned();
    let aliases = spec.directory.accounts.iter().flat_map(|account| {
        let new = local(&account.name.value);
        account.aliases.iter().map(move |alias| (local(&alias.value), new.clone()))
    });
    aliases.chain(renamed.map(|it| (local(&it.old), local(&it.new)))).collect()
}

/// Returns whether a mailbox can be moved to its new place at once.
fn is_free(host: &Host, removal: &Removal) -> Result<bool, CommandError> {
    if ![&removal.from, &removal.to].iter().all(|home| home.starts_with(HOMES)) {
        return Ok(false);
    }
    let now = crate::resource::observe(host, &Key::Mailbox(removal.clone()))?;
    if !matches!(now, State::Mailbox(Place::Old | Place::Both)) {
        return Ok(false);
    }
    let mut above = removal.to.parent().unwrap_or(&removal.to);
    while !host.exists(above)? {
        let Some(next) = above.parent() else { break };
        above = next;
    }
    Ok(host.can_trade(&removal.from, above)?)
}

/// Completes the moves of an interrupted run whose accounts were changed
/// already.
fn finish(host: &Host, plan: &mut Plan) -> Result<(), CommandError> {
    let Ok(Some(run)) = engine::last_run(host) else { return Ok(()) };
    if !run.is_cut_off() {
        return Ok(());
    }
    let keys: BTreeMap<String, &Key> =
        run.records.iter().map(|record| (record.key.to_string(), &record.key)).collect();
    for key in keys.into_values().filter(|key| matches!(key, Key::Mailbox(_))) {
        let now = crate::resource::observe(host, key)?;
        if now == State::Mailbox(Place::Both) {
            let after = State::Mailbox(Place::New);
            plan.put_beside(key, true, "Move the mailbox", key.clone(), now, after);
        }
    }
    Ok(())
}

/// Formats a number of bytes, rounded.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_said_in_the_largest_unit() {
        assert_eq!([size(9), size(2048), size(3 << 20)], ["9 bytes", "2 KiB", "3 MiB"]);
    }
}
