//! Compares domains, addresses, forwards and catch-alls, as Postfix's tables list them.

use std::collections::BTreeMap;

use super::{Item, Step, server, texts};
use crate::mail::ROLES;

/// The virtual alias map.
const VIRTUAL: &str = "/etc/postfix/virtual";

/// The kind of a line in the table.
#[derive(PartialEq, Eq)]
enum Sort {
    /// An address whose mail goes to one mailbox.
    Address,
    /// An address whose mail leaves the host, or goes to several mailboxes.
    Forward,
    CatchAll,
    /// An address that each domain has: `postmaster`.
    Role,
}

/// The table: patterns and targets.
type Table<'a> = BTreeMap<&'a str, &'a str>;

pub(super) fn items(steps: &[Step<'_>]) -> Vec<Item> {
    let mut items = domains(steps);
    let Some((before, after)) = texts(steps, VIRTUAL) else { return items };
    let (old, new) = (table(before), table(after));
    for (sort, subject) in
        [(Sort::Address, "address"), (Sort::Forward, "forward"), (Sort::CatchAll, "catch-all")]
    {
        let of = |table: &Table<'_>, key: &str| {
            table.get(key).is_some_and(|to| self::sort(key, to, table) == sort)
        };
        let come = new.iter().filter(|(key, _)| of(&new, key) && !old.contains_key(*key));
        let come = come.map(|(key, to)| leads(key, to, &new)).collect();
        let gone: Vec<&str> = old.keys().copied().collect();
        let gone: Vec<&str> =
            gone.into_iter().filter(|key| of(&old, key) && !new.contains_key(key)).collect();
        let others = new.iter().filter_map(|(key, to)| {
            let was = old.get(key).filter(|was| *was != to && of(&new, key))?;
            Some(format!(
                "{} ({} → {})",
                key.trim_start_matches('@'),
                short(key, was, &old),
                short(key, to, &new)
            ))
        });
        let others = others.collect();
        let fate = fate(&gone, &new);
        let gone = gone.iter().map(|key| key.trim_start_matches('@').to_owned()).collect();
        let gone = Item::new("delete", subject, "removed", gone);
        let gone = match fate {
            Some(fate) if sort != Sort::CatchAll => gone.map(|item| item.with(fate)),
            _ => gone,
        };
        let added = Item::new("create", subject, "added", come);
        items.extend(
            [gone, added, Item::new("update", subject, "changed", others)].into_iter().flatten(),
        );
    }
    items.extend(roles(&old, &new));
    items
}

fn domains(steps: &[Step<'_>]) -> Vec<Item> {
    let Some((before, after)) = texts(steps, server::MAIN) else { return Vec::new() };
    let list = |text| -> Vec<String> {
        let value = server::parameter(text, "virtual_mailbox_domains").unwrap_or_default();
        let words =
            value.split([',', ' ']).filter(|word| !word.is_empty() && !word.contains(['$', ':']));
        words.map(str::to_owned).collect()
    };
    let (old, new) = (list(before), list(after));
    let only_in = |all: &[String], others: &[String]| {
        all.iter().filter(|it| !others.contains(it)).cloned().collect()
    };
    let gone = Item::new("delete", "domain", "removed", only_in(&old, &new));
    let come = Item::new("create", "domain", "added", only_in(&new, &old));
    gone.into_iter().chain(come).collect()
}

fn table(text: &str) -> Table<'_> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once([' ', '\t']))
        .map(|(key, to)| (key, to.trim()))
        .collect()
}

fn sort(key: &str, to: &str, table: &Table<'_>) -> Sort {
    let local = key.split('@').next().unwrap_or_default();
    match () {
        () if local.is_empty() => Sort::CatchAll,
        () if ROLES.contains(&local) && key != to => Sort::Role,
        // A mailbox has a line that leads to itself.
        () if to == key || table.get(to) == Some(&to) => Sort::Address,
        () => Sort::Forward,
    }
}

/// Describes where an address leads; an account's own address is only named.
fn leads(key: &str, to: &str, table: &Table<'_>) -> String {
    let own = |text: &str| text.split('@').next().map(str::to_owned);
    match own(key) == own(to) && !to.contains(',') {
        true => key.to_owned(),
        false => format!("{} → {}", key.trim_start_matches('@'), short(key, to, table)),
    }
}

/// Returns the targets, without their domain if it is that of the address
/// itself, or if the account has an address there as well.
fn short(key: &str, to: &str, table: &Table<'_>) -> String {
    let domain = key.split_once('@').map_or("", |(_, domain)| domain);
    let one = |target: &str| match target.split_once('@') {
        Some((local, its))
            if its == domain || table.get(&*format!("{local}@{domain}")) == Some(&target) =>
        {
            local.to_owned()
        }
        _ => target.to_owned(),
    };
    to.split(", ").map(one).collect::<Vec<_>>().join(", ")
}

/// Describes where new mail to removed addresses will go.
fn fate(gone: &[&str], new: &Table<'_>) -> Option<String> {
    let it = |key: &&str| {
        let domain = key.split_once('@')?.1;
        Some(new.get(format!("@{domain}").as_str()).map(|to| short(key, to, new)))
    };
    let mut fates: Vec<Option<String>> = gone.iter().filter_map(it).collect();
    fates.dedup();
    match &fates[..] {
        [None] => Some("new mail to it is refused".into()),
        [Some(to)] => Some(format!("new mail to it goes to the catch-all, {to}")),
        _ => None,
    }
    .map(|fate| if gone.len() == 1 { fate } else { fate.replacen(" it ", " them ", 1) })
}

/// Describes where `postmaster` and the like lead, if that changes in a remaining domain.
fn roles(old: &Table<'_>, new: &Table<'_>) -> Option<Item> {
    let changed = new.iter().filter_map(|(key, to)| {
        let was = old.get(key).filter(|was| *was != to && sort(key, to, new) == Sort::Role)?;
        Some(format!("{} → {}", short(key, was, old), short(key, to, new)))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort();
    changed.dedup();
    Item::new("update", "receiver of system mail", "changed", changed)
}
