//! Dovecot's daemon, for the checks.

use crate::finding::rules;
use crate::services::checking::Daemon;

/// The submission ports of Postfix need Dovecot for logins.
pub(super) static DAEMON: Daemon = Daemon {
    unit: "dovecot",
    running: &RUNNING,
    rules: RULES,
    ports: &[110, 143, 465, 587, 993, 995, 4190],
};

rules! {
    RUNNING = "dovecot.running", "Dovecot", "Mail programs log in and read mail through it.";
}
