//! Reports after a rollback that mail.yml still declares what was rolled back.
//! It is the user's file, so it is not changed.

use super::plan::Say;
use super::{Context, MailSource, find};
use crate::cli::Global;
use crate::command_error::ErrorKind;

/// Reports that the mail.yml in its usual place differs from the state after a
/// rollback. If it does not, returns it.
pub(crate) fn left_behind(global: &Global, say: Say<'_>) -> Option<Context> {
    if global.playbook.is_some() {
        return None;
    }
    let path = find(None).ok()??;
    let planned = match Context::load(global, MailSource::Here(Some(&path))) {
        // A file with mistakes declares nothing.
        Err(error) if error.kind == ErrorKind::Invalid => return None,
        loaded => loaded.and_then(|context| Ok((context.compare()?.changes.len(), context))),
    };
    let asks = match planned {
        Ok((0, context)) => return Some(context),
        Ok((1, _)) => "1 change".to_owned(),
        Ok((many, _)) => format!("{many} changes"),
        Err(_) => "another host than this is now".to_owned(),
    };
    say(&format!(
        "{0} stays as it is, and asks for {asks}: the next `mailprov apply` makes them again. \
         `mailprov plan` shows what that is; edit {0} first where it is not wanted.",
        path.display()
    ));
    None
}
