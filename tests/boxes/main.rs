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

#[allow(dead_code, unreachable_pub, reason = "a toolbox")]
mod access;
mod accounts;
#[allow(unreachable_pub, reason = "a toolbox")]
mod acme;
mod acme_dns;
mod addresses;
mod after_apply;
mod agent;
mod aliases;
mod answering;
mod app_passwords;
mod bad_certificate;
mod ban;
mod catch_all;
mod cloud_init;
#[allow(dead_code, unreachable_pub, reason = "a toolbox")]
mod common;
#[cfg(feature = "faults")]
#[allow(unreachable_pub, reason = "a toolbox")]
mod crash;
#[cfg(feature = "crash-matrix")]
#[allow(unreachable_pub, reason = "a toolbox")]
mod crash_fresh;
#[cfg(feature = "crash-matrix")]
mod crash_matrix;
#[cfg(feature = "crash-matrix")]
#[allow(unreachable_pub, reason = "a toolbox")]
mod crash_table;
mod delivery;
mod dkim;
mod drift;
mod everyday;
mod explained;
mod forwarding;
mod from_here;
mod handlers;
mod hostile;
#[cfg(feature = "faults")]
mod interrupted;
mod kept_mail;
mod key_pair;
mod lost_connections;
mod mailboxes;
mod modes;
mod nothing_broken_goes_live;
#[allow(unreachable_pub, reason = "a toolbox")]
mod over_ssh;
mod own_playbook;
mod package;
mod packages;
mod passwords;
mod plan_is_the_truth;
mod plans;
#[allow(dead_code, unreachable_pub, reason = "a toolbox")]
mod provoked;
mod relaying;
mod renewal;
mod resolver;
#[allow(unreachable_pub, reason = "a toolbox")]
mod rollback;
#[cfg(feature = "faults")]
mod secrets;
mod self_service;
mod send_limit;
mod settled;
mod sieve;
mod small_kinds;
mod smuggling;
mod spam;
mod strangers;
mod submission;
mod support_works;
mod switched_off;
mod system_mail;
mod takeover;
mod tls;
mod tree;
mod trust;
mod try_it;
mod two_servers;
#[cfg(feature = "faults")]
mod undo;
mod watch;
#[allow(unreachable_pub, reason = "a toolbox")]
mod web;
mod web_neighbours;
mod webmail;
#[allow(unreachable_pub, reason = "a toolbox")]
mod well;
mod without_ipv6;
mod without_systemd;
