//! Reports after a rollback that mail.yml still declares what was rolled back.
//! It is the user's file, so it is not changed.

use std::sync::Arc;

use super::run::Say;
use super::{Context, MailSource, find, folder};
use crate::cli::Global;
use crate::diagnostic::Source;
use crate::local;
use crate::mail::Files;
use crate::services;

/// Reports that the mail.yml in its usual place differs from the state after a
/// rollback. If it does not, returns it.
pub(crate) fn left_behind(global: &Global, say: Say<'_>) -> Option<Context> {
    if global.playbook.is_some() {
        return None;
    }
    let path = find(None).ok()??;
    let text = local::read_text(&path).ok()?;
    let source = Arc::new(Source { name: path.display().to_string(), text });
    // A file with mistakes declares nothing.
    if services::load(&source, &Files::beside(folder(&path))).is_err() {
        return None;
    }
    let loaded = Context::load(global, MailSource::Here(Some(&path)));
    let planned = loaded
        .as_ref()
        .map_err(|_| ())
        .and_then(|loaded| loaded.compare().map_err(drop))
        .map(|plan| plan.changes.len());
    let asks = match planned {
        Ok(0) => return loaded.ok(),
        Ok(1) => "1 change".to_owned(),
        Ok(many) => format!("{many} changes"),
        Err(_) => "another host than this is now".to_owned(),
    };
    say(&format!(
        "{0} stays as it is, and asks for {asks}: the next `mailprov apply` makes them again. \
         `mailprov plan` shows what that is; edit {0} first where it is not wanted.",
        path.display()
    ));
    None
}
