//! Tests that happen on real Debian boxes, provisioned by the built program
//! and looked at from the network.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by a panic, helpers included"
)]

#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "a toolbox, not all of it in use")]
mod support;

mod agent;
mod drift;
mod handlers;
mod nothing_broken_goes_live;
mod own_playbook;
mod packages;
mod plan_is_the_truth;
mod rollback;
mod support_works;
mod tree;
mod without_systemd;
mod try_it;
