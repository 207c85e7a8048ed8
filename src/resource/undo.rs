//! How a change is taken back: by what stood at the paths that it touched, by
//! another change of the same key, or not at all.

use super::mailbox::Place;
use super::service::ServiceState;
use super::{Key, Overlay, State, service, table};
use crate::host::Result;

/// The way back from one change.
#[derive(Debug)]
pub enum Undo {
    /// Before the paths are put back: what must not see them change.
    Before(State),
    /// By this state.
    Restore(State),
    /// After the paths are put back: what lives by them, under this key.
    After(Key, State),
    /// By this state of another key, in its place among the others.
    Instead(Key, State),
    /// By one state before all else changes, and by another after it.
    Around(State, State),
    /// The paths are all there is to it.
    FilesOnly,
    /// By its removal, if that is wanted; else it stays.
    Purge,
    /// By installing it again, as it was.
    Reinstall(State),
    /// There is no way back; this stays, in a sentence.
    Irreversible(String),
}

/// Returns what lives by `files` without standing in any journal, and how it is
/// to be once they are as `view` shows them: to be put right after them.
///
/// # Errors
///
/// Fails where a look fails.
pub fn dependents_of(files: &[&Key], view: &Overlay<'_>) -> Result<Vec<(Key, State)>> {
    let mut found = table::compiled_from(view, files)?;
    found.extend(service::loading(view, files)?);
    Ok(found)
}

/// Tells the way back from a change of `key`, which was `before`, was to be
/// `after` and is `now`. `view` shows the paths as they will be.
///
/// # Errors
///
/// Fails where a look fails.
pub fn undo(
    key: &Key,
    before: &State,
    after: &State,
    now: &State,
    view: &Overlay<'_>,
) -> Result<Undo> {
    Ok(match (key, before) {
        (Key::File(_) | Key::Table(_) | Key::Certificate(_) | Key::Original(_), _) => {
            Undo::FilesOnly
        }
        (Key::Group(_) | Key::User(_), before) => Undo::Restore(before.clone()),
        (Key::Handover(handover), _) => {
            Undo::Instead(Key::Handover(handover.reversed()), State::Done)
        }
        (Key::Mailbox(_), State::Mailbox(_)) if matches!(now, State::Mailbox(_)) => {
            Undo::Around(State::Mailbox(Place::Both), State::Mailbox(Place::Old))
        }
        (Key::Mailbox(removal), _) => Undo::Irreversible(format!(
            "the mailbox {} stays, since something is in {}",
            removal.to.display(),
            removal.from.display()
        )),
        (Key::Package(_), before) if before == now => Undo::FilesOnly,
        // What was damaged and is mended stays so.
        (Key::Package(_), State::Package { missing, .. })
            if !missing.is_empty() && *now != State::Absent =>
        {
            Undo::FilesOnly
        }
        (Key::Package(_), State::Absent) => Undo::Purge,
        (Key::Package(_), before) if *now == State::Absent => Undo::Reinstall(before.clone()),
        (Key::Package(name), _) => Undo::Irreversible(match (before, now) {
            (
                State::Package { version: Some(was), .. },
                State::Package { version: Some(is), .. },
            ) if was != is => format!("the package {name} stays at {is}; it was {was}"),
            _ => format!("the package {name} stays as it is now"),
        }),
        (Key::Command(command), _) => {
            Undo::Irreversible(format!("what `{}` did stays", command.argv.join(" ")))
        }
        (Key::Service(key), State::Service(before @ ServiceState { running: true, .. })) => {
            match service::back_to_running(before, after, now, view)? {
                Some(state) => Undo::After(Key::Service(key.as_it_was(before, view)?), state),
                None => Undo::FilesOnly,
            }
        }
        // One that was not there may be by now, as its package stays: it is kept from starting.
        (Key::Service(_), before) if *now != State::Absent => {
            let enabled = matches!(before, State::Service(ServiceState { enabled: true, .. }));
            Undo::Before(State::Service(ServiceState::stopped(enabled)))
        }
        (Key::Service(_), _) => Undo::FilesOnly,
    })
}
