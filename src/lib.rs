//! mailprov turns a bare Debian host into a mail server and keeps it so.

pub mod cli;
pub mod commands;
pub mod diagnostic;
pub mod diff;
pub mod digest;
pub mod engine;
pub mod host;
pub mod local;
pub mod mail;
pub mod playbook;
pub mod report;
pub mod resource;
pub mod secret;
pub mod yaml;
