//! postsrsd, for the checks.

use crate::finding::rules;
use crate::services::checking::Daemon;

pub(super) static DAEMON: Daemon =
    Daemon { unit: "postsrsd", running: &RUNNING, rules: RULES, is_behind: |_| false };

rules! {
    RUNNING = "postsrsd.running", "postsrsd",
        "While it is down, mail that is forwarded to other hosts waits.";
}
