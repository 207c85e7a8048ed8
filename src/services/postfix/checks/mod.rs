//! The checks of Postfix.

mod outward;
mod queue;
mod relay;
mod spoofing;

use crate::finding::rules;
use crate::services::checking::{Check, Daemon, Protocol};

pub(super) static CHECKS: &[&Check] =
    &[&relay::CHECK, &spoofing::CHECK, &queue::CHECK, &outward::CHECK];

/// The submission ports also need Dovecot, for logins.
pub(super) static DAEMON: Daemon = Daemon {
    unit: "postfix",
    running: &RUNNING,
    rules: RULES,
    is_behind: |port| port.protocol == Protocol::Smtp,
};

rules! {
    RUNNING = "postfix.running", "Postfix", "It receives and sends all mail.";
}
