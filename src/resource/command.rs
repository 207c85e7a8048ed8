//! `command`: runs a program unless a proof that it has run exists. An argument
//! list, never a shell line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::attributes::{ARGV, path};
use super::kind::{Declaration, Thing};
use super::{Assets, Key, Overlay, Said, State, Target, Undo};
use crate::host::{Error, Host, Result};
use crate::yaml::{Decoder, KeySpec, Node, Section, ValueType};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Command {
    key: CommandKey,
}

/// A program with the proof that it has run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandKey {
    pub argv: Vec<String>,
    /// A path that the program creates.
    pub creates: Option<PathBuf>,
    /// A program that exits with 0 where this one need not run.
    pub unless: Option<Vec<String>>,
}

const FIELDS: Section = Section {
    keys: &[
        KeySpec::new("argv", ARGV, "The program and its arguments. No shell reads it."),
        KeySpec::new("creates", ValueType::Text, "A path: it runs only if nothing is there."),
        KeySpec::new("unless", ARGV, "A program: it runs only if this one does not exit with 0."),
    ],
    required: &["argv"],
    one_of: &[],
    together: &[],
};
impl Declaration for Command {
    const WORDS: &[KeySpec] = &[KeySpec::new(
        "command",
        ValueType::Section(&FIELDS),
        "A program has been run; it needs `creates` or `unless`.",
    )];

    fn decode(_: &str, node: &Node, _: &dyn Assets, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &FIELDS)?;
        let argv = fields.require("argv", &node.span, decoder);
        let argv = argv.and_then(|entry| self::argv(&entry.value, decoder));
        let creates = fields.get("creates").map(|entry| path(&entry.value, decoder));
        let unless = fields.get("unless").map(|entry| self::argv(&entry.value, decoder));
        if creates.is_none() && unless.is_none() {
            let help =
                "add `creates: PATH`, or `unless: [PROGRAM, …]` that ends with 0 once it is done";
            decoder.error(&node.span, "nothing tells when the command need not run", help);
            return None;
        }
        let key = CommandKey { argv: argv?, creates: creates.flatten(), unless: unless.flatten() };
        Some(Self { key })
    }

    fn targets(&self, _: &Overlay<'_>) -> Result<Vec<Target>> {
        Ok(vec![Target { key: Key::Command(self.key.clone()), after: State::Done }])
    }

    fn asks(&self) -> Vec<&[String]> {
        self.key.unless.as_deref().into_iter().collect()
    }
}

impl Thing for Command {
    const NAME: &str = "command";
    type Key = CommandKey;
    type State = ();
    const HAS_SIDE_EFFECTS: bool = true;

    fn name(key: &CommandKey) -> String {
        key.argv.join(" ")
    }

    /// Looks for the proof that the program has run.
    fn observe(host: &Host, key: &CommandKey) -> Result<State> {
        let made = match &key.creates {
            Some(path) => host.exists(path)?,
            None => false,
        };
        let done = made
            || match &key.unless {
                Some(argv) => answers_yes(host, argv),
                None => false,
            };
        Ok(if done { State::Done } else { State::Absent })
    }

    /// Runs the program, and verifies the proof.
    fn write(
        host: &Host,
        key: &CommandKey,
        _: &State,
        _: &State,
        _: &mut dyn FnMut(Said<'_>),
    ) -> Result<()> {
        host.command(&key.argv).run()?;
        match Self::observe(host, key)? {
            State::Done => Ok(()),
            _ => Err(Error::Other(format!(
                "`{}` ended well, yet `{}` does not hold",
                key.argv.join(" "),
                if key.creates.is_some() { "creates" } else { "unless" }
            ))),
        }
    }

    fn undo(key: &CommandKey, _: &State, _: &State, _: &State, _: &Overlay<'_>) -> Result<Undo> {
        Ok(Undo::Irreversible(format!("what `{}` did stays", key.argv.join(" "))))
    }
}

pub(super) fn argv(node: &Node, decoder: &mut Decoder) -> Option<Vec<String>> {
    if node.as_scalar().is_some() {
        let help = "write a list: [PROGRAM, ARGUMENT, …]; no shell reads it";
        decoder.error(&node.span, "a command is a list of arguments, not a line", help);
        return None;
    }
    let words: Option<Vec<String>> =
        decoder.list(node)?.iter().map(|word| decoder.text(word).map(String::from)).collect();
    let words = words?;
    if words.first().is_none_or(String::is_empty) || words.iter().any(|word| word.contains('\0')) {
        decoder.error(&node.span, "there is no program to run", "write [PROGRAM, ARGUMENT, …]");
        return None;
    }
    Some(words)
}

/// Runs the program of `unless`. One that is not installed yet counts as a no.
fn answers_yes(host: &Host, argv: &[String]) -> bool {
    host.command(argv).capture().is_ok_and(|captured| captured.success())
}
