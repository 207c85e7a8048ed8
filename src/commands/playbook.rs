//! `mailprov playbook`: lists, shows and copies the embedded playbooks.

use std::path::Path;

use super::{CommandError, Exit};
use crate::cli::{Global, PlaybookCommand};
use crate::local;
use crate::playbook::{self, Embedded, embedded};
use crate::reach::Reach;
use crate::report::Report;

pub(super) fn run(
    global: &Global,
    command: &PlaybookCommand,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    match command {
        PlaybookCommand::List => {
            for playbook in playbook::all() {
                report.raw(&format!("{}  {}\n", playbook.name, playbook.about()));
            }
        }
        PlaybookCommand::Show { name } => {
            report.raw(named(name)?.file(playbook::FILE).unwrap_or_default());
        }
        PlaybookCommand::Eject { dir } => {
            let name = global.playbook.as_ref().map(|name| name.display().to_string());
            let playbook = named(name.as_deref().unwrap_or(playbook::DEFAULT))?;
            eject(&playbook, dir)?;
            let file = dir.join(playbook::FILE);
            let reach = Reach { playbook: Some(file.clone()), ..Reach::default() };
            let plan = reach.command(&["plan"]);
            report.raw(&format!("Change {}, then: {plan}\n", file.display()));
        }
    }
    Ok(Exit::Done)
}

fn named(name: &str) -> Result<Embedded, CommandError> {
    embedded(name).ok_or_else(|| {
        let known: Vec<_> = playbook::all().iter().map(|playbook| playbook.name).collect();
        let message = format!("there is no playbook `{name}`");
        CommandError::usage(message).hinted(format!("Embedded: {}", known.join(", ")))
    })
}

/// Writes a playbook's files into a new or empty folder.
fn eject(playbook: &Embedded, dir: &Path) -> Result<(), CommandError> {
    let fail = |error| CommandError::not_written(dir, error);
    if local::list(dir).is_ok_and(|entries| !entries.is_empty()) {
        let message = format!("{} is not empty", dir.display());
        let advice = "Name a folder that does not exist yet.";
        return Err(CommandError::failed(message).hinted(advice));
    }
    for (name, text) in playbook.files() {
        local::write_new(&dir.join(name), text, 0o666).map_err(fail)?;
    }
    Ok(())
}
