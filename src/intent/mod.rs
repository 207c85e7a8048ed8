//! The intent of a plan: what its changes come to, in the words of mail.yml.
//!
//! It is read from the changes alone, from what their files say before and
//! after, so that the plan of mail.yml, a rollback and a saved plan all have
//! one, and no second look at the host is needed.

mod addresses;
mod mailboxes;
mod server;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::resource::{Key, State};
pub use mailboxes::Mailbox;
pub use mailboxes::mailboxes;

/// So many names are written out; more are counted.
const NAMES_SHOWN: usize = 6;

/// Counting one or two more would be no shorter.
const MOST_NAMES: usize = 8;

/// What a plan comes to, the most important first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intent(pub Vec<Item>);

/// Things of one sort to which the same happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `create`, `update` or `delete`.
    pub action: String,
    /// The sort, in the singular: `account`, `port`.
    pub subject: String,
    /// What happens to them: `added`, `restarted`.
    pub verb: String,
    /// Their names, with old and new value where there are two.
    pub names: Vec<String>,
    /// What follows from it, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What becomes of the mail of an account that goes, or goes elsewhere.
#[derive(Debug, Clone)]
pub struct Affected {
    /// The account.
    pub account: String,
    /// Where its mail is.
    pub home: PathBuf,
    /// How many mails.
    pub mails: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Where it will be; none where it stays.
    pub moves_to: Option<PathBuf>,
    /// Whether that needs a yes of its own.
    pub asks: bool,
    /// All of that in a sentence.
    pub text: String,
}

/// One change, as far as it tells an intent.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What changes.
    pub key: &'a Key,
    /// What it is.
    pub before: &'a State,
    /// What it will be.
    pub after: &'a State,
    /// The run since which another hand than ours changed it.
    pub drift: Option<u64>,
}

impl Intent {
    /// Reads the intent of changes.
    pub fn of(steps: &[Step<'_>], affected: &[Affected]) -> Self {
        let mut items = mailboxes::items(steps, affected);
        items.extend(addresses::items(steps));
        items.extend(server::items(steps));
        Self(items)
    }

    /// Tells whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Item {
    /// Makes an item; none where it has no names.
    fn new(action: &str, subject: &str, verb: &str, names: Vec<String>) -> Option<Self> {
        let [action, subject, verb] = [action, subject, verb].map(str::to_owned);
        (!names.is_empty()).then_some(Self { action, subject, verb, names, note: None })
    }

    /// Adds what follows from it.
    fn with(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// Says it: `1 account removed: anna; its mail stays in /var/vmail/anna`.
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

/// Returns a noun, which may have words behind it, for several.
fn plural(noun: &str) -> String {
    let (first, rest) = noun.split_once(' ').unwrap_or((noun, ""));
    let ending = if first.ends_with('s') { "es" } else { "s" };
    format!("{first}{ending} {rest}").trim_end().to_owned()
}

/// Returns the texts of a file before and after, where it is one that changes.
fn texts<'a>(steps: &[Step<'a>], path: &str) -> Option<(&'a str, &'a str)> {
    let is_it = |step: &&Step<'_>| matches!(step.key, Key::File(it) if it.to_str() == Some(path));
    let step = steps.iter().find(is_it)?;
    Some((text(step.before), text(step.after)))
}

/// Returns the text of a file; what is none says nothing.
fn text(state: &State) -> &str {
    match state {
        State::File { blob, .. } => std::str::from_utf8(blob.content.bytes()).unwrap_or_default(),
        _ => "",
    }
}
