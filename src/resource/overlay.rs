//! The host as it will be: the real one overlaid with the changes planned so
//! far, so that a bare host and a converged one are planned the same way.

use std::collections::HashMap;
use std::path::Path;

use super::service::ServiceState;
use super::user::UserState;
use super::{Key, LoadedConfig, Planned, State, observe, public_key};
use crate::digest::Digest;
use crate::host::{Content, Entry, Host, Result};

/// A host overlaid with the changes of earlier steps.
#[derive(Debug)]
pub struct Overlay<'h> {
    host: &'h Host,
    changes: HashMap<Key, State>,
    /// The keys of the changes, in order.
    order: Vec<Key>,
}

impl<'h> Overlay<'h> {
    pub(crate) fn new(host: &'h Host) -> Self {
        Self { host, changes: HashMap::new(), order: Vec::new() }
    }

    pub(crate) fn host(&self) -> &'h Host {
        self.host
    }

    /// Returns the state of a key, planned or real.
    pub(crate) fn state(&self, key: &Key) -> Result<State> {
        match self.changes.get(key) {
            Some(state) => Ok(state.clone()),
            None => self.outdated(key, self.named(key, observe(self.host, key)?)?),
        }
    }

    /// Marks a table as outdated if an earlier step writes its source, even
    /// with the same content; and a service if the content of a file that it loads is
    /// known only after apply.
    fn outdated(&self, key: &Key, mut state: State) -> Result<State> {
        if let State::Service(ServiceState { loaded, .. }) = &mut state
            && let LoadedConfig::Current(configuration) = loaded
        {
            for path in configuration.keys().filter_map(|key| key.strip_prefix("file:")) {
                let path = Path::new(path);
                if self.edited(path, self.unedited(path)?).is_none() {
                    *loaded = LoadedConfig::Outdated(std::mem::take(configuration));
                    break;
                }
            }
        }
        if let (Key::Table(key), State::Table(table)) = (key, &mut state) {
            let source = Key::File(key.source.clone());
            if let Some(State::File { blob: new, .. }) = self.changes.get(&source) {
                let now = observe(self.host, &source)?;
                if !matches!(now, State::File { blob: old, .. } if old == *new) {
                    table.source = None;
                }
            }
        }
        Ok(state)
    }

    /// Gives owners without a name the name that an earlier step gives their
    /// number, so that their files need no change. Removes the name where it
    /// gets another number.
    fn named(&self, key: &Key, mut state: State) -> Result<State> {
        let ownership = match &mut state {
            State::File { ownership, .. }
            | State::Directory(ownership)
            | State::Fifo(ownership) => ownership,
            _ => return Ok(state),
        };
        let Key::File(path) = key else { return Ok(state) };
        let is_handed_over = |uid: Option<u32>, gid: Option<u32>| {
            self.changes
                .keys()
                .any(|changes| matches!(changes, Key::Handover(it) if it.covers(path, uid, gid)))
        };
        for (key, changes) in &self.changes {
            match (key, changes) {
                (Key::User(name), State::User(UserState { uid: Planned::Known(uid), .. })) => {
                    let now = self.host.user(name)?.map(|user| user.uid);
                    if ownership.owner == format!("#{uid}") {
                        ownership.owner.clone_from(name);
                    } else if ownership.owner == *name
                        && let Some(old) = now.filter(|old| old != uid)
                        && !is_handed_over(Some(old), None)
                    {
                        ownership.owner = format!("#{old}");
                    }
                }
                (Key::Group(name), State::Group(Planned::Known(group))) => {
                    let now = self.host.group(name)?.map(|group| group.gid);
                    if ownership.group == format!("#{}", group.gid) {
                        ownership.group.clone_from(name);
                    } else if ownership.group == *name
                        && let Some(old) = now.filter(|old| *old != group.gid)
                        && !is_handed_over(None, Some(old))
                    {
                        ownership.group = format!("#{old}");
                    }
                }
                _ => {}
            }
        }
        Ok(state)
    }

    /// Rejects a key that is immutable, and one that others could tamper with
    /// or have: a folder above it is writable by all and no earlier step
    /// restricts it, or a link is in its place.
    pub(crate) fn reject_unsafe_paths(&self, key: &Key) -> Result<()> {
        for path in key.affected_paths() {
            self.host.refuse_planted_link(&path)?;
            // A restart of a service does not touch its links.
            if !matches!(key, Key::Service(_)) {
                self.host.refuse_immutable(&path)?;
            }
            for folder in path.ancestors().skip(1) {
                if self.planned(&Key::File(folder.to_owned())).is_none() {
                    self.host.refuse_exposed(folder)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn set(&mut self, key: Key, state: State) {
        if self.changes.insert(key.clone(), state).is_none() {
            self.order.push(key);
        }
    }

    /// Returns the planned state of a key, if any.
    pub(crate) fn planned(&self, key: &Key) -> Option<&State> {
        self.changes.get(key)
    }

    pub(super) fn all_planned(&self) -> impl Iterator<Item = (&Key, &State)> {
        self.changes.iter()
    }

    /// Returns whether an earlier step has side effects, as a package does.
    pub(crate) fn has_side_effects(&self) -> bool {
        self.changes.keys().any(Key::has_side_effects)
    }

    /// Returns the digest of the file at `path`. `None` where it does not
    /// exist, or its content is known only after apply.
    pub(crate) fn digest(&self, path: &Path) -> Result<Option<Digest>> {
        if self.planned(&Key::at(path.to_owned())).is_none() && !self.host.is_file(path)? {
            return Ok(None);
        }
        let content = self.edited(path, self.unedited(path)?).flatten();
        let known = content.filter(|content| public_key::with_holes(content).is_none());
        Ok(known.map(|content| Digest::of(content.bytes())))
    }

    /// Returns the content of the file at `path`, planned or real.
    pub(crate) fn content(&self, path: &Path) -> Result<Option<Content>> {
        let content = self.unedited(path)?;
        Ok(self.edited(path, content.clone()).unwrap_or(content))
    }

    /// Returns the content of a file without the changes to parts of it.
    fn unedited(&self, path: &Path) -> Result<Option<Content>> {
        match self.planned(&Key::at(path.to_owned())) {
            Some(State::File { blob, .. }) => Ok(Some(blob.content.clone())),
            Some(State::Absent) => Ok(None),
            Some(State::Link { target }) => self.behind(path, target),
            _ => match self.host.entry(path)? {
                Some(Entry::File { content, .. }) => Ok(Some(content)),
                Some(Entry::Link { target }) => self.behind(path, &target),
                _ => self.host.read(path),
            },
        }
    }

    /// Returns the content that a link leads to, which an earlier step may write.
    fn behind(&self, link: &Path, target: &Path) -> Result<Option<Content>> {
        let target = link.parent().unwrap_or(link).join(target);
        match self.planned(&Key::at(target)) {
            Some(State::File { blob, .. }) => Ok(Some(blob.content.clone())),
            Some(State::Absent) => Ok(None),
            _ => self.host.read(link),
        }
    }

    /// Applies the planned changes to parts of a file. Returns `None` where the
    /// result is known only after apply.
    fn edited(&self, path: &Path, content: Option<Content>) -> Option<Option<Content>> {
        let affects = |key: &&Key| {
            key.path().is_none() && key.affected_paths().iter().any(|affected| affected == path)
        };
        let mut parts = self.order.iter().filter(affects);
        parts.try_fold(content, |content, key| key.edit(self.changes.get(key)?, content).map(Some))
    }
}
