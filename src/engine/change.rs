//! A change: one key that is to go from one state to another.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::staged_check::StagedCheck;
use crate::host::{Host, Result};
use crate::resource::{Key, State};

/// One key that is to go from one state to another.
#[derive(Debug, Clone)]
pub struct Change {
    /// The name of the step that declares it.
    pub step: String,
    /// What changes.
    pub key: Key,
    /// What it is now.
    pub before: State,
    /// What it will be.
    pub after: State,
    /// Why it is wanted, where the two states do not tell.
    pub reason: Option<String>,
    /// How it came to be other than an earlier run left it, if it did.
    pub drift: Option<Drift>,
    /// Its reader looks once a second whether it changed.
    pub(super) polled: bool,
    /// What must pass before this change, the first to files that belong
    /// together, is made.
    pub(super) checks: Vec<StagedCheck>,
}

impl Change {
    /// Makes a change.
    pub(super) fn new(step: String, key: Key, before: State, after: State) -> Self {
        let (reason, drift) = (None, None);
        Self { step, key, before, after, reason, drift, polled: false, checks: Vec::new() }
    }

    /// Returns it with what earlier changes have made known.
    pub(super) fn made_known(&self, host: &Host) -> Result<Self> {
        Ok(Self { after: self.after.made_known(host)?, ..self.clone() })
    }

    /// Says what it does and why, each in a few words.
    pub fn why(&self) -> Vec<String> {
        let reason = self.reason.iter().cloned();
        reason.chain(self.key.describe(&self.before, &self.after)).collect()
    }
}

/// How a path came to be other than we left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The run that left it.
    pub run: u64,
    /// What we left, where a package upgrade put it aside.
    pub kept_aside: Option<PathBuf>,
}

/// What a plan was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The mail.yml, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The playbook, where it was not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
}
