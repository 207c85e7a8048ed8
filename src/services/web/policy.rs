//! The policy by which other servers deliver to this one with TLS only (RFC 8461).

use super::settings::PolicyMode;
use crate::digest::Digest;
use crate::services::Spec;

/// How long other servers keep a policy, in seconds. RFC 8461, 3.2 wants weeks, so that an
/// attacker gains little by keeping it away.
pub(super) const MAX_AGE: u32 = 7 * 24 * 60 * 60;

/// How long they keep one that asks for nothing. It is there to be forgotten.
const MAX_AGE_OF_NONE: u32 = 24 * 60 * 60;

/// Returns the text of the policy, which is the same for all domains; `None` where there is
/// none.
pub(super) fn policy(spec: &Spec) -> Option<String> {
    let mode = spec.services.web?.mta_sts?;
    let max_age = match mode {
        PolicyMode::None => MAX_AGE_OF_NONE,
        PolicyMode::Enforce | PolicyMode::Testing => MAX_AGE,
    };
    let hostname = &spec.hostname.value;
    // RFC 8461, 3.2: the lines may end with LF alone.
    Some(format!("version: STSv1\nmode: {mode}\nmx: {hostname}\nmax_age: {max_age}\n"))
}

/// Returns the text of the record that announces a policy: its id changes with it (RFC 8461,
/// 3.1).
pub(super) fn announcement(policy: &str) -> String {
    let digest = Digest::of(policy.as_bytes()).to_string();
    format!("v=STSv1; id={};", &digest[..20])
}
