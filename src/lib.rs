//! mailprov turns a bare Debian host into a mail server and keeps it so.
//!
//! # The idea
//!
//! State is data. A host is a map from keys to states, and each step of a
//! playbook declares the state of some keys:
//!
//! ```text
//! Key     file:/etc/postfix/main.cf · user:vmail · package:postfix · service:postfix
//! State   Absent | File { content, owner, … } | User { uid, … } | Service { running, … } | …
//! Change  { step, key, before: State, after: State }
//! ```
//!
//! The rest follows from that. To compare is `before != after`. A plan is the
//! list of changes, each observed through an overlay: the host as it is, with the
//! `after` of earlier changes laid over it, so that a bare host and a converged
//! one are planned the same way. To apply is to write each `after`. To undo is a
//! run whose `after` is the `before` of another run. A diff shows one against the
//! other. There are no handlers: the state of a service holds the digests of the
//! files that its process loaded. If those are not the files on disk, the restart
//! is a change like any other, no matter who edited them or when.
//!
//! # Glossary
//!
//! One word, one thing.
//!
//! | word | meaning |
//! |---|---|
//! | host | the machine that is looked at and changed; [`host::Host`] is the only door to it |
//! | fact | a property of a host that templates may use: its release, its version of Postfix |
//! | spec | a whole `mail.yml`, parsed into types that cannot be wrong: [`services::Spec`] |
//! | service | a part of a mail server with a folder of its own: its settings, its variables, its steps |
//! | playbook | ordered steps in YAML; `postmaster` is the one for mail |
//! | step | a name, one resource, and conditions |
//! | resource | one declaration of a step: a file with this content, a package that is installed |
//! | kind | a sort of resource: `file`, `package`, `service` (a unit of systemd), … |
//! | key | the name of one thing on a host: its kind, and its path or name |
//! | state | what a thing is, or is to be |
//! | change | a key with the state before and the state after |
//! | plan | the changes that would make a host as a playbook declares |
//! | run | one plan as it is made, with a number; an apply or a rollback |
//! | journal | the record of a run on disk: each change, with its state before |
//! | undo | to take back the changes of a run that failed, within that run |
//! | rollback | a run that brings back the states from before an earlier run |
//! | drift | a difference from the state in which mailprov last left a thing |
//! | checker | a service's own program that judges its new files before they are put in place |
//! | check | a question to a live mail server, and the judgement of its answer |
//! | finding | the result of a check: a verdict, with reason and remedy |
//! | secret | a value that prints as `«secret»` |
//! | box | a throw-away Debian on this machine, for `try` and the tests |
//!
//! # The rooms
//!
//! Each room imports only from floors below its own; `tests/house.rs` has the
//! list and keeps it.
//!
//! ```text
//! 12 main           arguments in, exit code out
//! 11 commands       one screen a command: parse → app → report
//! 10 app            the work of the commands; returns values and prints nothing
//!    report         plans and events → terminal, progress, JSON lines
//! 9  cli            the command line; its comments are the help texts
//! 8  remote         other hosts: ssh carries this program there and its events back
//! 7  sandbox        boxes, for `try` and the tests
//!    check          questions to a live mail server, one file a check
//! 6  services       one folder a service: settings, variables, records, ways; a whole Spec
//! 5  engine         plan, apply, undo, journal, lock; names no kind of resource
//! 4  playbook       steps and templates: YAML and the spec in, resources out
//!    intent         what a plan comes to, in the words of mail.yml
//! 3  resource       one file or folder a kind: fields, key, state, observe, write, undo
//!    probe          clients: SMTP, IMAP, POP3, in the clear or over TLS; DNS
//! 2  mail           names, addresses, accounts: types that cannot be wrong; knows no host
//!    host           files, processes, users, packages, units, facts
//! 1  yaml           YAML as a tree that remembers places; edits; schemas
//!    explain        reasons and ways, read from configuration files
//!    wire           the messages between two mailprovs over SSH
//!    command_error  why a command failed, with hints and exit code
//!    local          files that a person names on the command line
//! 0  diagnostic     a mistake and its place         secret   prints as «secret»
//!    finding        the result of a check           digest   SHA-256
//!    visible        foreign text, made harmless     diff     two texts → marked lines
//!    reach          command lines to print          wrap     prose in lines that fit
//!    manual         the manual pages
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
//! 1. `playbooks/postmaster/playbook.yml`: all changes to a host, in order.
//! 2. `src/app/context.rs`: from a command line to the resources of a host.
//! 3. `src/resource/group.rs`: the smallest kind of resource, complete.
//! 4. `src/engine/plan.rs`: from a list of declarations to a list of changes.
//! 5. `src/engine/apply.rs`: making them, and undoing them when one fails.
//!
//! # What always holds
//!
//! * After `write(s)`, `observe` returns a state that meets `s`; and `write(b)`,
//!   `write(a)`, `write(b)` leaves `b`. For every kind of resource.
//! * Apply makes the changes of the plan: the same ones, in the same order, with
//!   the same bytes. Right after, a plan is empty.
//! * An error while looking is an error, never "no change".
//! * Every choice is made while planning. Apply looks again before each change,
//!   and stops if the host is no longer what the plan saw.
//! * Files are replaced whole, by a rename, with owner and mode set before there
//!   is anything to read. Planted links are not followed.
//! * A service's checker judges all its files before one of them is put in place.
//! * No secret is in a message, a diff, JSON, or the arguments of a process.
//! * Owners are compared by name, so a step may name a user that an earlier step
//!   creates.
//! * Only [`report`] prints: to the terminal, or as lines of [`wire`] to where the
//!   terminal is.
//! * A run never waits for a connection, and does not end with it.
//! * No input panics: not mail.yml, a playbook, a server's answer, or a file of the
//!   host.

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod app;
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
pub mod intent;
pub mod local;
pub mod mail;
mod manual;
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
pub mod wrap;
pub mod yaml;
