//! A saved plan, bound by digests to everything that it was made from, so that
//! it is applied exactly or not at all. It holds no contents, hence no secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::digest::Digest;
use crate::intent::Intent;
use crate::resource::{State, action};

/// The format version.
const VERSION: u32 = 1;

/// A plan as saved in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SavedPlan {
    /// The format version.
    pub version: u32,
    /// In nanoseconds since 1970.
    pub made: i64,
    /// The mail.yml of the plan, if there is one.
    pub mail: Option<PathBuf>,
    pub changes: Vec<SavedChange>,
    /// The steps that could not be compared.
    pub unseen: Vec<String>,
    /// The summary of the changes; missing in plans of early releases.
    #[serde(default, skip_serializing_if = "Intent::is_empty")]
    pub intent: Intent,
}

/// A change as saved in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedChange {
    pub step: String,
    /// `kind:name`.
    pub key: String,
    /// `create`, `update` or `delete`.
    pub action: String,
    /// The differences, in words.
    pub why: Vec<String>,
    /// The digest of the former state.
    pub before: Digest,
    /// The digest of the planned state.
    pub after: Digest,
}

/// Why a saved plan cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SavedPlanError {
    /// The file is not a saved plan.
    #[error("it is not a plan that this mailprov saved: {0}")]
    Form(String),
    /// The host or mail.yml changed since.
    #[error("the saved plan no longer fits:\n{}", .0.join("\n"))]
    Moved(Vec<String>),
}

impl SavedPlan {
    pub(crate) fn new(plan: &Plan, mail: Option<PathBuf>) -> Self {
        let changes = plan.changes.iter().map(|change| SavedChange {
            step: change.step.clone(),
            key: change.key.to_string(),
            action: action(&change.before, &change.after).to_string(),
            why: change.why(),
            before: digest(&change.before),
            after: digest(&change.after),
        });
        Self {
            version: VERSION,
            made: crate::host::now(),
            mail,
            changes: changes.collect(),
            unseen: plan.unseen.iter().map(|unseen| unseen.step.clone()).collect(),
            intent: plan.intent(),
        }
    }

    /// Parses a saved plan.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let plan: Self = serde_json::from_slice(bytes)
            .map_err(|error| SavedPlanError::Form(error.to_string()))?;
        match plan.version {
            VERSION => Ok(plan),
            version => {
                Err(SavedPlanError::Form(format!("its version is {version}, not {VERSION}")))
            }
        }
    }

    /// Encodes the plan as the text of a file.
    pub(crate) fn to_text(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Compares the plan with one that was made just now.
    ///
    /// # Errors
    ///
    /// Fails where they differ, and names the differences.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), SavedPlanError> {
        let now = Self::new(plan, None);
        if now.changes == self.changes && now.unseen == self.unseen {
            return Ok(());
        }
        let by_key = |changes: &[SavedChange]| -> BTreeMap<String, SavedChange> {
            changes.iter().map(|change| (change.key.clone(), change.clone())).collect()
        };
        let (saved, fresh) = (by_key(&self.changes), by_key(&now.changes));
        let mut moved: Vec<String> = saved
            .iter()
            .filter_map(|(key, saved)| match fresh.get(key) {
                None => Some(format!("  {key} need not change any more")),
                Some(fresh) if fresh.before != saved.before => {
                    Some(format!("  {key} is not as it was when the plan was made"))
                }
                Some(fresh) if fresh.after != saved.after => {
                    Some(format!("  {key} is to be other than when the plan was made"))
                }
                Some(_) => None,
            })
            .collect();
        let more = fresh.keys().filter(|key| !saved.contains_key(*key));
        moved.extend(more.map(|key| format!("  {key} is to be changed too")));
        if moved.is_empty() {
            moved.push("  its steps are others, or in another order".into());
        }
        Err(SavedPlanError::Moved(moved))
    }
}

/// Returns the digest of a state. Equal states have the same JSON form.
fn digest(state: &State) -> Digest {
    Digest::of(&serde_json::to_vec(&state.stored()).unwrap_or_default())
}
