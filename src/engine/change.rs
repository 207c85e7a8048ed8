//! A change: one key that goes from one state to another.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::staged_check::StagedCheck;
use crate::host::{Host, Result};
use crate::resource::{Key, State};

/// One key that goes from one state to another.
#[derive(Debug, Clone)]
pub struct Change {
    pub step: String,
    pub key: Key,
    pub before: State,
    pub after: State,
    /// Why the change is made, where the two states do not show it.
    pub reason: Option<String>,
    /// How the key came to differ from the state in which an earlier run left
    /// it.
    pub drift: Option<Drift>,
    /// Whether the program that reads it checks it once a second.
    pub(super) polled: bool,
    /// The checks that must pass before this change, the first to a group of
    /// files, is made.
    pub(super) checks: Vec<StagedCheck>,
}

impl Change {
    pub(super) fn new(step: String, key: Key, before: State, after: State) -> Self {
        let (reason, drift) = (None, None);
        Self { step, key, before, after, reason, drift, polled: false, checks: Vec::new() }
    }

    /// Returns the change with the values that earlier changes have made known.
    pub(super) fn made_known(&self, host: &Host) -> Result<Self> {
        Ok(Self { after: self.after.made_known(host)?, ..self.clone() })
    }

    /// Describes the change and its reason, each in a few words.
    pub(crate) fn why(&self) -> Vec<String> {
        let reason = self.reason.iter().cloned();
        reason.chain(self.key.describe(&self.before, &self.after)).collect()
    }
}

/// A difference between a path and the state in which a run left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub run: u64,
    /// Where a package upgrade moved our version.
    pub kept_aside: Option<PathBuf>,
}

/// The sources of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// The path of mail.yml, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The path of the playbook, if it is not the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
}
