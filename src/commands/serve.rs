//! `mailprov serve`: the far side of a connection. Another mailprov starts it
//! over SSH.

use std::path::Path;

use super::{Exit, run_and_report};
use crate::cli::{Cli, Command, Global};
use crate::engine;
use crate::host::Host;
use crate::remote;
use crate::report::Report;
use crate::wire::{PlaybookBundle, Request, WantedPlaybook};

pub(super) fn run() -> Exit {
    let (request, far_end) = match remote::accept() {
        Ok(Some(accepted)) => accepted,
        Ok(None) => return Exit::Usage,
        Err(_) => return Exit::Failed,
    };
    let Ok(command) = serde_json::from_value::<Command>(request.command.clone()) else {
        return Exit::Usage;
    };
    let mut report = Report::remote(request.screen, request.reach.clone(), far_end);
    pick_up(&mut report);
    let cli = Cli { command, global: global(&request) };
    let exit = run_and_report(&cli, Some(&request), &mut report);
    report.end(exit as u8);
    exit
}

/// Returns the options of the other side, as they apply here.
fn global(request: &Request) -> Global {
    Global {
        playbook: request.playbook.as_ref().map(|wanted| match wanted {
            WantedPlaybook::Embedded(name) | WantedPlaybook::Own(PlaybookBundle { name, .. }) => {
                name.into()
            }
        }),
        sent_playbook: match &request.playbook {
            Some(WantedPlaybook::Own(bundle)) => Some(bundle.clone()),
            _ => None,
        },
        json: request.screen.json,
        verbose: request.screen.verbose,
        quiet: request.screen.quiet,
        ..Global::default()
    }
}

/// Reports the outcome of a run that was not reported.
fn pick_up(report: &mut Report) {
    let Ok(host) = Host::open(Path::new("/")) else { return };
    let wait = "A run goes on whose connection was lost; waiting for its end.\n";
    match engine::take_unreported(&host, || report.note(wait)) {
        Ok(Some(run)) => report.unreported(&run),
        Ok(None) => {}
        Err(error) => report.note(&format!("{error}\n")),
    }
}
