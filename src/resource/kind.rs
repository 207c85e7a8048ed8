//! What a kind of resource is made of.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Assets, Key, Overlay, Said, State, Target, Undo, Withdrawal};
use crate::host::{Content, Host, Result};
use crate::yaml::{Decoder, KeySpec, Node};

/// What a step of a playbook says: the wish.
pub(super) trait Declaration: Sized {
    /// The words by which a step declares one, each with its fields: read by the
    /// decoder, the schema and the reference.
    const WORDS: &'static [KeySpec];

    /// Reads the fields of a step that declares one by `word`, its templates
    /// rendered.
    fn decode(word: &str, node: &Node, assets: &dyn Assets, decoder: &mut Decoder) -> Option<Self>;

    /// Returns the keys that it is about with the states they should be in, what
    /// is not declared taken from what is there.
    fn targets(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>>;

    /// Refuses, before anything is changed, what it would fail at, and says how to
    /// mend it.
    fn reject_obstacles(&self, _: &Overlay<'_>) -> Result<()> {
        Ok(())
    }

    /// Says why one of its targets is wanted, where the states alone do not.
    fn reason(&self, _: &Target) -> Option<String> {
        None
    }

    /// Returns what a service loads that this step notifies.
    fn loadable(&self) -> Vec<Key> {
        Vec::new()
    }

    /// Returns path and content of a file that is declared whole, and whether that
    /// is secret.
    fn declared_file(&self) -> Option<(&Path, &Content, bool)> {
        None
    }

    /// Returns the key of the one thing that it is about and that can be taken away
    /// again, if it can.
    fn key(&self) -> Option<Key> {
        None
    }

    /// Returns the fields of a step that tell where it left something; none where
    /// what it left stays, since others may have come to rely on it.
    fn found_by(_word: &str) -> Option<&'static [&'static str]> {
        None
    }

    /// Reads such fields: what a step left, and how to take it away.
    fn withdrawals(
        word: &str,
        fields: &Node,
        assets: &dyn Assets,
        decoder: &mut Decoder,
    ) -> Option<Vec<Withdrawal>> {
        Withdrawal::by_absence(word, fields, assets, decoder)
    }

    /// Whether it may hold a secret without a step's saying so.
    const HOLDS_SECRETS: bool = false;

    /// Returns what is to go, where it declares something away.
    fn withdrawn(&self, overlay: &Overlay<'_>) -> Result<Vec<Target>> {
        self.targets(overlay)
    }

    /// Tells whether its reader looks once a second whether it changed, so that
    /// what follows a change waits until it has.
    fn is_polled(&self) -> bool {
        false
    }

    /// Returns the programs that are run to plan it, each with its arguments.
    fn asks(&self) -> Vec<&[String]> {
        self.staged_checks()
            .map_or(&[][..], |(checks, _)| checks)
            .iter()
            .map(|it| &it.argv[..])
            .collect()
    }

    /// Returns the programs that judge files before one of them goes live, and the
    /// files.
    fn staged_checks(&self) -> Option<(&[Check], &[Key])> {
        None
    }
}

/// A checker of configuration: a program that is run on staged copies of the
/// files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether it must have nothing to say, and may quote what only root may read.
    #[serde(default)]
    pub strict: bool,
}

/// A kind of thing on a host: known by a key, in one of several states.
pub trait Thing {
    /// The part of a key before the colon.
    const NAME: &'static str;

    /// All that is needed to find one and to look at it.
    type Key;

    /// What one is: plain data, compared as such. `()` for a kind that makes do
    /// with the states that all kinds share.
    type State: PartialEq;

    /// Whether bringing one about may change other things: a package brings files,
    /// a program does what it does.
    const HAS_SIDE_EFFECTS: bool = false;

    /// Returns the part of the key behind the colon.
    fn name(key: &Self::Key) -> String;

    /// Looks at the host.
    fn observe(host: &Host, key: &Self::Key) -> Result<State>;

    /// Brings one from its first state to its second.
    fn write(
        host: &Host,
        key: &Self::Key,
        before: &State,
        after: &State,
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()>;

    /// The same for all of one step, where that is done in one go.
    fn write_all(
        host: &Host,
        batch: &[(&Self::Key, &State, &State)],
        say: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        batch.iter().try_for_each(|(key, before, after)| Self::write(host, key, before, after, say))
    }

    /// Tells how a change is undone from what was `before`, was to be `after` and
    /// is `now`. `overlay` shows the files as they will be.
    fn undo(
        key: &Self::Key,
        before: &State,
        after: &State,
        now: &State,
        overlay: &Overlay<'_>,
    ) -> Result<Undo>;

    /// Returns the paths at which bringing one about leaves something, so that
    /// what stood there can be kept and put back.
    fn affected_paths(_: &Self::Key) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Returns what a planned change makes of the `content` of a file at one of
    /// these paths; none where that is known only once the change is made.
    fn edit(_: &Self::Key, _after: &State, _content: Option<Content>) -> Option<Content> {
        None
    }

    /// Says what differs, or what something new will be, each in a few words. None
    /// where the name of the states says it all.
    fn describe(_: &Self::Key, _before: &State, _after: &State) -> Option<Vec<String>> {
        None
    }

    /// Returns a state as a JSON object, for programs. What is secret shows neither
    /// content nor digest.
    fn json(_: &Self::State) -> Value {
        json!({"state": Self::NAME})
    }

    /// Tells whether `actual` is what `wish` asks for: equal, where the wish leaves
    /// nothing to the system.
    fn is_met(wish: &Self::State, actual: &Self::State) -> bool {
        wish == actual
    }

    /// Tells whether there is something that could be taken away.
    fn is_there(_: &Self::State) -> bool {
        true
    }

    /// Tells whether one is `now` as it `was` planned, the earlier changes of the
    /// same run aside.
    fn is_unchanged(was: &State, now: &State) -> bool {
        was == now
    }

    /// Puts right what a killed run left half done and no plan would show.
    fn cleanup(_: &Host, _say: &mut dyn FnMut(&str)) -> Result<()> {
        Ok(())
    }

    /// The same for what it left between the states of one.
    fn cleanup_key(_: &Host, _: &Self::Key) -> Result<()> {
        Ok(())
    }
}
