//! Compares the passwords of devices in the file that Dovecot's script reads.

use std::collections::BTreeMap;

use super::{Item, Step, texts};

/// The file.
const FILE: &str = "/etc/dovecot/app_passwords";

/// Parses the lines: `login:device:hash`.
fn hashes(text: &str) -> BTreeMap<String, &str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.filter_map(|line| {
        let (login, rest) = line.split_once(':')?;
        let (device, hash) = rest.split_once(':')?;
        Some((format!("{device} of {login}"), hash))
    });
    rows.collect()
}

pub(super) fn items(steps: &[Step<'_>]) -> Vec<Item> {
    let Some((before, after)) = texts(steps, FILE) else { return Vec::new() };
    let (old, new) = (hashes(before), hashes(after));
    let missing = |from: &BTreeMap<String, &str>, others: &BTreeMap<String, &str>| {
        from.keys().filter(|name| !others.contains_key(*name)).cloned().collect()
    };
    let changed = new.iter().filter(|(name, hash)| old.get(*name).is_some_and(|it| it != *hash));
    let changed = changed.map(|(name, _)| name.clone()).collect();
    [
        Item::new("delete", "app password", "removed", missing(&old, &new)),
        Item::new("create", "app password", "added", missing(&new, &old)),
        Item::new("update", "app password", "changed", changed),
    ]
    .into_iter()
    .flatten()
    .collect()
}
