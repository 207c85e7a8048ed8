//! The part of an address before the `@`, as far as it is ours to choose.

use std::fmt;
use std::sync::Arc;

use super::at::Invalid;
use crate::yaml::printable;

/// The name of an account, an alias or a forward: lower case, and safe as a
/// folder, as a field of a password file and as a key of a lookup table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Arc<str>);

/// RFC 5321's limit, in octets.
const MAX_BYTES: usize = 64;

const ALLOWED: &str = "a name is made of the letters a-z, digits, `.`, `_` and `-`";

impl LocalPart {
    /// Reads a name; upper case becomes lower case.
    ///
    /// # Errors
    ///
    /// Returns why the text is no such name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let no = |why: String, help: &str| {
            Err(Invalid::new(format!("`{}` {why}", printable(text)), help))
        };
        if text.is_empty() {
            return Err(Invalid::new("the name is empty", ALLOWED));
        }
        if text.contains('+') {
            let help = "what follows a `+` is a tag, which everyone may add to an address: name \
                        it without";
            return no("contains a `+`".to_owned(), help);
        }
        if let Some(c) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !".-_".contains(*c)) {
            return no(format!("contains {}", name_of(c)), ALLOWED);
        }
        if text.len() > MAX_BYTES {
            let why = format!("has {} characters", text.len());
            return no(why, "a name has at most 64");
        }
        if text.starts_with(['.', '-']) || text.ends_with('.') || text.contains("..") {
            let help = "begin it with a letter or digit, and put each `.` between two others";
            return no("has a `.` or `-` at a wrong place".to_owned(), help);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name to be shared with an address.
    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a character that can be hard to see.
pub(super) fn name_of(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        '\n' | '\r' => "a line break".to_owned(),
        c if c.is_control() || c.is_whitespace() => format!("the character U+{:04X}", u32::from(c)),
        c => format!("`{c}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_plain() {
        assert_eq!(LocalPart::parse("Thomas.B-2_x").unwrap().as_str(), "thomas.b-2_x");
        assert!(LocalPart::parse(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn what_could_hurt_a_path_or_a_table_is_refused() {
        let long = "a".repeat(65);
        for text in [
            "", ".", "..", ".a", "a.", "a..b", "-a", "a+b", "a b", "a:b", "a/b", "a\nb", "a\0b",
            "a@b", "a%b", "a!b", "a\"b", "a'b", "a,b", "a#b", "a|b", "a\\b", "ü", &long,
        ] {
            assert!(LocalPart::parse(text).is_err(), "{text:?}");
        }
    }
}
