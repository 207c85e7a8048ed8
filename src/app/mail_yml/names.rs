//! Finds accounts and addresses in mail.yml, with the text in which it names
//! them.

use std::ops::Range;

use crate::command_error::CommandError;
use crate::diagnostic::Diagnostic;
use crate::mail::{Account, AccountName, DeviceName, Invalid, Name, Target};
use crate::services::Spec;
use crate::yaml::{Document, Kind, Node};

/// Parses an address of the command line.
pub(crate) fn name(name: &str) -> Result<Name, CommandError> {
    Name::parse(name).map_err(usage)
}

pub(crate) fn account_name(name: &str) -> Result<AccountName, CommandError> {
    AccountName::parse(name).map_err(usage)
}

pub(crate) fn device_name(name: &str) -> Result<DeviceName, CommandError> {
    DeviceName::parse(name).map_err(usage)
}

fn usage(Invalid { message, help }: Invalid) -> CommandError {
    CommandError::usage(format!("{message}: {help}"))
}

pub(super) fn find<'s>(spec: &'s Spec, name: &Name) -> Option<(usize, &'s Account)> {
    let mut accounts = spec.directory.accounts.iter().enumerate();
    accounts.find(|(_, account)| *account.name.value == *name)
}

/// Returns the key of an account as written.
pub(super) fn written<'d>(document: &'d Document, account: &Account) -> &'d str {
    let keys = match document.get(&["accounts"]).map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    keys.iter()
        .map(|entry| entry.key.text.as_str())
        .find(|key| AccountName::parse(key).is_ok_and(|name| name == account.name.value))
        .unwrap_or_default()
}

/// Finds the places where mail.yml names the account with this `key`, each with
/// its new text.
pub(super) fn mentions(
    document: &Document,
    spec: &Spec,
    key: &str,
    old: &Name,
    new: &Name,
) -> Vec<(Range<usize>, String)> {
    let renamed = |text: &str| match (Target::parse(&text.to_lowercase()).ok()?, old, new) {
        (Target::Bare(local), Name::Bare(old), _) => (local == *old).then(|| new.to_string()),
        (Target::Full(address), ..) => {
            let is_in = |domain| match old.domain() {
                Some(old) => old == domain,
                None => spec.directory.is_ours(domain),
            };
            let is_it = address.local() == old.local().as_str() && is_in(address.domain());
            is_it.then(|| match (new, text.rsplit_once('@')) {
                (Name::Bare(local), Some((_, domain))) => format!("{local}@{domain}"),
                _ => new.to_string(),
            })
        }
        _ => None,
    };
    let entries = |key: &str| match document.get(&[key]).map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    let mut places = Vec::new();
    let account = entries("accounts").iter().find(|entry| entry.key.text == key);
    places.extend(account.map(|entry| (entry.key.span.clone(), new.to_string())));
    for entry in entries("forwards") {
        let text = renamed(&entry.key.text);
        places.extend(text.map(|text| (entry.key.span.clone(), text)));
    }
    for key in ["catch_all", "system_mail", "forwards"] {
        if let Some(node) = document.get(&[key]) {
            scalars(node, &mut |node, text| {
                places.extend(renamed(text).map(|text| (node.span.clone(), text)));
            });
        }
    }
    places
}

/// Removes an alias from an account, and the `aliases` key with the last one.
pub(super) fn remove_alias(
    document: &Document,
    account: &[&str],
    address: &Name,
) -> Result<Document, Diagnostic> {
    let path = [account, &["aliases"]].concat();
    let items = match document.get(&path).map(|node| &node.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    let is_it = |text: &str| Name::parse(text).is_ok_and(|name| name == *address);
    let index = items.iter().position(|it| it.as_scalar().is_some_and(|it| is_it(&it.text)));
    match (index, items.len()) {
        (Some(index), 2..) => document.remove_item(&path, index),
        _ => document.remove(account, "aliases"),
    }
}

/// Returns the key of a forward with exactly this name, as written.
pub(super) fn written_forward<'d>(document: &'d Document, address: &Name) -> Option<&'d str> {
    let Kind::Map(entries) = &document.get(&["forwards"])?.kind else {
        return None;
    };
    let is_it = |key: &&str| Name::parse(key).is_ok_and(|name| name == *address);
    entries.iter().map(|entry| entry.key.text.as_str()).find(is_it)
}

/// Visits the scalars below a node.
pub(super) fn scalars(node: &Node, visit: &mut dyn FnMut(&Node, &str)) {
    match &node.kind {
        Kind::Scalar(scalar) => visit(node, &scalar.text),
        Kind::List(items) => items.iter().for_each(|item| scalars(item, visit)),
        Kind::Map(entries) => entries.iter().for_each(|entry| scalars(&entry.value, visit)),
    }
}
