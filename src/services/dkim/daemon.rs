//! OpenDKIM's daemon, for the checks.

use crate::finding::rules;
use crate::services::checking::Daemon;

pub(super) static DAEMON: Daemon =
    Daemon { unit: "opendkim", running: &RUNNING, rules: RULES, is_behind: |_| false };

rules! {
    RUNNING = "opendkim.running", "OpenDKIM", "It signs what this server sends.";
}
