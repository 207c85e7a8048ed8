//! Outcomes that nobody heard: a run goes on when the connection that started
//! it is lost, and whoever comes next is told how it ended.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::journal::{Run, runs};
use super::{Lock, LockError, STATE_DIR};
use crate::host::{Content, Host, Ownership, Result};

/// How long a run that goes on alone is waited for. apt may wait for its lock.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Notes that the run that is under way, or was the last, is unheard of.
pub fn mark_unreported(host: &Host) -> Result<()> {
    host.make_private_directories(Path::new(STATE_DIR))?;
    host.put_file(&path(), &Content::new(*b"\n"), &Ownership::of_root(0o600))
}

/// Returns the run that nobody heard the end of, once it has ended; from then on
/// it counts as heard. Calls `waiting` if it is still under way.
///
/// # Errors
///
/// Fails where the run does not end in a quarter of an hour.
pub fn take_unreported(
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
