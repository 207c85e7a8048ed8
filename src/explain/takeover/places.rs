//! Finds mail in the places of system users.

use super::{Loss, Old, some};

pub(super) fn losses(old: &Old<'_>) -> Option<Loss> {
    if old.spool.is_empty() {
        return None;
    }
    let all: Vec<String> = old
        .spool
        .iter()
        .map(|(name, bytes)| format!("{name} ({} KiB)", bytes.div_ceil(1024)))
        .collect();
    Some(Loss::new(
        format!(
            "There is mail in /var/mail: {}; it stays there, and is not in the new mailboxes",
            some(&all)
        ),
        "after `apply`, for each account: doveadm import -u NAME mbox:/var/empty:INBOX=/var/mail/USER \"\" ALL",
    ))
}
