//! The keys that a map may have, and what stands under each: one table from
//! which a [`Decoder`](super::Decoder) knows what to take and an editor, by a
//! JSON Schema, what to offer.

use serde_json::{Map, Value, json};

/// A key that is known.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// The key.
    pub name: &'static str,
    /// Its meaning, in a sentence or two.
    pub about: &'static str,
    /// The values that it takes.
    pub value_type: ValueType,
    /// The default, in words; empty where it says so
    /// already, or where it may not be left out.
    pub default: &'static str,
}

/// The type of a value in a YAML text.
#[derive(Debug, Clone, Copy)]
pub enum ValueType {
    /// A single value. What YAML takes for a number or a truth value is the
    /// text that was written.
    Text,
    /// A text that fits a regular expression.
    Pattern(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Decimal digits, also in quotes.
    Number,
    /// Values in order.
    List(&'static ValueType),
    /// The same, at least one.
    NonEmptyList(&'static ValueType),
    /// A map whose keys are names that the person chose.
    Map(&'static ValueType),
    /// The same, with at least one key.
    NonEmptyMap(&'static ValueType),
    /// A map whose keys are known.
    Section(&'static Section),
    /// One of several.
    Either(&'static [ValueType]),
}

/// A map whose keys are known.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The keys.
    pub keys: &'static [KeySpec],
    /// The keys that must be there.
    pub required: &'static [&'static str],
    /// Of these keys, one must be there and no other.
    pub one_of: &'static [&'static str],
    /// Where one of these keys is, all of them are.
    pub together: &'static [&'static str],
}

impl KeySpec {
    /// Makes an entry of the table.
    pub const fn new(name: &'static str, value_type: ValueType, about: &'static str) -> Self {
        Self { name, about, value_type, default: "" }
    }

    /// Says what counts where the key is left out.
    pub const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Returns what it says, and what counts where it is left out.
    pub(crate) fn description(&self) -> String {
        match self.default {
            "" => self.about.to_owned(),
            default => format!("{} Default: {default}.", self.about),
        }
    }
}

impl ValueType {
    /// Returns the map of known keys that it has somewhere.
    pub fn section(&self) -> Option<&'static Section> {
        match self {
            Self::Section(section) => Some(section),
            Self::List(of) | Self::NonEmptyList(of) | Self::Map(of) | Self::NonEmptyMap(of) => {
                of.section()
            }
            Self::Either(types) => types.iter().find_map(Self::section),
            Self::Text | Self::Pattern(_) | Self::OneOf(_) | Self::Boolean | Self::Number => None,
        }
    }

    /// Returns it as JSON Schema (draft 7) says it.
    pub fn schema(&self) -> Value {
        match self {
            Self::Text => json!({"type": ["string", "number", "boolean"]}),
            Self::Pattern(pattern) => {
                json!({"type": ["string", "number", "boolean"], "pattern": pattern})
            }
            Self::OneOf(words) => json!({"enum": words}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Number => json!({"type": ["integer", "string"], "pattern": "^[0-9]+$|\\{\\{"}),
            Self::List(of) => json!({"type": "array", "items": of.schema()}),
            Self::NonEmptyList(of) => json!({"type": "array", "items": of.schema(), "minItems": 1}),
            Self::Map(of) => json!({"type": "object", "additionalProperties": of.schema()}),
            Self::NonEmptyMap(of) => {
                json!({"type": "object", "additionalProperties": of.schema(), "minProperties": 1})
            }
            Self::Section(section) => section.schema(),
            Self::Either(types) => {
                let types: Vec<Value> = types.iter().map(Self::schema).collect();
                json!({"anyOf": types})
            }
        }
    }
}

impl Section {
    /// Returns the map as JSON Schema says it.
    pub fn schema(&self) -> Value {
        let mut properties = Map::new();
        for key in self.keys {
            let mut schema = key.value_type.schema();
            schema["description"] = key.description().into();
            properties.insert(key.name.into(), schema);
        }
        let mut schema = json!({
            "type": "object", "properties": properties, "additionalProperties": false,
        });
        if !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        if !self.one_of.is_empty() {
            let each = |name: &&str| json!({"required": [name]});
            schema["oneOf"] = self.one_of.iter().map(each).collect();
        }
        for key in self.together {
            schema["dependencies"][key] = json!(self.together);
        }
        schema
    }
}

/// Returns a whole schema of the files that have this type.
pub fn schema(title: &str, about: &str, value_type: &ValueType) -> Value {
    let mut schema = value_type.schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = title.into();
    schema["description"] = about.into();
    schema
}

/// Returns how many keys some lists have together.
pub const fn count(lists: &[&[KeySpec]]) -> usize {
    let (mut sum, mut list) = (0, 0);
    while list < lists.len() {
        sum += lists[list].len();
        list += 1;
    }
    sum
}

/// Joins lists that have `N` keys together.
pub const fn concat<const N: usize>(lists: &[&[KeySpec]]) -> [KeySpec; N] {
    let mut all = [KeySpec::new("", ValueType::Text, ""); N];
    let (mut at, mut list) = (0, 0);
    while list < lists.len() {
        let mut key = 0;
        while key < lists[list].len() {
            all[at] = lists[list][key];
            (at, key) = (at + 1, key + 1);
        }
        list += 1;
    }
    all
}
