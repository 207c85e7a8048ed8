//! The work of the commands: open their input, plan, apply, check. Returns
//! values, and prints nothing.

pub(crate) mod accounts;
mod context;
mod error;
mod mail_file;
mod mailboxes;
mod plan;
pub(crate) mod received;
mod takeover;

pub(crate) use context::{Context, MailSource, playbook};
pub(crate) use mail_file::{
    find, folder, found, no_mail_yml, parse, read, source, text, unreadable,
};
pub(crate) use mailboxes::Renamed;
