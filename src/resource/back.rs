//! How a change is taken back: by what stood at the paths that it touched, by
//! another change of the same key, or not at all.

use super::mailbox::Place;
use super::service::ServiceState;
use super::service_back;
use super::{Key, State, View, table};
use crate::host::Result;

/// The way back from one change.
#[derive(Debug)]
pub enum Back {
    /// Before the paths are put back: what must not see them change.
    First(State),
    /// By this state.
    To(State),
    /// After the paths are put back: what lives by them, under this key.
    Last(Key, State),
    /// By this state of another key, in its place among the others.
    Instead(Key, State),
    /// By one state before all else changes, and by another after it.
    Around(State, State),
    /// The paths are all there is to it.
    Paths,
    /// By its removal, if that is wanted; else it stays.
    Purge,
    /// By installing it again, as it was.
    Return(State),
    /// There is no way back; this stays, in a sentence.
    Stays(String),
}

/// Returns what lives by `files` without standing in any journal, and how it is
/// to be once they are as `view` shows them: to be put right after them.
///
/// # Errors
///
/// Fails where a look fails.
pub fn living_by(files: &[&Key], view: &View<'_>) -> Result<Vec<(Key, State)>> {
    let mut found = table::compiled_from(view, files)?;
    found.extend(service_back::loading(view, files)?);
    Ok(found)
}

/// Tells the way back from a change of `key`, which was `before`, was to be
/// `after` and is `now`. `view` shows the paths as they will be.
///
/// # Errors
///
/// Fails where a look fails.
pub fn back(
    key: &Key,
    before: &State,
    after: &State,
    now: &State,
    view: &View<'_>,
) -> Result<Back> {
    Ok(match (key, before) {
        (Key::File(_) | Key::Table(_) | Key::Certificate(_) | Key::Original(_), _) => Back::Paths,
        (Key::Group(_) | Key::User(_), before) => Back::To(before.clone()),
        (Key::Handover(handover), _) => {
            Back::Instead(Key::Handover(handover.reversed()), State::Done)
        }
        (Key::Mailbox(_), State::Mailbox(_)) if matches!(now, State::Mailbox(_)) => {
            Back::Around(State::Mailbox(Place::Both), State::Mailbox(Place::Old))
        }
        (Key::Mailbox(removal), _) => Back::Stays(format!(
            "the mailbox {} stays, since something is in {}",
            removal.to.display(),
            removal.from.display()
        )),
        (Key::Package(_), before) if before == now => Back::Paths,
        // What was damaged and is mended stays so.
        (Key::Package(_), State::Package { missing, .. })
            if !missing.is_empty() && *now != State::Absent =>
        {
            Back::Paths
        }
        (Key::Package(_), State::Absent) => Back::Purge,
        (Key::Package(_), before) if *now == State::Absent => Back::Return(before.clone()),
        (Key::Package(name), _) => Back::Stays(match (before, now) {
            (
                State::Package { version: Some(was), .. },
                State::Package { version: Some(is), .. },
            ) if was != is => format!("the package {name} stays at {is}; it was {was}"),
            _ => format!("the package {name} stays as it is now"),
        }),
        (Key::Command(command), _) => {
            Back::Stays(format!("what `{}` did stays", command.argv.join(" ")))
        }
        (Key::Service(key), State::Service(before @ ServiceState { running: true, .. })) => {
            match service_back::back_to_running(before, after, now, view)? {
                Some(state) => Back::Last(Key::Service(key.as_it_was(before, view)?), state),
                None => Back::Paths,
            }
        }
        // One that was not there may be by now, as its package stays: it is kept from starting.
        (Key::Service(_), before) if *now != State::Absent => {
            let enabled = matches!(before, State::Service(ServiceState { enabled: true, .. }));
            Back::First(State::Service(ServiceState::stopped(enabled)))
        }
        (Key::Service(_), _) => Back::Paths,
    })
}
