//! mailprov turns a bare Debian host into a mail server and keeps it so.

pub mod diagnostic;
pub mod mail;
pub mod secret;
pub mod yaml;
