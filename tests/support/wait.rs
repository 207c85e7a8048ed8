//! Waiting for a condition, with a time limit.

use std::time::Duration;

pub use mailprov::sandbox::wait_at_most;

/// How long [`wait_for`] has patience.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer, and returns it; panics with
/// `what` if there is none within [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    match wait_at_most(PATIENCE, ask) {
        Some(answer) => answer,
        None => panic!("waited {} s in vain for {what}", PATIENCE.as_secs()),
    }
}
