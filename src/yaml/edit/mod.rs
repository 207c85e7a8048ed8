//! Edits a YAML text without changing anything else in it.
//!
//! A [`Document`] is a text and its tree. An edit replaces one range of the
//! text; comments, blank lines, order, indentation, quotes and line ends around
//! it stay, byte for byte. Adding and then removing an entry restores the text.
//!
//! Every edit is verified: its result is parsed, and must be the old tree with
//! only that change. If it is not (an alias refers to another place, a block
//! scalar extends to the end of the file), the edit is refused.

mod block;
mod flow;
mod value;

use std::ops::Range;
use std::sync::Arc;

use super::{Entry, Kind, Node, Style, parse};
use crate::diagnostic::{Diagnostic, Source};

pub use value::Value;

/// The number of places that are tried for a new entry. Each try parses the text.
const MOST_PLACES: usize = 4;

/// A YAML text that can be edited.
#[derive(Debug, Clone)]
pub struct Document {
    source: Arc<Source>,
    root: Node,
}

/// A range of the text and its replacement.
struct Splice {
    range: Range<usize>,
    text: String,
}

/// The reason why a place cannot be edited, and the remedy.
struct Refusal {
    place: Range<usize>,
    message: &'static str,
    help: &'static str,
}

type Edit = Result<Splice, Refusal>;

impl Document {
    /// Parses a text.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self { source: Arc::clone(source), root: parse(source)? })
    }

    /// Returns the text.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Returns the tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the value at a path of keys, if there is one.
    pub fn get(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, key| node.get(key))
    }

    /// Adds a new key to the map at `path`, after its last entry if possible.
    ///
    /// # Errors
    ///
    /// Returns why the place cannot be edited.
    pub fn insert(&self, path: &[&str], key: &str, value: &Value) -> Result<Self, Diagnostic> {
        let map = self.at(path)?;
        let Kind::Map(entries) = &map.kind else {
            return Err(self.refuse(&not_a(map, "this is not a map")));
        };
        let text = &self.source.text;
        let wanted = |index: usize| {
            let key = super::Key { span: 0..0, text: key.into() };
            self.changed(path, |node| {
                if let Kind::Map(entries) = &mut node.kind {
                    entries.insert(index, Entry { key, value: value.node() });
                }
            })
        };
        if flow::is_flow(text, map) {
            let edit = flow::insert(text, map, &value.flow_entry(key));
            return self.replaced(edit, &wanted(entries.len()));
        }
        // After an earlier entry, if an addition to the last one would change its value.
        let mut last = None;
        for index in (1..=entries.len()).rev().take(MOST_PLACES) {
            let edit = block::insert(text, entries, index, key, value);
            let done = self.replaced(edit, &wanted(index));
            match done {
                Ok(done) => return Ok(done),
                Err(refused) => last = last.or(Some(refused)),
            }
        }
        Err(last.unwrap_or_else(|| self.refuse(&not_a(map, "there is nothing to stand beside"))))
    }

    /// Removes a key and its value from the map at `path`. A map in block style
    /// must keep another key.
    ///
    /// # Errors
    ///
    /// Returns why the place cannot be edited.
    pub fn remove(&self, path: &[&str], key: &str) -> Result<Self, Diagnostic> {
        let map = self.at(path)?;
        let Kind::Map(entries) = &map.kind else {
            return Err(self.refuse(&not_a(map, "this is not a map")));
        };
        match entries.iter().position(|entry| entry.key.text == key) {
            Some(index) => self.without(path, map, index),
            None => Err(self.refuse(&not_a(map, "the key is not there"))),
        }
    }

    /// Adds a text to the end of the list at `path`.
    ///
    /// # Errors
    ///
    /// Returns why the place cannot be edited.
    pub fn push(&self, path: &[&str], item: &str) -> Result<Self, Diagnostic> {
        let list = self.at(path)?;
        let value = Value::text(item);
        let text = &self.source.text;
        let edit = match &list.kind {
            Kind::List(_) if flow::is_flow(text, list) => flow::insert(text, list, &value.flow()),
            Kind::List(items) => block::push(text, items, &value),
            _ => Err(not_a(list, "this is not a list")),
        };
        let wanted = self.changed(path, |node| {
            if let Kind::List(items) = &mut node.kind {
                items.push(value.node());
            }
        });
        self.replaced(edit, &wanted)
    }

    /// Removes an item, counted from 0, from the list at `path`. A list in
    /// block style must keep another item.
    ///
    /// # Errors
    ///
    /// Returns why the place cannot be edited.
    pub fn remove_item(&self, path: &[&str], index: usize) -> Result<Self, Diagnostic> {
        let list = self.at(path)?;
        match &list.kind {
            Kind::List(items) if index < items.len() => self.without(path, list, index),
            Kind::List(_) => Err(self.refuse(&not_a(list, "the list has no such item"))),
            _ => Err(self.refuse(&not_a(list, "this is not a list"))),
        }
    }

    /// Removes an entry from the map or list at `path`.
    fn without(&self, path: &[&str], node: &Node, index: usize) -> Result<Self, Diagnostic> {
        let text = &self.source.text;
        let edit = match flow::is_flow(text, node) {
            true => flow::remove(text, node, index),
            false => block::remove(text, node, index),
        };
        let wanted = self.changed(path, |node| match &mut node.kind {
            Kind::Map(entries) => drop(entries.remove(index)),
            Kind::List(items) => drop(items.remove(index)),
            Kind::Scalar(_) => {}
        });
        self.replaced(edit, &wanted)
    }

    /// Replaces the value at `path`, which must be a scalar on the line of its key.
    ///
    /// # Errors
    ///
    /// Returns why the place cannot be edited.
    pub fn replace(&self, path: &[&str], value: &Value) -> Result<Self, Diagnostic> {
        let old = self.at(path)?;
        let edit = match old.as_scalar() {
            Some(scalar) if scalar.style != Style::Block && !scalar.is_null() => {
                let quote = self.source.text.get(old.span.clone()).and_then(|it| it.chars().next());
                Ok(Splice { range: old.span.clone(), text: value.flow_like(quote) })
            }
            _ => Err(not_a(old, "only a single value on one line can be replaced")),
        };
        let wanted = self.changed(path, |node| *node = value.node());
        self.replaced(edit, &wanted)
    }

    /// Replaces some keys and scalars, each given by its range.
    ///
    /// # Errors
    ///
    /// Returns why the places cannot be edited.
    pub fn rename(&self, places: &[(Range<usize>, String)]) -> Result<Self, Diagnostic> {
        let mut wanted = self.root.clone();
        put_texts(&mut wanted, places);
        let mut places = places.to_vec();
        places.sort_by_key(|(place, _)| place.start);
        places.dedup();
        let whole = 0..self.source.text.len();
        let mut text = self.source.text.clone();
        for (place, new) in places.iter().rev() {
            let quote = self.source.text.get(place.clone()).and_then(|it| it.chars().next());
            text.replace_range(place.clone(), &Value::text(new).flow_like(quote));
        }
        self.replaced(Ok(Splice { range: whole, text }), &wanted)
    }

    fn at(&self, path: &[&str]) -> Result<&Node, Diagnostic> {
        self.get(path).ok_or_else(|| self.refuse(&not_a(&self.root, "the key is not there")))
    }

    /// Returns the tree with a change at `path`.
    fn changed(&self, path: &[&str], change: impl FnOnce(&mut Node)) -> Node {
        let mut root = self.root.clone();
        let mut node = Some(&mut root);
        for key in path {
            node = node.and_then(|node| node.child_mut(key));
        }
        if let Some(node) = node {
            change(node);
        }
        root
    }

    /// Applies an edit, if its result has the expected tree.
    fn replaced(&self, edit: Edit, wanted: &Node) -> Result<Self, Diagnostic> {
        let splice = edit.map_err(|refusal| self.refuse(&refusal))?;
        let mut text = self.source.text.clone();
        text.replace_range(splice.range.clone(), &splice.text);
        let source = Arc::new(Source { name: self.source.name.clone(), text });
        match Self::parse(&source) {
            Ok(new) if same(&new.root, wanted) => Ok(new),
            _ => Err(self.refuse(&Refusal {
                place: splice.range,
                message: "this place cannot be edited without changing another",
                help: "edit it by hand; an anchor (`&name`) and its aliases (`*name`) are best \
                       written out",
            })),
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Diagnostic {
        let text = self.source.text.get(refusal.place.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().len();
        let place = refusal.place.start..refusal.place.start + line;
        Diagnostic::new(&self.source, place, refusal.message).help(refusal.help)
    }
}

fn not_a(node: &Node, message: &'static str) -> Refusal {
    Refusal { place: node.span.clone(), message, help: "edit it by hand" }
}

impl Node {
    fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key.text == key).map(|entry| &mut entry.value)
            }
            _ => None,
        }
    }

    /// Returns the end of the text of a node. The span of a block collection
    /// continues to the next node.
    fn end(&self, text: &str) -> usize {
        let last = match &self.kind {
            Kind::Map(entries) => entries.last().map(|entry| entry.end(text)),
            Kind::List(items) => items.last().map(|item| item.end(text)),
            Kind::Scalar(_) => None,
        };
        last.filter(|_| !flow::is_flow(text, self)).unwrap_or(self.span.end)
    }
}

impl Entry {
    /// Returns the end of the text of a node. An alias has the span of its anchor.
    fn end(&self, text: &str) -> usize {
        self.key.span.end.max(self.value.end(text))
    }
}

/// Replaces keys and scalars in a tree.
fn put_texts(node: &mut Node, places: &[(Range<usize>, String)]) {
    let at = |span: &Range<usize>| places.iter().find(|(place, _)| place == span);
    match &mut node.kind {
        Kind::Scalar(scalar) => {
            if let Some((_, new)) = at(&node.span) {
                scalar.text.clone_from(new);
                scalar.style = Style::Quoted;
            }
        }
        Kind::List(items) => items.iter_mut().for_each(|item| put_texts(item, places)),
        Kind::Map(entries) => {
            for entry in entries {
                if let Some((_, new)) = at(&entry.key.span) {
                    entry.key.text.clone_from(new);
                }
                put_texts(&mut entry.value, places);
            }
        }
    }
}

/// Returns whether two trees are equal, apart from their spans.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Scalar(one), Kind::Scalar(other)) => {
            one.text == other.text && one.is_null() == other.is_null()
        }
        (Kind::List(one), Kind::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Kind::Map(one), Kind::Map(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs.all(|(one, other)| {
                    one.key.text == other.key.text && same(&one.value, &other.value)
                })
        }
        _ => false,
    }
}
