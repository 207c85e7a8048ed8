//! Handles a bad certificate in a run: the run does not bring it into use, but
//! makes all unrelated changes.

use std::path::Path;

use super::Plan;
use crate::host::{Host, Result};
use crate::playbook::Declared;
use crate::resource::{BadPair, judge_bad_pair};

impl Plan {
    /// Judges the plan of `declared` by a bad certificate pair, and removes the
    /// changes that would bring the pair into use. `can_be_served`: daemons can
    /// run with the pair.
    pub(crate) fn judge_bad_pair(
        &mut self,
        host: &Host,
        declared: &[Declared],
        pair: [&Path; 2],
        can_be_served: bool,
    ) -> Result<BadPair> {
        let changes: Vec<_> =
            self.changes.iter().map(|it| (&it.key, &it.before, &it.after)).collect();
        let resources = declared.iter().map(|declared| &declared.resource);
        let (verdict, put_off) = judge_bad_pair(host, resources, &changes, pair, can_be_served)?;
        self.changes.retain(|change| !put_off.contains(&change.key.to_string()));
        Ok(verdict)
    }
}
