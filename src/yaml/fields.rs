//! Decodes maps with known keys.

use std::ops::Range;

use super::{Decoder, Entry, Key, KeySpec, Node, Section, suggest};

/// The entries of a map with known keys.
#[derive(Debug)]
pub struct Fields<'n> {
    entries: Vec<&'n Entry>,
    /// The keys that unknown ones are assumed to be misspellings of.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// Returns the entry of a key, if it has a value.
    pub fn get(&self, key: &str) -> Option<&'n Entry> {
        self.find(key).filter(|entry| !entry.value.is_null())
    }

    /// Returns whether a key is present, even without a value or misspelt, which has been reported.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some() || self.meant.contains(&key)
    }

    /// Returns the entry of a key, or reports at `owner` that it is missing.
    pub(crate) fn require(
        &self,
        key: &str,
        owner: &Range<usize>,
        decoder: &mut Decoder,
    ) -> Option<&'n Entry> {
        if !self.has(key) {
            decoder.error(owner, format!("`{key}` is missing"), &format!("add `{key}: …`"));
        }
        self.get(key)
    }

    fn find(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().copied().find(|entry| entry.key.text == key)
    }
}

impl Decoder {
    /// Decodes a map with known keys. Reports unknown and duplicate keys, and keys without a value.
    pub fn fields<'n>(&mut self, node: &'n Node, section: &Section) -> Option<Fields<'n>> {
        let known = section.keys;
        let mut fields = Fields { entries: Vec::new(), meant: Vec::new() };
        for entry in self.entries(node)? {
            if self.is_full() {
                break;
            }
            if !known.iter().any(|known| known.name == entry.key.text) {
                fields.meant.extend(self.unknown_key(&entry.key, known));
                continue;
            }
            if entry.value.is_null() {
                self.no_value(&entry.key);
            }
            fields.entries.push(entry);
        }
        Some(fields)
    }

    /// Reports an unknown key, and returns the one that was probably meant.
    fn unknown_key(&mut self, key: &Key, known: &[KeySpec]) -> Option<&'static str> {
        let meant = suggest(&key.text, known.iter().map(|known| known.name));
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                let names: Vec<String> =
                    known.iter().map(|known| format!("`{}`", known.name)).collect();
                format!("known here: {}", names.join(", "))
            }
        };
        self.error(&key.span, format!("unknown key `{}`", self.written(&key.span)), &help);
        meant
    }

    fn no_value(&mut self, key: &Key) {
        let message = format!("`{}` has no value", key.text);
        self.error(
            &key.span,
            message,
            "write it after the `:` or below it, indented; or remove the key",
        );
    }
}
