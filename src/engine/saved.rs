//! A plan in a file: bound by digests to all that it was made from, so that it
//! is applied exactly or not at all. It holds no contents, hence no secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::digest::Digest;
use crate::intent::Intent;
use crate::resource::{State, action};

/// The form of the file.
const VERSION: u32 = 1;

/// A plan as it is kept in a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedPlan {
    /// The form of the file.
    pub version: u32,
    /// When it was made, in nanoseconds since 1970.
    pub made: i64,
    /// The mail.yml that it was made from, if from one.
    pub mail: Option<PathBuf>,
    /// The changes, in order.
    pub changes: Vec<SavedChange>,
    /// The steps that could not be looked at.
    pub unseen: Vec<String>,
    /// What the changes come to; earlier versions did not say.
    #[serde(default, skip_serializing_if = "Intent::is_empty")]
    pub intent: Intent,
}

/// A change as it is kept in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedChange {
    /// The name of the step.
    pub step: String,
    /// What changes, as `kind:name`.
    pub key: String,
    /// `create`, `update` or `delete`.
    pub action: String,
    /// What differs, in words.
    pub why: Vec<String>,
    /// The digest of what was there.
    pub before: Digest,
    /// The digest of what is to be there.
    pub after: Digest,
}

/// A file that is no saved plan, or one that fits no more.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    /// It cannot be read as one.
    #[error("it is not a plan that this mailprov saved: {0}")]
    Form(String),
    /// The host, or mail.yml, is no longer what it was.
    #[error("the saved plan no longer fits:\n{}", .0.join("\n"))]
    Moved(Vec<String>),
}

impl SavedPlan {
    /// Keeps a plan.
    pub fn new(plan: &Plan, mail: Option<PathBuf>) -> Self {
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

    /// Reads a saved plan.
    ///
    /// # Errors
    ///
    /// Fails where the bytes are none, or of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, SavedPlanError> {
        let plan: Self = serde_json::from_slice(bytes)
            .map_err(|error| SavedPlanError::Form(error.to_string()))?;
        match plan.version {
            VERSION => Ok(plan),
            version => {
                Err(SavedPlanError::Form(format!("its version is {version}, not {VERSION}")))
            }
        }
    }

    /// Returns the plan as the text of a file.
    pub fn to_text(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Compares the plan with one that was made just now.
    ///
    /// # Errors
    ///
    /// Fails where they are not the same, and names what moved.
    pub fn check(&self, plan: &Plan) -> Result<(), SavedPlanError> {
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

/// Digests a state. Its JSON form is always the same for the same state.
fn digest(state: &State) -> Digest {
    Digest::of(&serde_json::to_vec(&state.stored()).unwrap_or_default())
}
