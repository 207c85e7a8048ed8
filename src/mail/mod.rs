//! The part of `mail.yml` that all services share: names, addresses and
//! accounts, parsed once into types that are always valid.
//!
//! Names are safe as paths and as keys of lookup tables, every address leads
//! somewhere, and Dovecot verifies every hash. Everything that depends on a
//! host is checked elsewhere.
//!
//! * [`Domain`], [`Hostname`], [`LocalPart`], [`AccountName`], [`Address`],
//!   [`PasswordHash`] and [`Size`] are the types of single values.
//! * [`Directory`] knows the holder of each address; `PostfixTables` are the
//!   lookup tables derived from it.
//!
//! This room knows no host. Besides the text it reads only the `password_file`s
//! that the text names, through [`Files`].

mod accounts;
mod address;
mod app_password;
mod catch_all;
mod check_account;
mod context;
mod directory;
mod domain;
mod files;
mod forwards;
mod hash_format;
mod local_part;
mod loops;
mod name;
mod new_password;
mod password;
mod ports;
mod postfix_tables;
mod resolve;
mod schema;
pub(crate) mod secret_file;
pub(crate) mod send_limit;
mod size;
pub(crate) mod spanned;
mod validate;

use std::collections::HashMap;
use std::ops::Range;

pub use accounts::Credentials;
pub(crate) use accounts::unquoted_hash;
pub use address::Address;
pub use app_password::AppPassword;
pub use app_password::DeviceName;
pub use app_password::NewAppPassword;
pub(crate) use check_account::CheckAccount;
pub use context::Context;
pub use directory::Account;
pub use directory::Directory;
pub use directory::Forward;
pub use directory::Mailboxes;
pub use domain::Domain;
pub use domain::Hostname;
pub use files::Files;
pub use local_part::LocalPart;
pub(crate) use local_part::name_of;
pub use name::AccountName;
pub use name::Name;
pub use name::Target;
pub use new_password::Password;
pub use password::PasswordHash;
pub(crate) use ports::{DovecotPorts, postfix_ports};
pub use postfix_tables::Pattern;
pub(crate) use postfix_tables::{Alias, PostfixTables};
pub use resolve::ROLES;
pub(crate) use schema::SIZE;
pub(crate) use schema::{KEYS, REQUIRED};
pub use send_limit::{Limit, Period, Rate};
pub use size::Size;
pub use spanned::Invalid;
pub use spanned::Spanned;

use crate::yaml::{Decoder, Fields};

pub(crate) fn hostname(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Spanned<Hostname>> {
    let entry = fields.require("hostname", &(0..0), decoder)?;
    spanned::value(decoder, &entry.value, Hostname::parse)
}

/// Reads all addresses, and the credentials of each account.
pub(crate) fn directory(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    files: &Files<'_>,
) -> (Option<Directory>, Option<Vec<Credentials>>) {
    let domains = domains(decoder, fields);
    let mailboxes = mailboxes(decoder, fields);
    let (accounts, credentials) = accounts::read(decoder, fields, mailboxes, files);
    let forwards = forwards::read(decoder, fields);
    let directory = validate::directory(decoder, fields, domains, mailboxes, accounts, forwards);
    (directory, credentials)
}

/// Reads the domains. Returns `None` if one is invalid, as later checks need all.
fn domains(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Vec<Domain>> {
    let entry = fields.require("domains", &(0..0), decoder)?;
    let items = decoder.list(&entry.value)?;
    if items.is_empty() {
        decoder.error(&entry.key.span, "no domain is listed", "list at least one");
        return None;
    }
    let mut seen: HashMap<Domain, Range<usize>> = HashMap::new();
    let mut domains = Some(Vec::with_capacity(items.len()));
    for item in items {
        let Some(domain) = spanned::value(decoder, item, Domain::parse) else {
            domains = None;
            continue;
        };
        if let Some(first) = seen.get(&domain.value) {
            let message = format!("`{}` is listed twice", domain.value);
            let line = decoder.line_of(first);
            decoder.error(&domain.span, message, &format!("the first is on line {line}: keep one"));
            continue;
        }
        seen.insert(domain.value.clone(), domain.span);
        if let Some(domains) = &mut domains {
            domains.push(domain.value);
        }
    }
    domains
}

fn mailboxes(decoder: &mut Decoder, fields: &Fields<'_>) -> Mailboxes {
    let help =
        "write `shared` (a name is one mailbox in all domains) or `per-domain` (one in each)";
    let word = fields
        .get("mailboxes")
        .and_then(|entry| spanned::one_of(decoder, entry, &["shared", "per-domain"], help));
    if word == Some("per-domain") { Mailboxes::PerDomain } else { Mailboxes::default() }
}
