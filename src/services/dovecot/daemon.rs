//! Dovecot's daemon, for the checks.

use crate::finding::rules;
use crate::services::checking::Daemon;

/// Every port but 25 asks for a login, which Dovecot checks for Postfix as well.
pub(super) static DAEMON: Daemon = Daemon {
    unit: "dovecot",
    running: &RUNNING,
    rules: RULES,
    is_behind: |port| port.number != 25,
};

rules! {
    RUNNING = "dovecot.running", "Dovecot", "Mail programs log in and read mail through it.";
}
