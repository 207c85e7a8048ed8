//! `mailprov schema`, `completions` and `man`: what is made from the same
//! sources as the program itself.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use super::{CommandError, Exit};
use crate::cli::{Cli, SchemaOf, Shell};
use crate::report::Report;
use crate::{local, playbook, services};

/// Prints a JSON Schema.
pub(super) fn schema(of: SchemaOf, report: &mut Report) -> Result<Exit, CommandError> {
    let schema = match of {
        SchemaOf::Mail => services::schema(),
        SchemaOf::Playbook => playbook::schema(),
    };
    report.text(&format!("{schema:#}\n"));
    Ok(Exit::Done)
}

/// Prints what makes a shell complete our command lines, by asking [`super::complete()`].
pub(super) fn completions(shell: Shell, report: &mut Report) -> Result<Exit, CommandError> {
    report.text(match shell {
        Shell::Bash => include_str!("completions/mailprov.bash"),
        Shell::Zsh => include_str!("completions/_mailprov"),
        Shell::Fish => include_str!("completions/mailprov.fish"),
    });
    Ok(Exit::Done)
}

/// Prints the manual page, or writes those of all commands.
pub(super) fn man(dir: Option<&Path>, report: &mut Report) -> Result<Exit, CommandError> {
    let command = Cli::command().disable_help_subcommand(true);
    let Some(dir) = dir else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(|error| failed("render the manual page", error))?;
        report.text(&String::from_utf8_lossy(&page));
        return Ok(Exit::Done);
    };
    let written = local::make_folder(dir).and_then(|()| {
        let mut command = command;
        command.build();
        write_pages(command, dir)
    });
    written.map_err(|error| failed(&format!("write to {}", dir.display()), error))?;
    Ok(Exit::Done)
}

/// Writes the page of a command, and those of the commands below it.
fn write_pages(command: clap::Command, dir: &Path) -> io::Result<()> {
    for below in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write_pages(below.clone(), dir)?;
    }
    let manual = clap_mangen::Man::new(command);
    let mut page = Vec::new();
    manual.render(&mut page)?;
    local::write(&dir.join(manual.get_filename()), &page, 0o644)
}

fn failed(deed: &str, error: io::Error) -> CommandError {
    CommandError::failed(format!("could not {deed}")).because(error)
}
