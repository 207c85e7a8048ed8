//! The keys of a map and the types of their values: one table that tells a
//! [`Decoder`](super::Decoder) what to accept and, as JSON Schema, an editor
//! what to offer.

use serde_json::{Map, Value, json};

/// A known key.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// The name of the key.
    pub name: &'static str,
    /// The meaning, in a sentence or two.
    pub about: &'static str,
    /// The type of its value.
    pub value_type: ValueType,
    /// The default, in words; empty if `about` gives it, or if the key is required.
    pub default: &'static str,
}

/// The type of a value in a YAML text.
#[derive(Debug, Clone, Copy)]
pub enum ValueType {
    /// A scalar. A number or a boolean in YAML's terms is the text as written.
    Text,
    /// A text that matches a regular expression.
    Pattern(&'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// Decimal digits, also in quotes.
    Number,
    /// A list.
    List(&'static ValueType),
    /// A list with at least one item.
    NonEmptyList(&'static ValueType),
    /// A map with arbitrary keys.
    Map(&'static ValueType),
    /// Such a map with at least one key.
    NonEmptyMap(&'static ValueType),
    /// A map with known keys.
    Section(&'static Section),
    /// One of several types.
    Either(&'static [ValueType]),
}

/// A map with known keys.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// The known keys.
    pub keys: &'static [KeySpec],
    /// The required keys.
    pub required: &'static [&'static str],
    /// Exactly one of these keys is required.
    pub one_of: &'static [&'static str],
    /// If one of these keys is present, all are required.
    pub together: &'static [&'static str],
}

impl KeySpec {
    /// Returns a key without a default.
    pub const fn new(name: &'static str, value_type: ValueType, about: &'static str) -> Self {
        Self { name, about, value_type, default: "" }
    }

    /// Sets the default.
    pub const fn or(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Returns the meaning and the default.
    pub(crate) fn description(&self) -> String {
        match self.default {
            "" => self.about.to_owned(),
            default => format!("{} Default: {default}.", self.about),
        }
    }
}

impl ValueType {
    /// Returns the map of known keys that the type contains, if any.
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

    /// Returns the JSON Schema (draft 7) of the type.
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
    /// Returns the JSON Schema of the map.
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

/// Returns the JSON Schema of files with this type.
pub fn schema(title: &str, about: &str, value_type: &ValueType) -> Value {
    let mut schema = value_type.schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = title.into();
    schema["description"] = about.into();
    schema
}

/// Returns the total number of keys in some lists.
pub const fn count(lists: &[&[KeySpec]]) -> usize {
    let (mut sum, mut list) = (0, 0);
    while list < lists.len() {
        sum += lists[list].len();
        list += 1;
    }
    sum
}

/// Joins lists that contain `N` keys in total.
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
