//! What a run does about a certificate that is bad: it is not brought into use,
//! and what has nothing to do with it is done all the same.

use std::path::Path;

use super::Plan;
use crate::host::{Host, Result};
use crate::playbook::Declared;
use crate::resource::{BadPair, judge_bad_pair};

impl Plan {
    /// Judges the plan, made of what is `declared`, by a certificate and its key
    /// that are bad, and puts off the changes that would bring it into use.
    /// `can_be_served`: daemons run with the pair as well as with a good one.
    pub fn judge_bad_pair(
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
