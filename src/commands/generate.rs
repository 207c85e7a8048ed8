//! `mailprov schema`, `completions` and `man`: generated from the sources of
//! the program itself.

use std::path::Path;

use super::{CommandError, Exit};
use crate::cli::{self, SchemaOf, Shell};
use crate::manual::Page;
use crate::report::Report;
use crate::{local, manual, playbook, services};

pub(super) fn schema(of: SchemaOf, report: &mut Report) -> Result<Exit, CommandError> {
    let schema = match of {
        SchemaOf::Mail => services::schema(),
        SchemaOf::Playbook => playbook::schema(),
    };
    report.raw(&format!("{schema:#}\n"));
    Ok(Exit::Done)
}

/// Prints a script that completes command lines by calling
/// [`super::complete()`].
pub(super) fn completions(shell: Shell, report: &mut Report) -> Result<Exit, CommandError> {
    report.raw(match shell {
        Shell::Bash => include_str!("completions/mailprov.bash"),
        Shell::Zsh => include_str!("completions/_mailprov"),
        Shell::Fish => include_str!("completions/mailprov.fish"),
    });
    Ok(Exit::Done)
}

/// Prints the manual page, or writes all pages.
pub(super) fn man(dir: Option<&Path>, report: &mut Report) -> Result<Exit, CommandError> {
    let pages = manual::pages(&cli::command());
    let Some(dir) = dir else {
        report.raw(&pages[0].text);
        return Ok(Exit::Done);
    };
    let write = |page: &Page| local::write(&dir.join(&page.name), page.text.as_bytes(), 0o644);
    let written = local::make_folder(dir).and_then(|()| pages.iter().try_for_each(write));
    let failed = || CommandError::failed(format!("could not write to {}", dir.display()));
    written.map_err(|error| failed().because(error))?;
    Ok(Exit::Done)
}
