//! Compares the accounts in Dovecot's password file: which are added and
//! removed, and where their mail is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Affected, Item, Step, texts};

/// Dovecot's password file.
const USERS: &str = "/etc/dovecot/users";

/// A line of that file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The login, without its domain.
    pub local: String,
    /// The domain, where the login has one.
    pub domain: Option<String>,
    /// The hash, to recognize an account under another name. Never shown.
    pub hash: String,
    /// The folder of the mail.
    pub home: PathBuf,
    /// The quota in bytes, as written.
    pub quota: Option<u64>,
}

impl Mailbox {
    /// Returns the login name.
    pub fn login(&self) -> String {
        match &self.domain {
            Some(domain) => format!("{}@{domain}", self.local),
            None => self.local.clone(),
        }
    }
}

/// Parses the lines: `login:hash:uid:gid::home::more`.
pub fn mailboxes(text: &str) -> Vec<Mailbox> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let home = fields.get(5).filter(|home| home.starts_with('/'))?;
        let (local, domain) = match fields[0].split_once('@') {
            Some((local, domain)) => (local, Some(domain.to_owned())),
            None => (fields[0], None),
        };
        // `userdb_quota_rule=*:bytes=N`, or `userdb_quota_storage_size=NB`.
        let more = fields.get(7..).unwrap_or_default().join(":");
        let number = more.rsplit('=').next().map(|it| it.trim_end_matches('B'));
        let quota = number.filter(|_| more.contains("quota")).and_then(|it| it.parse().ok());
        let home = Path::new(home).components().collect();
        Some(Mailbox { local: local.into(), domain, hash: fields[1].into(), home, quota })
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect()
}

pub(super) fn items(steps: &[Step<'_>], affected: &[Affected]) -> Vec<Item> {
    let Some((before, after)) = texts(steps, USERS) else { return Vec::new() };
    let (before, after) = (mailboxes(before), mailboxes(after));
    let by_login = |rows: &[Mailbox]| -> HashMap<String, Mailbox> {
        rows.iter().map(|row| (row.login(), row.clone())).collect()
    };
    let (old, new) = (by_login(&before), by_login(&after));
    // An added account that gets the mail of a removed one is that account under a new name.
    let heir = |row: &Mailbox| {
        let moved = affected.iter().find(|it| it.home == row.home)?.moves_to.as_ref()?;
        after.iter().find(|it| it.home == *moved)
    };
    let renamed: Vec<_> = before.iter().filter_map(|row| Some((row, heir(row)?))).collect();
    let is_renamed =
        |login: &str| renamed.iter().any(|(from, to)| from.login() == login || to.login() == login);
    let is_only_in = |row: &&Mailbox, others: &HashMap<String, Mailbox>| {
        !others.contains_key(&row.login()) && !is_renamed(&row.login())
    };
    let gone: Vec<&Mailbox> = before.iter().filter(|row| is_only_in(row, &new)).collect();
    let come = after.iter().filter(|row| is_only_in(row, &old));
    let mut passwords = Vec::new();
    let mut quotas = Vec::new();
    for (was, is) in after.iter().filter_map(|row| Some((old.get(&row.login())?, row))) {
        if was.hash != is.hash {
            passwords.push(is.login());
        }
        if was.quota != is.quota {
            let [was, now] = [was.quota, is.quota].map(|it| it.map_or("none".into(), size));
            quotas.push(format!("{} ({was} → {now})", is.login()));
        }
    }
    let names = |rows: &[&Mailbox]| rows.iter().map(|row| row.login()).collect();
    let removed = Item::new("delete", "account", "removed", names(&gone))
        .map(|item| item.with(mail_stays(&gone, affected)));
    let renames = renamed.iter().map(|(from, to)| {
        let name = format!("{} → {}", from.login(), to.login());
        Item::new("update", "account", "renamed", vec![name])
            .map(|item| item.with(format!("its mail moves to {}", to.home.display())))
    });
    let added = Item::new("create", "account", "added", come.map(Mailbox::login).collect());
    let others = [
        added,
        Item::new("update", "password", "changed", passwords),
        Item::new("update", "quota", "changed", quotas),
    ];
    [removed].into_iter().chain(renames).chain(others).flatten().collect()
}

/// Describes where the mail of removed accounts stays.
fn mail_stays(gone: &[&Mailbox], affected: &[Affected]) -> String {
    let of_one = |row: &&Mailbox| affected.iter().find(|it| it.home == row.home);
    let (mails, bytes) = gone.iter().filter_map(of_one).fold((0, 0), |(mails, bytes), it| {
        (mails + it.mails, bytes + it.bytes) //
    });
    let count = match mails {
        0 => String::new(),
        1 => format!(" (1 mail, {})", size(bytes)),
        _ => format!(" ({mails} mails, {})", size(bytes)),
    };
    match gone {
        [row] => format!("its mail stays in {}{count}", row.home.display()),
        rows => format!("their mail stays in {}{count}", common_folder(rows).display()),
    }
}

/// Returns the deepest folder that contains all homes.
fn common_folder(rows: &[&Mailbox]) -> PathBuf {
    let homes = || rows.iter().map(|row| row.home.as_path());
    let first = homes().next().unwrap_or(Path::new("/"));
    let is_common = |folder: &&Path| homes().all(|home| home.starts_with(folder));
    first.ancestors().skip(1).find(is_common).unwrap_or(Path::new("/")).to_owned()
}

/// Formats a size: exactly in the largest unit possible, else rounded.
fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}
