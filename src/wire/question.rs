//! The questions that a command may ask on another host. Each is one of ours:
//! another host chooses which, and never the words.

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Whether the changes of a plan are to be made.
    MakeChanges,
    /// Whether an edited mail.yml is to be applied.
    ApplyNow,
    /// One of these two, where a plan can be looked at before it is answered.
    Plan {
        /// Whether an edited mail.yml is to be applied.
        apply_now: bool,
    },
    /// The new password of an account.
    NewPassword {
        /// The account's name.
        account: String,
    },
    /// The new password once more.
    SameAgain,
    /// A word that is to be typed by who means it.
    Word {
        /// The word: a name or an address.
        word: String,
    },
}

impl Question {
    /// The words of it.
    pub fn text(&self) -> String {
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

    /// Whether the answer is a secret, which is not shown while it is typed.
    pub fn is_unseen(&self) -> bool {
        matches!(self, Self::NewPassword { .. } | Self::SameAgain)
    }

    /// Whether what it says is shaped as a name or an address.
    pub fn is_well_formed(&self) -> bool {
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
