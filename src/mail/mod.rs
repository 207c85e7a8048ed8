//! `mail.yml`: what the mail service is, parsed once into types that cannot be
//! wrong.
//!
//! [`load`] reads the text and reports every mistake in it at once. What it
//! returns needs no further check that does not ask a host: names are safe as
//! paths and as keys of lookup tables, every address leads somewhere, every
//! hash is one that Dovecot verifies.
//!
//! * The words of the file are types of their own: [`Domain`], [`Hostname`],
//!   [`LocalPart`], [`AccountName`], [`Address`], [`PasswordHash`], [`Size`].
//! * Each section has a module that holds its type and reads it.
//! * [`Directory`] knows who holds which address; [`PostfixTables`] are the tables
//!   that follow from it.
//! * [`Context`] is all of it as templates see it, and the only place that
//!   shows a secret.
//!
//! This room knows no host. The one thing it reads beside the text are the
//! `password_file`s that the text names, through [`Files`].

mod accounts;
mod address;
mod catch_all;
mod check_account;
mod context;
mod directory;
mod domain;
mod extra;
mod files;
mod forwards;
mod hash_format;
mod local_part;
mod loops;
mod mask;
mod name;
mod new_password;
mod password;
mod ports;
mod postfix_tables;
#[cfg(test)]
mod properties;
mod relay;
mod resolve;
mod room;
mod sandbox_copy;
mod schema;
mod secret_file;
mod services;
mod size;
mod spanned;
mod tls;
mod validate;
mod watch;

use std::ops::Range;
use std::sync::Arc;

pub use accounts::Credentials;
pub use address::Address;
pub use check_account::CheckAccount;
pub use context::Context;
pub use directory::{Account, CatchAll, Directory, Forward, Mailboxes};
pub use domain::{Domain, Hostname};
pub use extra::{Extra, MasterEntry};
pub use files::{Files, ReferencedFile, ReferencedKind, referenced_files};
pub use local_part::LocalPart;
pub use mask::{NEW_SECRET, masked, masked_texts};
pub use name::{AccountName, Name, Target};
pub use new_password::Password;
pub use password::PasswordHash;
pub use ports::Ports;
pub use postfix_tables::{Alias, Pattern, PostfixTables, Sender};
pub use relay::{Certainty, Login, Relay};
pub use resolve::ROLES;
pub use sandbox_copy::SandboxCopy;
pub use schema::MAIL as KEYS;
pub use services::Services;
pub use size::Size;
pub use spanned::{Invalid, Spanned};
pub use tls::Tls;
pub use watch::Watch;

use crate::diagnostic::{Diagnostic, Source};
use crate::yaml::{self, Decoder, Fields, Node, ValueType};

/// A mail service, as `mail.yml` describes it.
#[derive(Debug)]
pub struct Spec {
    /// The text, every secret in it masked, for later diagnostics that point
    /// into it.
    pub source: Arc<Source>,
    /// The name that the MX record points to.
    pub hostname: Spanned<Hostname>,
    /// Domains, accounts, forwards: everything that has an address.
    pub directory: Directory,
    /// Password and quota of each account, in the accounts' order.
    pub credentials: Vec<Credentials>,
    /// Certificate and key.
    pub tls: Tls,
    /// The largest message.
    pub message_size: Size,
    /// The protocols to read mail by.
    pub services: Services,
    /// The host that outgoing mail is handed to, if not each recipient's own.
    pub relay: Option<Relay>,
    /// How often it is looked at whether all is well, if it is.
    pub watch: Option<Watch>,
    /// Settings that this file has no word for.
    pub extra: Extra,
}

impl Spec {
    /// Returns the size of the largest mail that Postfix takes, in bytes: `extra`
    /// has the last word.
    pub fn largest_mail(&self) -> u64 {
        let mut extra = self.extra.postfix.iter();
        let own = extra.find(|(name, _)| name.value == "message_size_limit");
        own.and_then(|(_, value)| value.parse().ok()).unwrap_or(self.message_size.bytes())
    }
}

/// Returns the JSON Schema of `mail.yml`, for editors.
pub fn schema() -> serde_json::Value {
    let about = "What a mail server is: its name, domains, accounts. See mailprov.";
    yaml::schema("mail.yml", about, &ValueType::Section(&schema::MAIL))
}

/// Reads a `mail.yml`, and the `password_file`s that it names from `files`.
///
/// # Errors
///
/// Returns every mistake in the text, in its order. None of them shows a
/// password or a hash.
pub fn load(source: &Arc<Source>, files: &Files<'_>) -> Result<Spec, Vec<Diagnostic>> {
    let root = yaml::parse(source).map_err(|mistakes| not_yaml(source, mistakes))?;
    let mut decoder = Decoder::new(&mask::tree(source, &root));
    let spec = read(&mut decoder, &root, files);
    decoder.finish(spec)
}

/// Points at the first bytes of a `mail.yml` that are not UTF-8; `None` where all
/// are. No password or hash is shown.
pub fn not_text(name: &str, bytes: &[u8]) -> Option<Diagnostic> {
    let mistake = Diagnostic::not_text(name, bytes)?;
    Some(Diagnostic { source: mask::lines(&mistake.source), ..mistake })
}

/// Points the diagnostics of a text that is not YAML into its masked copy.
fn not_yaml(source: &Arc<Source>, mistakes: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let masked = mask::lines(source);
    let point = |mistake: Diagnostic| {
        let mistake = Diagnostic { source: Arc::clone(&masked), ..mistake };
        match accounts::unquoted_hash(&source.text, &mistake.span) {
            Some(place) => Diagnostic::new(&masked, place, "a hash without quotes")
                .help("put it in double quotes: YAML takes the `{` for the beginning of a map"),
            None => mistake,
        }
    };
    mistakes.into_iter().map(point).collect()
}

fn read(decoder: &mut Decoder, root: &Node, files: &Files<'_>) -> Option<Spec> {
    if root.is_null() {
        let help = "begin with `hostname`, `domains` and `accounts`; the README has a file to copy";
        decoder.error(&(0..0), "the file is empty", help);
        return None;
    }
    let fields = decoder.fields(root, &schema::MAIL)?;
    let hostname = fields
        .require("hostname", &(0..0), decoder)
        .and_then(|entry| spanned::value(decoder, &entry.value, Hostname::parse));
    let domains = read_domains(decoder, &fields);
    let mailboxes = read_mailboxes(decoder, &fields);
    let (accounts, credentials) = accounts::read(decoder, &fields, mailboxes, files);
    let forwards = forwards::read(decoder, &fields);
    let directory = validate::directory(decoder, &fields, domains, mailboxes, accounts, forwards);
    let tls = tls::read(decoder, &fields, hostname.as_ref());
    let message_size = read_message_size(decoder, &fields);
    let services = services::read(decoder, &fields);
    let relay = relay::read(decoder, &fields, files);
    let watch = watch::read(decoder, &fields);
    let extra = extra::read(decoder, &fields);
    Some(Spec {
        source: Arc::clone(decoder.source()),
        hostname: hostname?,
        directory: directory?,
        credentials: credentials?,
        tls: tls?,
        message_size: message_size?,
        services: services?,
        relay,
        watch,
        extra,
    })
}

/// Reads the domains; `None` if one of them is missing for what follows.
fn read_domains(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Vec<Domain>> {
    let entry = fields.require("domains", &(0..0), decoder)?;
    let items = decoder.list(&entry.value)?;
    if items.is_empty() {
        decoder.error(&entry.key.span, "no domain is listed", "list at least one");
        return None;
    }
    let mut seen: std::collections::HashMap<Domain, Range<usize>> =
        std::collections::HashMap::new();
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

fn read_mailboxes(decoder: &mut Decoder, fields: &Fields<'_>) -> Mailboxes {
    let entry = fields.get("mailboxes");
    let read = entry.and_then(|entry| {
        spanned::value(decoder, &entry.value, |text| match text {
            "shared" => Ok(Mailboxes::Shared),
            "per-domain" => Ok(Mailboxes::PerDomain),
            _ => Err(Invalid::new(
                format!("`mailboxes` cannot be `{}`", yaml::printable(text)),
                "write `shared` (a name is one mailbox in all domains) or `per-domain` (one in \
                 each)",
            )),
        })
    });
    read.map(|read| read.value).unwrap_or_default()
}

const SMALLEST: Size = Size::mebibytes(1);
/// Postfix keeps the limit in a signed 32-bit number.
const LARGEST_MESSAGE: Size = Size::mebibytes(2047);

fn read_message_size(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Size> {
    let Some(entry) = fields.get("message_size") else {
        return Some(Size::mebibytes(128));
    };
    let size = spanned::value(decoder, &entry.value, Size::parse)?;
    if size.value < SMALLEST {
        decoder.error(&size.span, "messages smaller than 1 MiB", "write at least `1MiB`");
        return None;
    }
    if size.value > LARGEST_MESSAGE {
        let help = "write at most `2047MiB`: Postfix takes no larger ones";
        decoder.error(&size.span, "messages larger than 2047 MiB", help);
        return None;
    }
    Some(size.value)
}
