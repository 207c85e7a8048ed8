//! Values that an edit writes.

use crate::yaml::{Entry, Key, Kind, Node, Scalar, Style};

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, quoted if needed.
    Text(String),
    /// A text that is always quoted.
    Quoted(String),
    /// A boolean.
    Bool(bool),
    /// A list in flow style.
    List(Vec<Value>),
    /// A map in the style of its neighbours.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Returns a text, quoted if needed.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Formats the value on one line.
    pub(super) fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text),
            Self::Quoted(text) => double_quoted(text),
            Self::Bool(value) => value.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::flow).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, value)| value.flow_entry(key)).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    /// Formats the value on one line after its key.
    pub(super) fn flow_entry(&self, key: &str) -> String {
        format!("{}: {}", scalar(key), self.flow())
    }

    /// Formats the value; a text gets the quotes of the old one.
    pub(super) fn flow_like(&self, quote: Option<char>) -> String {
        match (self, quote) {
            (Self::Text(text) | Self::Quoted(text), Some('\'')) => {
                format!("'{}'", text.replace('\'', "''"))
            }
            (Self::Text(text), Some('"')) => double_quoted(text),
            _ => self.flow(),
        }
    }

    /// Formats the value after its key; a map on its own lines.
    pub(super) fn block_entry(
        &self,
        key: &str,
        indent: usize,
        step: usize,
        newline: &str,
    ) -> String {
        let lead = " ".repeat(indent);
        match self {
            Self::Map(entries) if !entries.is_empty() => {
                let mut text = format!("{lead}{}:", scalar(key));
                for (key, value) in entries {
                    text += newline;
                    text += &value.block_entry(key, indent + step, step, newline);
                }
                text
            }
            _ => format!("{lead}{}", self.flow_entry(key)),
        }
    }

    /// Returns the value as a tree without spans.
    pub(super) fn node(&self) -> Node {
        let kind = match self {
            Self::Text(text) | Self::Quoted(text) => {
                Kind::Scalar(Scalar { text: text.clone(), style: Style::Quoted })
            }
            Self::Bool(value) => {
                Kind::Scalar(Scalar { text: value.to_string(), style: Style::Plain })
            }
            Self::List(items) => Kind::List(items.iter().map(Self::node).collect()),
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| Entry {
                    key: Key { span: 0..0, text: key.clone() },
                    value: value.node(),
                };
                Kind::Map(entries.iter().map(entry).collect())
            }
        };
        Node { span: 0..0, kind }
    }
}

/// Formats a text, quoted unless every YAML parser reads it as that text.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let sign = |c: char| c.is_alphanumeric() || "._@+-".contains(c);
    let plain = text.starts_with(char::is_alphabetic)
        && text.chars().all(sign)
        && !WORDS.contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { double_quoted(text) }
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\U{:08X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_yaml_would_misread_are_quoted() {
        for text in ["thomas", "o.b-c_d+e@example.org", "münchen.example"] {
            assert_eq!(scalar(text), text);
        }
        for text in ["", "NO", "on", "1e3", "0640", "-a", "a: b", "a #b", "~", "null", "@a", "*a"] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        assert_eq!(scalar("a\"\\\n"), "\"a\\\"\\\\\\U0000000A\"");
    }
}
