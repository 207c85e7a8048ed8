//! `mailprov alias`: edits the further addresses in mail.yml.

use super::mail_yml::{offer, open};
use super::{CommandError, Exit};
use crate::app::mail_yml::{alias, name};
use crate::cli::{AliasCommand, Global};
use crate::report::Report;

pub(super) fn run(
    global: &Global,
    command: &AliasCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let edit = command.edit();
    let (AliasCommand::Add { address, .. } | AliasCommand::Remove { address, .. }) = command;
    let address = name(address)?;
    let file = open(&edit.file, report)?;
    let (word, draft) = match command {
        AliasCommand::Add { names, .. } => ("add", alias::add(&file, &address, names)?),
        AliasCommand::Remove { .. } => ("remove", alias::remove(&file, &address)?),
    };
    offer(global, edit, &file, draft, format!("alias {word} {address}"), report)
}
