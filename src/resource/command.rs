//! `command`: a program has been run, unless what proves it is there. An
//! argument list, never a shell line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::attributes::path;
use super::{Key, State, Target, keys};
use crate::host::{Error, Host, Result};
use crate::yaml::{Decoder, Node};

/// A program to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Command {
    key: CommandKey,
}

/// A program with what proves that it has run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandKey {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Something that it makes.
    pub creates: Option<PathBuf>,
    /// A question that is answered with exit code 0 where it need not run.
    pub unless: Option<Vec<String>>,
}

impl Command {
    /// Reads the fields of a `command` step.
    pub(super) fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let fields = decoder.fields(node, &keys::COMMAND)?;
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

    /// Returns the question that tells whether it need not run.
    pub(super) fn unless(&self) -> Option<&[String]> {
        self.key.unless.as_deref()
    }

    /// Returns the program, done.
    pub(super) fn targets(&self) -> Vec<Target> {
        vec![Target { key: Key::Command(self.key.clone()), after: State::Done }]
    }
}

/// Reads an argument list.
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

/// Looks for the proof that the program has run.
pub(super) fn observe(host: &Host, key: &CommandKey) -> Result<State> {
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

/// Asks the question of `unless`. A program that is not there yet says no.
fn answers_yes(host: &Host, argv: &[String]) -> bool {
    host.command(argv).capture().is_ok_and(|captured| captured.success())
}

/// Runs the program, and looks that it did what it was run for.
pub(super) fn write(host: &Host, key: &CommandKey) -> Result<()> {
    host.command(&key.argv).run()?;
    match observe(host, key)? {
        State::Done => Ok(()),
        _ => Err(Error::Other(format!(
            "`{}` ended well, yet `{}` does not hold",
            key.argv.join(" "),
            if key.creates.is_some() { "creates" } else { "unless" }
        ))),
    }
}
