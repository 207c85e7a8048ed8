//! `--on HOST`: the same commands on other hosts, several of them side by side.

use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::load::read;
use super::{Exit, Stop};
use crate::cli::{Cli, Command, Global};
use crate::diagnostic::Source;
use crate::playbook;
use crate::remote::{self, Audience, Destination, Login, Program, Task};
use crate::report::Report;
use crate::wire::{self, Parcel, Request};

/// Runs a command line on the hosts that it names.
pub(super) fn run(cli: &Cli, report: &mut Report) -> Result<Exit, Stop> {
    let audience = Audience::new(report);
    let request = request(cli, &audience)?;
    let hosts = &cli.global.ssh.on;
    let several = hosts.len() > 1;
    let login = login(&cli.global, several, &request);
    let unasked = match &cli.command {
        Command::Apply { yes, .. } | Command::Rollback { yes, .. } => *yes,
        _ => false,
    };
    let task = Task { login: &login, program: None, request: &request, several, unasked };
    Ok(on_all(hosts, &task, &audience))
}

/// Brings a program and a mail.yml to a host and applies it there.
pub(super) fn bring(
    global: &Global,
    host: &Destination,
    program: &Program,
    parcel: Parcel,
    yes: bool,
    audience: &Audience<'_>,
) -> Result<Exit, Stop> {
    let command = Command::Apply { mail: crate::cli::Mail { mail: None }, plan: None, yes };
    let request = ask(global, &command, Some(parcel), audience)?;
    let login = login(global, false, &request);
    let task = Task {
        login: &login,
        program: Some(program),
        request: &request,
        several: false,
        unasked: yes,
    };
    Ok(on_all(std::slice::from_ref(host), &task, audience))
}

/// Packs the mail.yml at `path`.
pub(super) fn pack(path: &Path, audience: &Audience<'_>) -> Result<Parcel, Stop> {
    let source = Arc::new(Source { name: path.display().to_string(), text: read(path)? });
    let folder = path.parent().unwrap_or(Path::new(""));
    remote::pack(&source, folder).map_err(|refused| match refused {
        remote::Refused::Unsendable(error) => error.into(),
        remote::Refused::Mistakes(mistakes) => {
            lock(audience).diagnostics(&mistakes);
            Stop::silent(Exit::Invalid)
        }
    })
}

/// Makes the request out of a command line.
fn request(cli: &Cli, audience: &Audience<'_>) -> Result<Request, Stop> {
    let usage = |message: &str, after: &str| Err(Stop::new(Exit::Usage, message, after));
    let mut command = cli.command.clone();
    let mail = match &mut command {
        Command::Plan { out: Some(_), .. } | Command::Apply { plan: Some(_), .. } => {
            return usage(
                "a saved plan stays on the host it was made for",
                "Log in there and run it there.",
            );
        }
        Command::Plan { show: Some(_), .. } | Command::Playbook(_) | Command::Bootstrap(_) => {
            return usage("this command has nothing to do with other hosts", "Leave --on out.");
        }
        Command::Plan { mail, .. } | Command::Apply { mail, .. } => mail.mail.take(),
        Command::History { .. } | Command::Rollback { .. } | Command::Serve => None,
    };
    let parcel = mail.map(|path| pack(&path, audience)).transpose()?;
    ask(&cli.global, &command, parcel, audience)
}

fn ask(
    global: &Global,
    command: &Command,
    mail: Option<Parcel>,
    audience: &Audience<'_>,
) -> Result<Request, Stop> {
    let playbook = match &global.playbook {
        None => None,
        Some(path) => match path.to_str().and_then(playbook::embedded) {
            Some(embedded) => Some(embedded.name.to_owned()),
            None => {
                let message = "only an embedded playbook can be used on another host";
                let after = "Copy yours there, log in, and name it with --playbook there.";
                return Err(Stop::new(Exit::Usage, message, after));
            }
        },
    };
    let command = serde_json::to_value(command)
        .map_err(|error| Stop::new(Exit::Failed, error.to_string(), "Nothing was changed."))?;
    let screen = lock(audience).screen();
    Ok(Request { version: wire::VERSION, command, screen, playbook, mail })
}

fn login(global: &Global, several: bool, request: &Request) -> Login {
    Login {
        sudo: global.ssh.sudo,
        identity: global.ssh.identity.clone(),
        options: global.ssh.options.clone(),
        // Of several, no one could tell which one asks.
        alone: several || !request.screen.answers,
    }
}

/// Talks to all hosts at once, and says at the end how each came out.
fn on_all(hosts: &[Destination], task: &Task<'_>, audience: &Audience<'_>) -> Exit {
    let talk = |host| match remote::talk(host, task, audience) {
        Ok(code) => Exit::from_code(code),
        Err(error) => {
            lock(audience).error(&error.message, &error.advice);
            Exit::Failed
        }
    };
    let exits: Vec<Exit> = std::thread::scope(|scope| {
        let all: Vec<_> = hosts.iter().map(|host| scope.spawn(move || talk(host))).collect();
        all.into_iter().map(|one| one.join().unwrap_or(Exit::Failed)).collect()
    });
    if task.several {
        let outcomes = hosts.iter().zip(&exits).map(|(host, exit)| (host.to_string(), *exit as u8));
        lock(audience).hosts(&outcomes.collect::<Vec<_>>());
    }
    of_all(&exits)
}

fn lock<'a, 'r>(audience: &'a Audience<'r>) -> MutexGuard<'a, &'r mut Report> {
    audience.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How it ended where it ended in several ways: what failed counts most.
fn of_all(exits: &[Exit]) -> Exit {
    let mut failed = exits.iter().filter(|exit| !matches!(exit, Exit::Done | Exit::Changes));
    match failed.next() {
        Some(first) if failed.all(|other| other == first) => *first,
        Some(_) => Exit::Failed,
        None if exits.contains(&Exit::Changes) => Exit::Changes,
        None => Exit::Done,
    }
}
