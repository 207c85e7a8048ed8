//! The part of an address before the `@`.

use std::fmt;
use std::sync::Arc;

use super::spanned::Invalid;
use crate::yaml::printable;

/// The name of an alias or of the source of a forward: lower case, and safe as
/// a key of a lookup table and as a word in an alias file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPart(Arc<str>);

/// The limit of RFC 5321, in octets.
const MAX_BYTES: usize = 64;

const PLAIN: &str = "a name is made of the letters a-z, digits, `.`, `_` and `-`";

/// The punctuation that an atom may contain (RFC 5322, 3.2.3), without `!` and `%`.
const SIGNS: &str = "#$&'*+-/=?^_`{|}~";

/// The characters that begin a comment, an option, a file name or a program for
/// a shell, a lookup table or `local(8)`.
const NOT_FIRST: &str = "#$&'*-/?`{|~";

impl LocalPart {
    /// Parses a name and converts it to lower case.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a valid name.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("the name is empty", "write at least one letter or digit"));
        }
        if text.contains('+') {
            let help = "what follows a `+` is a tag, which everyone may add to an address: name \
                        it without";
            return Err(Invalid::new(format!("`{}` contains a `+`", printable(text)), help));
        }
        dot_string(text, text)?;
        Ok(Self(text.to_ascii_lowercase().into()))
    }

    /// Parses a name that is also safe as the name of a folder and as a field of a password file.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a valid name.
    pub fn plain(text: &str) -> Result<Self, Invalid> {
        let odd = |c: &char| !c.is_ascii_alphanumeric() && !".-_+".contains(*c);
        match text.chars().find(odd) {
            Some(c) => {
                let message = format!("`{}` contains {}", printable(text), name_of(c));
                Err(Invalid::new(message, PLAIN))
            }
            None => Self::parse(text),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name for use in an address, without copying it.
    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks that a text can be the local part of an address in Postfix's tables:
/// a dot-string of RFC 5321, without the characters that mail software
/// interprets. The error names the text as `shown`.
pub(super) fn dot_string(text: &str, shown: &str) -> Result<(), Invalid> {
    let no =
        |why: String, help: &str| Err(Invalid::new(format!("`{}` {why}", printable(shown)), help));
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '.' || SIGNS.contains(c);
    if let Some(c) = text.chars().find(|c| !fits(*c)) {
        let help = match c {
            '!' | '%' => {
                "mail servers take `!` and `%` for a way through another host: leave it out"
            }
            _ => {
                "write letters, digits, `.`, `_` and `-`; after the first also the signs \
                 &'/=?^{}|~#$* and the backtick"
            }
        };
        return no(format!("contains {}", name_of(c)), help);
    }
    if text.len() > MAX_BYTES {
        return no(format!("has {} characters before the `@`", text.len()), "64 are the most");
    }
    if text.starts_with(['.', '-']) || text.ends_with('.') || text.contains("..") {
        let help = "begin it with a letter or digit, and put each `.` between two others";
        return no("has a `.` or `-` at a wrong place".to_owned(), help);
    }
    if let Some(c) = text.chars().next().filter(|c| NOT_FIRST.contains(*c)) {
        let help = "Postfix or a shell could take it for a file, a program or a comment: begin \
                    with a letter or digit";
        return no(format!("begins with {}", name_of(c)), help);
    }
    Ok(())
}

/// Names a character that is hard to see.
pub(crate) fn name_of(c: char) -> String {
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
    fn names_are_lower_case() {
        assert_eq!(LocalPart::plain("Thomas.B-2_x").unwrap().as_str(), "thomas.b-2_x");
        assert_eq!(LocalPart::parse("O'Brien").unwrap().as_str(), "o'brien");
        assert!(LocalPart::parse(&"a".repeat(64)).is_ok());
    }

    #[test]
    fn a_name_that_could_hurt_a_path_is_not_plain() {
        for text in ["a/b", "o'brien", "a&b", "a=b", "a|b", "a~b", "a{b", "a#b"] {
            assert!(LocalPart::parse(text).is_ok(), "{text}");
            assert!(LocalPart::plain(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_that_could_hurt_a_table_is_refused() {
        let long = "a".repeat(65);
        for text in [
            "",
            ".",
            "..",
            ".a",
            "a.",
            "a..b",
            "-a",
            "a+b",
            "a b",
            "a:b",
            "a\nb",
            "a\0b",
            "a@b",
            "a%b",
            "a!b",
            "a\"b",
            "a,b",
            "a;b",
            "a(b",
            "a<b",
            "a[b",
            "a\\b",
            "ü",
            "/a",
            "~a",
            "~",
            "|a",
            "#a",
            "'a",
            "&a",
            "$a",
            "*",
            "?",
            "`a",
            "{a",
            "!a",
            "%a",
            ":include:/a",
            &long,
        ] {
            assert!(LocalPart::parse(text).is_err(), "{text:?}");
            assert!(LocalPart::plain(text).is_err(), "{text:?}");
        }
    }
}
