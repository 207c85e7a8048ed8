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

mod access;
mod aliases;
mod catch_all;
#[allow(dead_code, unreachable_pub, reason = "a toolbox")]
mod common;
mod delivery;
mod everyday;
mod first_run;
mod mailboxes;
mod modes;
mod passwords;
mod relaying;
mod rollback;
mod smuggling;
mod submission;
mod support_works;
mod system_mail;
mod tls;
mod two_servers;
