//! Removes what an interrupted run left half done and no plan would show.

use std::path::Path;

use super::journal::Run;
use super::{STATE_DIR, staged_check};
use crate::host::{Host, Result};
use crate::resource;

/// Cleans up after the `last` run, which must be over. Calls `say` before slow
/// work.
pub(crate) fn cleanup(host: &Host, last: Option<&Run>, say: &mut dyn FnMut(&str)) -> Result<()> {
    staged_check::remove_stages(host)?;
    resource::cleanup(host, say)?;
    let Some(run) = last.filter(|run| run.is_cut_off()) else { return Ok(()) };
    run.records.iter().try_for_each(|record| record.key.cleanup(host))?;
    for (path, _) in run.records.iter().flat_map(|record| &record.traces) {
        host.remove_tree(&Host::unfinished(path))?;
    }
    host.remove_unfinished_below(Path::new(STATE_DIR))
}
