//! The Debian packages that boxes need on this machine.

use std::path::Path;

use super::super::CommandError;
use crate::host::Host;
use crate::report::Report;
use crate::sandbox;
use crate::wire::is_yes;

/// Installs missing packages and reports them. Asks first if there is a
/// terminal.
pub(super) fn install(yes: bool, report: &mut Report) -> Result<(), CommandError> {
    let host = Host::open(Path::new("/"))?;
    if !host.exists(Path::new("/usr/bin/apt-get"))? {
        let message = "this machine has no apt-get, so no Debian can be built here";
        let advice = "Run it on Debian 12 or later, or on Ubuntu 24.04 or later.";
        return Err(CommandError::failed(message).hinted(advice));
    }
    let mut missing = Vec::new();
    for name in sandbox::PACKAGES {
        if !host.package(name)?.is_some_and(|package| package.complete) {
            missing.push(name.to_owned());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    report.note(&format!(
        "To boot a Debian, this machine needs packages that are not installed: {}\n",
        missing.join(" ")
    ));
    if !yes
        && report.can_ask()
        && !report.ask_here("Install them? [y/N]").is_some_and(|it| is_yes(&it))
    {
        return Err(CommandError::not_confirmed());
    }
    let task = report.begin("The packages");
    report.working("fetching the package lists");
    host.apt(&["update"], &[]).run()?;
    report.working("installing");
    host.apt(&["install"], &missing).run()?;
    report.done(task);
    Ok(())
}
