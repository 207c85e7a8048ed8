//! How much mail an account may send, such as `500/day`.

use std::fmt;
use std::time::Duration;

use super::spanned::{self, Invalid, Spanned};
use crate::yaml::{Decoder, Node, ValueType, printable};

/// How much mail an account may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As much as it likes.
    Unlimited,
    /// To so many recipients in each period.
    To(Rate),
}

/// A number of recipients in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The number of recipients, at least one.
    pub recipients: u32,
    /// The period.
    pub period: Period,
}

/// A period, as `mail.yml` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Period {
    Hour,
    Day,
}

/// The value of a key that takes a limit.
pub(crate) const SEND_LIMIT: ValueType =
    ValueType::Either(&[ValueType::Pattern("^([0-9]+ */ *(hour|day)|none)$"), ValueType::Boolean]);

/// Postfix takes mail for as many recipients at most, by far.
const MOST: u32 = 1_000_000;

impl Period {
    /// Returns its length.
    pub fn length(self) -> Duration {
        let hours = match self {
            Self::Hour => 1,
            Self::Day => 24,
        };
        Duration::from_secs(hours * 3600)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hour => "hour",
            Self::Day => "day",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("none"),
            Self::To(Rate { recipients, period }) => write!(f, "{recipients}/{period}"),
        }
    }
}

impl Limit {
    /// The limit of accounts about which `mail.yml` says nothing.
    pub const DEFAULT: Self = Self::To(Rate { recipients: 500, period: Period::Day });

    /// Parses `500/day`, `100/hour` or `none`; `false` is `none`.
    ///
    /// # Errors
    ///
    /// Returns why the text is not a limit.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if matches!(text, "none" | "false") {
            return Ok(Self::Unlimited);
        }
        let help = "write `500/day`, `100/hour`, or `none` for no limit";
        let not_one = || Invalid::new(format!("`{}` is not a send limit", printable(text)), help);
        let (number, period) = text.split_once('/').ok_or_else(not_one)?;
        let period = match period.trim_start_matches(' ') {
            "hour" => Period::Hour,
            "day" => Period::Day,
            _ => return Err(not_one()),
        };
        let number = number.trim_end_matches(' ');
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(not_one());
        }
        match number.parse() {
            Ok(0) => Err(Invalid::new("a send limit of 0 lets no mail out", help)),
            Ok(recipients) if recipients <= MOST => Ok(Self::To(Rate { recipients, period })),
            _ => {
                let message = format!("a send limit of more than {MOST} recipients");
                Err(Invalid::new(message, "write `none` for no limit"))
            }
        }
    }
}

/// Reads the value of a key that takes a limit.
pub(crate) fn read(decoder: &mut Decoder, node: &Node) -> Option<Spanned<Limit>> {
    spanned::value(decoder, node, Limit::parse)
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn a_limit_is_a_number_of_recipients_in_a_period() {
        for (text, written) in [
            ("500/day", "500/day"),
            ("100 / hour", "100/hour"),
            ("007/day", "7/day"),
            ("none", "none"),
            ("false", "none"),
        ] {
            assert_eq!(Limit::parse(text).unwrap().to_string(), written);
        }
        assert_eq!(Limit::DEFAULT, Limit::parse("500/day").unwrap());
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "500",
            "/day",
            "500/",
            "500/week",
            "5.5/day",
            "+5/day",
            "-1/day",
            "0/day",
            "true",
            "1000001/day",
            "99999999999/hour",
            "500/day/hour",
            " 500/day",
        ] {
            assert!(Limit::parse(text).is_err(), "{text}");
        }
    }
}
