//! Sizes such as `5G` and `128MiB`.

use super::spanned::Invalid;
use crate::yaml::printable;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    pub(crate) const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// Returns the number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Parses a number and its unit. As in Dovecot, K, M, G and T are powers of
    /// 1024, with or without `B` or `iB`; without a unit the number is in
    /// bytes.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a size.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start().to_ascii_lowercase();
        let shift = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
            "" if !unit.ends_with("ib") => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            _ => return Err(Self::not_one(text)),
        };
        match number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift)) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(Self::not_one(text)),
        }
    }

    fn not_one(text: &str) -> Invalid {
        Invalid::new(
            format!("`{}` is not a size", printable(text)),
            "write a whole number with K, M, G or T, such as `500M` or `5G`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", 0),
            ("1024", 1024),
            ("1024 B", 1024),
            ("2k", 2048),
            ("128MiB", 128 << 20),
            ("500 MB", 500 << 20),
            ("5G", 5 << 30),
            ("1tib", 1 << 40),
        ] {
            assert_eq!(Size::parse(text).map(Size::bytes), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_size_is_refused() {
        for text in ["", "G", "5X", "1.5G", "-1", "5GG", "5 G B", "iB", "99999999999T", "0x10"] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }
}
