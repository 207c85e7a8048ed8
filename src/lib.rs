//! mailprov turns a bare Debian host into a mail server and keeps it so.
//!
//! # The idea
//!
//! State is data. A host is a map from keys to states, and each step of a
//! playbook says what the state of some keys should be:
//!
//! ```text
//! Key     file:/etc/postfix/main.cf · user:vmail · package:postfix · service:postfix
//! State   Absent | File { content, owner, … } | User { uid, … } | Service { running, … } | …
//! Change  { step, key, before: State, after: State }
//! ```
//!
//! From that the rest follows. To compare is `before != after`. A plan is the
//! list of the changes, each observed through an overlay: the host as it is,
//! with the `after` of earlier changes laid over it, so that a bare host and a
//! finished one are planned the same way. To apply is to write each `after`. To
//! undo is a run whose `after` is another run's `before`. A diff is one against
//! the other. There are no handlers: the state of a service holds the digests of
//! the files that its process loaded, and if those are not the files on disk, the
//! restart is a change like any other, whoever edited them and whenever.
//!
//! # The rooms
//!
//! Each room imports only from floors below its own.
//!
//! ```text
//! 9  main.rs        arguments in, exit code out
//!    cli            the command line; its comments are the help texts
//!    commands       one file a command: glue, no logic of its own
//! 8  remote         other hosts: ssh leads there, this very program does there what is asked
//! 7  report         plans and events → terminal, progress, JSON lines
//!    sandbox        throw-away Debian machines on this one, for `try` and the tests
//!    check          what a mail server is asked, and how its answers are judged
//! 6  services       one folder a service: its keys of mail.yml, what its templates see; a whole Spec
//! 5  engine         plan, apply, undo, journal, lock: keys, states and changes of no certain kind
//! 4  playbook       steps and templates: YAML and the spec in, resources out
//! 3  resource       one file a kind: its fields, its key, what it wants, how to look, how to write
//!    probe          clients for SMTP, IMAP, POP3, in the clear or over TLS; for DNS
//! 2  mail           names, addresses, accounts: types that cannot be wrong; knows no host
//!    host           the only door to the host: files, processes, users, packages, services, facts
//! 1  yaml           YAML as a tree that remembers where each value stands; edits; schemas
//!    explain        the reasons and ways that configuration files tell
//!    wire           what two mailprovs say to each other over SSH
//!    local          files that a person names on the command line, and what they type
//!    manual         the manual pages, from man/ and the help texts
//! 0  diagnostic     a mistake and its place         secret   what prints as «secret»
//!    visible        text of others, made harmless
//!    finding        a thing looked at, and how it is
//!    diff           two texts → marked lines        digest   SHA-256
//!    reach          the command lines that people are told to run next
//! ```
//!
//! # The way through
//!
//! ```text
//! mail.yml ─→    Spec ────┐
//! playbook.yml ───────────┼─→ playbook ─→ resources ─→ engine::plan ─→ report ─→ a yes
//! the host ─→ host::Facts ┘                                 │                      │
//!                                                       host, overlay        engine::apply
//!                                                                          host ↔ ─┴─→ report
//! ```
//!
//! # Five files to read first
//!
//! 1. `playbooks/postmaster/playbook.yml`: all that is done to a host, in order.
//! 2. `src/commands/apply.rs`: the way through, on one page.
//! 3. `src/resource/group.rs`: the smallest kind of resource, complete.
//! 4. `src/engine/plan.rs`: how a list of wishes becomes a list of changes.
//! 5. `src/engine/apply.rs`: how these are made, and what happens when one fails.
//!
//! # What always holds
//!
//! * After `write(s)`, `observe` returns a state that meets `s`; and `write(b)`,
//!   `write(a)`, `write(b)` leaves `b`. For every kind of resource.
//! * What a plan says, apply does: the same changes, in the same order, with the
//!   same bytes. Right after, a plan is empty.
//! * An error while looking is an error, never "no change".
//! * Every choice is made while planning. Apply looks again before each change,
//!   and stops where the host is no longer what the plan saw.
//! * Files are replaced whole, by a rename, with owner and mode set before there
//!   is anything to read. Links planted in the way are not followed.
//! * All files of a service are judged by its own checker before one of them is
//!   put in place.
//! * No secret is in a message, a diff, JSON, or the arguments of a process.
//! * Owners are compared by name, so a step may name a user whom an earlier one
//!   makes.
//! * What is said to people comes from [`report`], and only from there: to the
//!   terminal, or as lines of [`wire`] to where the terminal is.
//! * A run never waits for a connection, and does not end with it.
//! * Nothing panics on what a person wrote.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod check;
pub mod cli;
mod command_error;
pub mod commands;
pub mod diagnostic;
pub mod diff;
pub mod digest;
pub mod engine;
pub mod explain;
mod fault;
pub mod finding;
pub mod host;
pub mod local;
pub mod mail;
pub mod manual;
pub mod playbook;
pub mod probe;
pub mod reach;
pub mod remote;
pub mod report;
pub mod resource;
pub mod sandbox;
pub mod secret;
pub mod services;
pub mod visible;
pub mod wire;
pub mod yaml;
