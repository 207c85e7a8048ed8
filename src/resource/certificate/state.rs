//! The state of a certificate and its key, as it is or as it is planned.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::acme::Order;
use super::examine::{covers, seconds};
use crate::resource::{Planned, State};

/// The state of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateState {
    pub names: Vec<String>,
    /// When it expires, in seconds since 1970.
    pub expires: Planned<i64>,
    pub belongs: bool,
    /// Whether only root can read the key.
    pub private: bool,
    /// Whether it is an authority's (RFC 5280, 4.2.1.9), which a server's
    /// should not be.
    #[serde(default)]
    pub authority: bool,
    /// When an authority was last asked to issue one, in seconds since 1970; 0 if none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: i64,
    /// Where a planned pair comes from.
    #[serde(default, skip_serializing_if = "Issuance::is_own")]
    pub issuance: Issuance,
    /// Whether a planned pair has the present key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_key: bool,
}

/// Where a planned pair comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issuance {
    /// It is there, or is made here.
    #[default]
    Own,
    /// An authority issued it earlier.
    Kept(Order),
    /// An authority is asked for it. If it issues none, a self-signed one stands in.
    Asked(Order),
}

impl Issuance {
    pub(super) fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// Returns the word for it in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Kept(_) => "kept",
            Self::Asked(_) => "asked",
        }
    }
}

impl fmt::Display for Issuance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("self-signed"),
            Self::Kept(order) => write!(f, "as {} issued it", order.authority()),
            Self::Asked(order) => {
                write!(f, "from {}, or else self-signed for now", order.authority())
            }
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl CertificateState {
    /// A server's pair, of which only the names are missing.
    pub(super) const GOOD: Self = Self {
        names: Vec::new(),
        expires: Planned::AfterApply,
        belongs: true,
        private: true,
        authority: false,
        asked: 0,
        issuance: Issuance::Own,
        keep_key: false,
    };

    /// Says where a planned pair comes from, and for which names.
    pub(crate) fn origin(&self) -> String {
        format!("{}, for {}", self.issuance, self.names.join(", "))
    }

    /// Returns whether the pair can serve a host for so many seconds more.
    pub(super) fn serves(&self, hostname: &str, left: i64) -> bool {
        self.belongs
            && !self.authority
            && covers(&self.names, hostname)
            && self.expires.known().is_none_or(|end| *end > seconds() + left)
    }
}

/// Returns whether an authority is asked for a planned certificate.
pub(crate) fn asks_authority(state: &State) -> bool {
    matches!(state, State::Certificate(state) if matches!(state.issuance, Issuance::Asked(_)))
}
