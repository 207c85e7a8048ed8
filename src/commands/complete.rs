//! Completes command lines: the scripts that `mailprov completions` prints call
//! this at each Tab.
//!
//! They run `mailprov -- WORD…` with [`ASKED`] set. The last word is the one to
//! complete. Candidates are printed one a line, some with a tab and a
//! description. Nothing else is printed, no question asked, and an error only
//! means fewer candidates.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::CommandFactory;
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter, complete as candidates,
};

use super::{Exit, explain};
use crate::app;
use crate::cli::{Cli, Global};
use crate::diagnostic::Source;
use crate::playbook;
use crate::remote;
use crate::report::Report;
use crate::yaml::{Document, Kind, Node};

/// The environment variable that marks a request for completion.
const ASKED: &str = "MAILPROV_COMPLETE";

/// Answers a request for completion, if this is one.
pub fn complete() -> Option<Exit> {
    env::var_os(ASKED)?;
    let mut words = env::args_os().skip(1);
    if words.next()? != "--" {
        return None;
    }
    let lines: String = offers(words.collect()).iter().filter_map(line).collect();
    Report::new(&Global::default()).raw(&lines);
    Some(Exit::Done)
}

/// Returns the candidates for the last word. Options are offered from the first
/// `-`.
fn offers(words: Vec<OsString>) -> Vec<CompletionCandidate> {
    let Some((typed, before)) = words.split_last() else { return Vec::new() };
    let said = Arc::new(Said::on(before));
    let is_option = |word: &OsStr| word.as_encoded_bytes().starts_with(b"-");
    let wants_options = is_option(typed);
    let mut command = with_values(Cli::command(), &said);
    let (last, here) = (words.len() - 1, env::current_dir().ok());
    let found = candidates(&mut command, words, last, here.as_deref()).unwrap_or_default();
    let is_meant = |it: &CompletionCandidate| {
        // Hidden commands have an id; a file with a leading dot has not.
        let is_hidden = it.is_hide_set() && it.get_id().is_some();
        let value = it.get_value();
        !is_hidden && value != "." && (wants_options || !is_option(value))
    };
    found.into_iter().filter(is_meant).collect()
}

/// Formats a candidate as a line, unless it could be misread.
fn line(offer: &CompletionCandidate) -> Option<String> {
    let value = offer.get_value().to_str()?;
    let help = offer.get_help().map(ToString::to_string).unwrap_or_default();
    let help = help.lines().next().unwrap_or_default();
    let tab = if help.is_empty() { "" } else { "\t" };
    let is_plain = !value.chars().chain(help.chars()).any(char::is_control);
    is_plain.then(|| format!("{value}{tab}{help}\n"))
}

/// The files that earlier words name.
#[derive(Debug, Default)]
struct Said {
    mail: Option<PathBuf>,
    playbook: Option<PathBuf>,
    root: Option<PathBuf>,
}

impl Said {
    fn on(words: &[OsString]) -> Self {
        let command = Cli::command().ignore_errors(true);
        let Ok(top) = command.try_get_matches_from(words) else { return Self::default() };
        let mut matches = &top;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        let path = |id: &str| matches.try_get_one::<PathBuf>(id).ok().flatten().cloned();
        Self { mail: path("mail"), playbook: path("playbook"), root: path("root") }
    }

    /// Returns the mail.yml that the command would read, if it can be read.
    fn document(&self) -> Option<Document> {
        let path = app::find(self.mail.as_deref()).ok()??;
        let text = app::read(&path).ok()?;
        Document::parse(&Arc::new(Source { name: path.display().to_string(), text })).ok()
    }
}

/// Returns the values of an argument, given the earlier words and the part
/// typed so far.
type Values = fn(&Said, &OsStr) -> Vec<CompletionCandidate>;

/// Attaches the values of arguments to a command and its subcommands.
fn with_values(command: clap::Command, said: &Arc<Said>) -> clap::Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| match values(&name, arg.get_id().as_str()) {
        Some(values) => {
            let said = Arc::clone(said);
            let offer = move |typed: &OsStr| {
                let mut offers = values(&said, typed);
                let typed = typed.as_encoded_bytes();
                offers.retain(|it| it.get_value().as_encoded_bytes().starts_with(typed));
                offers
            };
            arg.add(ArgValueCompleter::new(offer))
        }
        None => arg,
    });
    command.mut_subcommands(|below| with_values(below, said))
}

/// Returns the values of an argument that the command line does not define
/// itself.
fn values(command: &str, argument: &str) -> Option<Values> {
    Some(match (command, argument) {
        (_, "on") | ("bootstrap" | "pull", "host") => hosts,
        (_, "playbook") => playbooks_and_files,
        ("show", "name") => playbooks,
        ("passwd" | "remove" | "rename", "name") | ("add", "names") | ("check", "login") => {
            accounts
        }
        ("add" | "remove" | "list", "account") => accounts,
        ("remove", "address") => further_addresses,
        ("explain", "what") => explained,
        _ => return None,
    })
}

fn hosts(_: &Said, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(home) = env::home_dir() else { return Vec::new() };
    let typed = typed.to_str().unwrap_or_default();
    let user = typed.rfind('@').map_or("", |at| &typed[..=at]);
    let hosts = remote::acquainted(&home).into_iter();
    hosts.map(|host| CompletionCandidate::new(format!("{user}{host}"))).collect()
}

fn playbooks(_: &Said, _: &OsStr) -> Vec<CompletionCandidate> {
    let offer =
        |it: &playbook::Embedded| CompletionCandidate::new(it.name).help(Some(it.about().into()));
    playbook::all().iter().map(offer).collect()
}

fn playbooks_and_files(said: &Said, typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut offers = playbooks(said, typed);
    offers.extend(PathCompleter::any().complete(typed));
    offers
}

fn accounts(said: &Said, _: &OsStr) -> Vec<CompletionCandidate> {
    let document = said.document();
    let names = document.as_ref().map(|it| keys(it.get(&["accounts"]))).unwrap_or_default();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn further_addresses(said: &Said, _: &OsStr) -> Vec<CompletionCandidate> {
    let Some(document) = said.document() else { return Vec::new() };
    let mut found: BTreeSet<&str> = keys(document.get(&["forwards"])).into_iter().collect();
    for account in keys(document.get(&["accounts"])) {
        if let Some(Node { kind: Kind::List(aliases), .. }) =
            document.get(&["accounts", account, "aliases"])
        {
            let aliases = aliases.iter().filter_map(|alias| alias.as_scalar());
            found.extend(aliases.map(|alias| alias.text.as_str()));
        }
    }
    found.into_iter().map(CompletionCandidate::new).collect()
}

fn keys(node: Option<&Node>) -> Vec<&str> {
    match node.map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.iter().map(|entry| entry.key.text.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn explained(said: &Said, typed: &OsStr) -> Vec<CompletionCandidate> {
    let root = said.root.clone().unwrap_or_else(|| "/".into());
    let global = Global { playbook: said.playbook.clone(), root, ..Global::default() };
    let known: BTreeMap<String, String> = explain::known(&global, said.mail.as_deref());
    // Files are matched by name until the first `/`.
    let by_path = typed.as_encoded_bytes().starts_with(b"/");
    let offer =
        |(name, about): (String, String)| CompletionCandidate::new(name).help(Some(about.into()));
    known.into_iter().filter(|(name, _)| name.starts_with('/') == by_path).map(offer).collect()
}
