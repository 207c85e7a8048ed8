//! Waiting for what comes true by itself, with an end.

use std::thread;
use std::time::{Duration, Instant};

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

/// Asks again and again until there is an answer or the time is over.
pub fn wait_at_most<T>(time: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + time;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
