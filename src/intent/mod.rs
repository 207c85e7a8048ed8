//! The intent of a plan: a summary of its changes in the terms of mail.yml.
//!
//! It is derived from the changes alone, by comparing their files before and
//! after. So the plan of mail.yml, a rollback and a saved plan all have one,
//! without another look at the host.

mod addresses;
mod app_passwords;
mod mailboxes;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::resource::{Key, State};
pub use mailboxes::Mailbox;
pub use mailboxes::mailboxes;

/// The number of names that are listed; the rest is counted.
const NAMES_SHOWN: usize = 6;

/// A list up to this length is not shortened, since counting one or two would not be shorter.
const MOST_NAMES: usize = 8;

/// A summary of a plan, the most important items first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intent(pub Vec<Item>);

/// Items of one kind with the same change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `create`, `update` or `delete`.
    pub action: String,
    /// The kind, in the singular: `account`, `port`.
    pub subject: String,
    /// The change: `added`, `restarted`.
    pub verb: String,
    /// The names, with the old and the new value if there are two.
    pub names: Vec<String>,
    /// The consequence, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The mail of an account that is removed or renamed.
#[derive(Debug, Clone)]
pub struct Affected {
    /// The name of the account.
    pub account: String,
    /// The folder of the mail.
    pub home: PathBuf,
    /// The number of mails.
    pub mails: u64,
    /// The size of the mails in bytes.
    pub bytes: u64,
    /// The new folder, if the mail moves.
    pub moves_to: Option<PathBuf>,
    /// Whether it needs a separate confirmation.
    pub asks: bool,
    /// The whole as a sentence.
    pub text: String,
}

/// The part of a change that the intent depends on.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// The key of the resource.
    pub key: &'a Key,
    /// The state before the change.
    pub before: &'a State,
    /// The state after the change.
    pub after: &'a State,
    /// The run since which another program or person has changed it.
    pub drift: Option<u64>,
}

impl Intent {
    /// Derives the intent of changes.
    pub fn of(steps: &[Step<'_>], affected: &[Affected]) -> Self {
        let mut items = mailboxes::items(steps, affected);
        items.extend(app_passwords::items(steps));
        items.extend(addresses::items(steps));
        items.extend(server::items(steps));
        Self(items)
    }

    /// Returns whether the plan has no intent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Item {
    /// Returns an item, or `None` without names.
    fn new(action: &str, subject: &str, verb: &str, names: Vec<String>) -> Option<Self> {
        let [action, subject, verb] = [action, subject, verb].map(str::to_owned);
        (!names.is_empty()).then_some(Self { action, subject, verb, names, note: None })
    }

    /// Adds a consequence.
    fn with(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Formats the item: `1 account removed: anna; its mail stays in /var/vmail/anna`.
    pub fn text(&self) -> String {
        let Self { subject, verb, names, note, .. } = self;
        let shown = if names.len() > MOST_NAMES { NAMES_SHOWN } else { names.len() };
        let mut text = match names.len() {
            1 if server::is_single(subject) => format!("{subject} {verb}: "),
            1 => format!("1 {subject} {verb}: "),
            many => format!("{many} {} {verb}: ", plural(subject)),
        };
        text += &names[..shown].join(", ");
        match names.len() - shown {
            0 => {}
            more => text += &format!(" and {more} more"),
        }
        if let Some(note) = note {
            text += &format!("; {note}");
        }
        text
    }
}

/// Returns the plural of a noun, which may be followed by other words.
fn plural(noun: &str) -> String {
    let (first, rest) = match noun.split_once(' ') {
        Some(("app", _)) | None => (noun, ""),
        Some(parts) => parts,
    };
    let ending = if first.ends_with('s') { "es" } else { "s" };
    format!("{first}{ending} {rest}").trim_end().to_owned()
}

/// Returns the texts of a file before and after, if it changes.
fn texts<'a>(steps: &[Step<'a>], path: &str) -> Option<(&'a str, &'a str)> {
    let is_it = |step: &&Step<'_>| matches!(step.key, Key::File(it) if it.to_str() == Some(path));
    let step = steps.iter().find(is_it)?;
    Some((text(step.before), text(step.after)))
}

/// Returns the text of a file, or an empty one for any other state.
fn text(state: &State) -> &str {
    match state {
        State::File { blob, .. } => std::str::from_utf8(blob.content.bytes()).unwrap_or_default(),
        _ => "",
    }
}
