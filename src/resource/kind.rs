//! The two traits that a kind of resource implements.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Assets, Key, Overlay, Said, State, Target, Undo, Withdrawal};
use crate::host::{Content, Host, Result};
use crate::yaml::{Decoder, KeySpec, Node};

/// The declaration of a step.
pub(super) trait Declaration: Sized {
    /// The words that declare one, each with its fields, for the decoder, the
    /// schema and the reference.
    const WORDS: &'static [KeySpec];

    /// Reads the fields of a step that declares one by `word`, after its
    /// templates are rendered.
    fn decode(word: &str, node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self>;

    /// Returns its keys with the states that they should be in. Undeclared
    /// attributes are taken from the current state.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>>;

    /// Rejects, before anything is changed, what apply would fail at, with the
    /// remedy.
    fn reject_obstacles(&self, _: &Overlay<'_>) -> Result<()> {
        Ok(())
    }

    /// Explains a target, where the states alone do not.
    fn reason(&self, _: &Target) -> Option<String> {
        None
    }

    /// Returns the keys that a service loads if this step notifies it.
    fn loadable(&self) -> Vec<Key> {
        Vec::new()
    }

    /// Returns the path and content of a file that is declared whole, and
    /// whether it is secret.
    fn declared_file(&self) -> Option<(&Path, &Content, bool)> {
        None
    }

    /// Returns the key of the one thing that it declares and that can be
    /// removed again, if any.
    fn key(&self) -> Option<Key> {
        None
    }

    /// Returns the fields of a step that locate what it left on the host;
    /// `None` for a kind that leaves it there, since others may have come to
    /// rely on it.
    fn found_by(_word: &str) -> Option<&'static [&'static str]> {
        None
    }

    /// Reads such fields: returns what a step left, and how to remove it.
    fn withdrawals(
        word: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Withdrawal>> {
        Withdrawal::by_absence(word, fields, assets, decoder)
    }

    /// Whether it may hold a secret even if the step does not say so.
    const HOLDS_SECRETS: bool = false;

    /// Returns what a step that declares something absent removes.
    fn withdrawn(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        self.targets(overlay)
    }

    /// Returns whether the program that reads it checks it once a second, so
    /// that what follows a change has to wait.
    fn is_polled(&self) -> bool {
        false
    }

    /// Returns the argument lists of the programs that planning runs.
    fn asks(&self) -> Vec<&[String]> {
        self.staged_checks()
            .map_or(&[][..], |(checks, _)| checks)
            .iter()
            .map(|it| &it.argv[..])
            .collect()
    }

    /// Returns the programs that judge files before one of them is put in
    /// place, and the files.
    fn staged_checks(&self) -> Option<(&[Check], &[Key])> {
        None
    }
}

/// A checker of configuration: a program that runs on staged copies of the
/// files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Check {
    pub argv: Vec<String>,
    /// Whether any output is a failure, and may quote what only root may read.
    #[serde(default)]
    pub strict: bool,
}

/// A kind of thing on a host: known by a key, in one of several states.
pub trait Thing {
    /// The part of a key before the colon.
    const NAME: &'static str;

    /// Identifies one: all that is needed to find and observe it.
    type Key;

    /// Describes one: plain data, compared as such. `()` for a kind that needs
    /// only the shared states.
    type State: PartialEq;

    /// Whether making one may change other things: a package brings files, a
    /// program may do anything.
    const HAS_SIDE_EFFECTS: bool = false;

    /// Returns the part of the key after the colon.
    fn name(key: &Self::Key) -> String;

    fn observe(host: &Host, key: &Self::Key) -> Result<State>;

    /// Changes one from its former state to the planned one.
    fn write(
        host: &Host,
        key: &Self::Key,
        before: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()>;

    /// Changes all keys of one step, for kinds that do so in one go.
    fn write_all(
        host: &Host,
        batch: &[(&Self::Key, &State, &State)],
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        batch.iter().try_for_each(|(key, before, after)| Self::write(host, key, before, after, say))
    }

    /// Returns how to undo a change from `before` to `after`, given that the
    /// thing is `now`. `overlay` shows the files as they will be.
    fn undo(
        key: &Self::Key,
        before: &State,
        after: &State,
        now: &State,
        overlay: &Overlay<'_>,
    ) -> Result<Undo>;

    /// Returns the paths that making one changes, so that their former states
    /// can be kept and restored.
    fn affected_paths(_: &Self::Key) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Returns the `content` of a file at one of these paths after a planned
    /// change; `None` where it is known only once the change is made.
    fn edit(_: &Self::Key, _after: &State, _content: Option<Content>) -> Option<Content> {
        None
    }

    /// Describes what differs, or what a new one will be, each in a few words.
    /// `None` where the names of the states are enough.
    fn describe(_: &Self::Key, _before: &State, _after: &State) -> Option<Vec<String>> {
        None
    }

    /// Returns a state as a JSON object, without content or digest of secrets.
    fn json(_: &Self::State) -> Value {
        json!({"state": Self::NAME})
    }

    /// Returns whether `actual` meets `wish`: equal, except for what the wish
    /// leaves to the system.
    fn is_met(wish: &Self::State, actual: &Self::State) -> bool {
        wish == actual
    }

    /// Returns whether there is something that could be removed.
    fn is_there(_: &Self::State) -> bool {
        true
    }

    /// Returns whether it is `now` as it `was` planned, apart from the effects
    /// of earlier changes of the same run.
    fn is_unchanged(was: &State, now: &State) -> bool {
        was == now
    }

    /// Repairs what an interrupted run left half done and no plan would show.
    fn cleanup(_: &Host, _say: &mut dyn FnMut(&str)) -> Result<()> {
        Ok(())
    }

    /// Repairs what an interrupted run left between the states of one key.
    fn cleanup_key(_: &Host, _: &Self::Key) -> Result<()> {
        Ok(())
    }
}
