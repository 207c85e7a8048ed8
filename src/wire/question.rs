//! The questions that a command may ask on another host. The host chooses one
//! of these, and never its words.

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    /// Whether to make the changes of a plan.
    MakeChanges,
    /// Whether to apply an edited mail.yml.
    ApplyNow,
    /// One of these two, where the user can view the plan before the answer.
    Plan {
        /// Whether it is about an edited mail.yml.
        apply_now: bool,
    },
    /// The new password of an account.
    NewPassword { account: String },
    /// The new password once more.
    SameAgain,
    /// A word that the user has to type to confirm.
    Word {
        /// The word: a name or an address.
        word: String,
    },
}

impl Question {
    /// Returns the text of the question.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::MakeChanges => "Make these changes? [y/N]".into(),
            Self::ApplyNow => "Apply now? [y/N]".into(),
            Self::Plan { apply_now: false } => "Make these changes? [y/N/d/?]".into(),
            Self::Plan { apply_now: true } => "Apply now? [y/N/d/?]".into(),
            Self::NewPassword { account } => format!("New password of `{account}`:"),
            Self::SameAgain => "The same again:".into(),
            Self::Word { word } => format!("To go on, type {word}:"),
        }
    }

    /// Returns whether the answer is a secret, which must not be shown while
    /// typed.
    pub(crate) fn is_unseen(&self) -> bool {
        matches!(self, Self::NewPassword { .. } | Self::SameAgain)
    }

    /// Returns whether its parameter has the form of a name or an address.
    pub(crate) fn is_well_formed(&self) -> bool {
        const LONGEST: usize = 320;
        let is_name = |text: &str| {
            let is_sign = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation();
            !text.is_empty() && text.len() <= LONGEST && text.chars().all(is_sign)
        };
        match self {
            Self::NewPassword { account: name } | Self::Word { word: name } => is_name(name),
            Self::MakeChanges | Self::ApplyNow | Self::Plan { .. } | Self::SameAgain => true,
        }
    }
}

pub(crate) fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
