//! Reads `accounts:`: names, passwords, aliases, quotas and send limits.

use std::ops::Range;

use super::spanned::{self, Spanned};
use super::{
    Account, AccountName, AppPassword, Files, Invalid, Limit, Mailboxes, Name, PasswordHash, Size,
    app_password, schema, secret_file, send_limit,
};
use crate::yaml::{Decoder, Entry, Fields, Key, Kind};

/// An account's password and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The hash of the password.
    pub password: PasswordHash,
    /// Whether a hash is in `mail.yml` itself, not in a file of its own.
    pub is_inline: bool,
    /// The passwords of its devices, in the order written.
    pub app_passwords: Vec<AppPassword>,
    /// The limit of the mailbox, if it has one.
    pub quota: Option<Size>,
    /// How much it may send, if it has a limit of its own.
    pub send_limit: Option<Limit>,
}

const SMALLEST: Size = Size::mebibytes(1);
const LARGEST: Size = Size::mebibytes(1 << 30);

/// Reads all accounts. Returns the directory's part, or `None` if a name is
/// missing, and the credentials, or `None` if one is invalid.
pub(super) fn read(
    decoder: &mut Decoder,
    fields: &Fields<'_>,
    mailboxes: Mailboxes,
    files: &Files<'_>,
) -> (Option<Vec<Account>>, Option<Vec<Credentials>>) {
    let Some(entry) = fields.require("accounts", &(0..0), decoder) else {
        return (None, None);
    };
    if !matches!(entry.value.kind, Kind::Map(_)) {
        let help = "write each name as a key, `thomas:`, and its password below it, indented";
        decoder.wrong_type::<()>(&entry.value, "a map", help);
        return (None, None);
    }
    let entries = decoder.entries(&entry.value).unwrap_or_default();
    if entries.is_empty() {
        let help = "add one, such as `thomas: {password: \"{SHA512-CRYPT}$6$…\"}`";
        decoder.error(&entry.key.span, "there is no account", help);
    }
    let (mut accounts, mut credentials) = (Some(Vec::new()), Some(Vec::new()));
    for entry in entries {
        let name = read_name(decoder, &entry.key, mailboxes);
        let (aliases, secret) = read_body(decoder, entry, files);
        match (name, &mut accounts) {
            (Some(name), Some(accounts)) => accounts.push(Account { name, aliases }),
            _ => accounts = None,
        }
        match (secret, &mut credentials) {
            (Some(secret), Some(credentials)) => credentials.push(secret),
            _ => credentials = None,
        }
    }
    (accounts, credentials)
}

fn read_name(
    decoder: &mut Decoder,
    key: &Key,
    mailboxes: Mailboxes,
) -> Option<Spanned<AccountName>> {
    let name = spanned::key(decoder, key, AccountName::parse)?;
    if mailboxes == Mailboxes::Shared && name.value.domain().is_some() {
        let local = name.value.local();
        let help = format!(
            "write `{local}`, one mailbox in all domains; or add `mailboxes: per-domain`, then \
             this is an account in one domain"
        );
        let message = format!("the account `{}` is an address", name.value);
        decoder.error(&name.span, message, &help);
        return None;
    }
    Some(name)
}

type Body = (Vec<Spanned<Name>>, Option<Credentials>);

fn read_body(decoder: &mut Decoder, account: &Entry, files: &Files<'_>) -> Body {
    if account.value.is_null() {
        no_password(decoder, &account.key);
        return (Vec::new(), None);
    }
    if !matches!(account.value.kind, Kind::Map(_)) {
        let name = decoder.written(&account.key.span);
        let help = format!("write `{name}: {{password: \"{{SHA512-CRYPT}}$6$…\"}}`");
        decoder.wrong_type::<()>(&account.value, "a map", &help);
        return (Vec::new(), None);
    }
    let Some(fields) = decoder.fields(&account.value, &schema::ACCOUNT) else {
        return (Vec::new(), None);
    };
    let aliases = read_aliases(decoder, &fields);
    let password = read_password(decoder, &account.key, &fields, files);
    let quota = read_quota(decoder, &fields);
    let limit = fields.get("send_limit");
    let limit = limit.and_then(|entry| send_limit::read(decoder, &entry.value));
    let send_limit = limit.map(|limit| limit.value);
    let app_passwords = app_password::read(decoder, &fields);
    let credentials = password.zip(app_passwords).map(|(password, app_passwords)| {
        let is_inline = fields.has("password") || !app_passwords.is_empty();
        Credentials { password, is_inline, app_passwords, quota, send_limit }
    });
    (aliases, credentials)
}

fn no_password(decoder: &mut Decoder, account: &Key) {
    let message = format!("the account `{}` has no password", decoder.written(&account.span));
    decoder.error(&account.span, message, "add `password:` or `password_file:` below it");
}

fn read_aliases(decoder: &mut Decoder, fields: &Fields<'_>) -> Vec<Spanned<Name>> {
    let Some(entry) = fields.get("aliases") else {
        return Vec::new();
    };
    let items = decoder.list(&entry.value).unwrap_or_default();
    items.iter().filter_map(|item| spanned::value(decoder, item, Name::parse)).collect()
}

fn read_quota(decoder: &mut Decoder, fields: &Fields<'_>) -> Option<Size> {
    let quota = spanned::value(decoder, &fields.get("quota")?.value, Size::parse)?;
    let (message, most) = match quota.value {
        size if size < SMALLEST => ("a quota below 1 MiB", "at least `1M`"),
        size if size > LARGEST => ("a quota above 1024 TiB", "at most `1024T`"),
        size => return Some(size),
    };
    decoder.error(
        &quota.span,
        message,
        &format!("write {most}, or leave `quota` out for no limit"),
    );
    None
}

/// Reads the hash, from the text or from a file. Mistakes are reported at the
/// key, because the value is secret.
fn read_password(
    decoder: &mut Decoder,
    account: &Key,
    fields: &Fields<'_>,
    files: &Files<'_>,
) -> Option<PasswordHash> {
    let entry = match (fields.get("password"), fields.get("password_file")) {
        (Some(_), Some(file)) => {
            let help = "keep either `password` or `password_file`";
            decoder.error(&file.key.span, "the account has two passwords", help);
            return None;
        }
        (Some(entry), None) | (None, Some(entry)) => entry,
        (None, None) => {
            if !fields.has("password") && !fields.has("password_file") {
                no_password(decoder, account);
            }
            return None;
        }
    };
    let (text, place) = if entry.key.text == "password" {
        let text = decoder.text(&entry.value)?.to_owned();
        (Ok(text), &entry.key.span)
    } else {
        let path = decoder.line(&entry.value)?;
        (secret_file::read(files, path), &entry.value.span)
    };
    match text.and_then(|text| PasswordHash::parse(&text)) {
        Ok(hash) => Some(hash),
        Err(Invalid { message, help }) => {
            decoder.error(place, message, &help);
            None
        }
    }
}

/// Finds an unquoted `{SCHEME}` on the line of a YAML error, and returns the key before it.
pub(crate) fn unquoted_hash(text: &str, error: &Range<usize>) -> Option<Range<usize>> {
    let start = text.get(..error.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next()?;
    let colon = line.match_indices(": {").map(|(at, _)| at).find(|at| {
        let name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        line[at + 3..].split_once('}').is_some_and(|(scheme, hash)| {
            scheme.len() > 2 && scheme.bytes().all(name) && hash.len() > 20
        })
    })?;
    let key = line[..colon].rfind([' ', '{', ',']).map_or(0, |before| before + 1);
    Some(start + key..start + colon)
}
