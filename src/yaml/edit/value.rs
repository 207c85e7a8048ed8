//! Values that an edit writes.

use crate::yaml::{Entry, Key, Kind, Node, Scalar, Style};

/// A value to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, in quotes where it needs them.
    Text(String),
    /// A text that is put in quotes even where it need not be.
    Quoted(String),
    /// A truth value.
    Bool(bool),
    /// A list, written `[a, b]`.
    List(Vec<Value>),
    /// A map, written like those beside it.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Writes the value on one line.
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

    /// Writes the value on one line behind its key.
    pub(super) fn flow_entry(&self, key: &str) -> String {
        format!("{}: {}", scalar(key), self.flow())
    }

    /// Writes the value, a text in quotes like those that were there.
    pub(super) fn flow_like(&self, quote: Option<char>) -> String {
        match (self, quote) {
            (Self::Text(text) | Self::Quoted(text), Some('\'')) => {
                format!("'{}'", text.replace('\'', "''"))
            }
            (Self::Text(text), Some('"')) => double_quoted(text),
            _ => self.flow(),
        }
    }

    /// Writes the value behind its key; a map on lines of their own.
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

    /// Returns the value as a tree without places.
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

/// Writes a text, in quotes unless every YAML reader takes it for that text.
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
    fn what_yaml_would_misread_is_quoted() {
        for text in ["thomas", "o.b-c_d+e@example.org", "münchen.example"] {
            assert_eq!(scalar(text), text);
        }
        for text in ["", "NO", "on", "1e3", "0640", "-a", "a: b", "a #b", "~", "null", "@a", "*a"] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        assert_eq!(scalar("a\"\\\n"), "\"a\\\"\\\\\\U0000000A\"");
    }
}
