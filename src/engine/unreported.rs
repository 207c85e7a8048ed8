//! Records runs whose outcome was not reported. A run goes on when the
//! connection that started it is lost; the next command reports how it ended.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::journal::{Run, runs};
use super::{Lock, LockError, STATE_DIR};
use crate::host::{Content, Host, Ownership, Result};

/// How long to wait for such a run. apt may wait for its lock.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Marks the current, or last, run as unreported.
pub(crate) fn mark_unreported(host: &Host) -> Result<()> {
    host.make_private_directories(Path::new(STATE_DIR))?;
    host.put_file(&path(), &Content::new(*b"\n"), &Ownership::of_root(0o600))
}

/// Returns the run whose outcome was not reported, once it has ended, and
/// removes the mark. Calls `waiting` if the run is still under way.
///
/// # Errors
///
/// Fails where the run does not end within 15 minutes.
pub(crate) fn take_unreported(
    host: &Host,
    waiting: impl FnOnce(),
) -> std::result::Result<Option<Run>, LockError> {
    if !Host::is_root() || !host.exists(&path())? {
        return Ok(None);
    }
    let start = Instant::now();
    let mut waiting = Some(waiting);
    let lock = loop {
        match Lock::take(host, "waiting for a run to end") {
            Err(LockError::Held(_)) if start.elapsed() < PATIENCE => {
                if let Some(waiting) = waiting.take() {
                    waiting();
                }
                std::thread::sleep(Duration::from_millis(200));
            }
            taken => break taken?,
        }
    };
    host.remove(&path())?;
    drop(lock);
    Ok(runs(host)?.pop())
}

fn path() -> PathBuf {
    Path::new(STATE_DIR).join("unheard")
}
