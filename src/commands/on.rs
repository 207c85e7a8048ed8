//! `--on HOST`: runs a command on other hosts, several at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{CommandError, Exit, password};
use crate::app::received::{FOLDER, MAIL};
use crate::app::{self, folder};
use crate::cli::{
    self, AccountCommand, CertificateCommand, Cli, Command, DkimCommand, Global, PasswordFrom,
    Pull, Rotate,
};
use crate::command_error::ErrorKind;
use crate::engine::SavedPlan;
use crate::mail::Name;
use crate::remote::{self, Bundled, Destination, Keep, Program, RemoteCommand};
use crate::report::{Report, Sent, SharedReport};
use crate::wire::{self, MailBundle, Question, Request, WantedPlaybook, is_yes};
use crate::{explain, playbook};

/// Runs `pull` on a host. Returns its exit code and the files that came.
pub(super) fn fetch(
    global: &Global,
    options: &Pull,
    report: &mut Report,
) -> Result<(Exit, Option<String>), CommandError> {
    let hosts = std::slice::from_ref(&options.host);
    let request = request(global, hosts, &Command::Pull(options.clone()), None, report)?;
    let keep = Some(Keep::Hold(Mutex::default()));
    let remote_command = RemoteCommand { keep, ..read_only(request) };
    let exit = send(global, hosts, &remote_command, report)?;
    let Some(Keep::Hold(held)) = remote_command.keep else { return Ok((exit, None)) };
    Ok((exit, held.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Runs a command line on the hosts that it names.
pub(super) fn run(cli: &Cli, report: &mut Report) -> Result<Exit, CommandError> {
    let remote_command = remote_command(cli, report)?;
    send(&cli.global, &cli.global.ssh.on, &remote_command, report)
}

/// Brings a program and a mail.yml to a host and applies it there.
/// `stop_notice` tells the user the effect of Ctrl-C.
pub(super) fn bring(
    global: &Global,
    host: &Destination,
    program: &Program,
    bundle: MailBundle,
    (options, judged_here): (cli::Apply, bool),
    stop_notice: Arc<dyn Fn() + Send + Sync>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let unasked = options.yes;
    let command = Command::Apply(options);
    let hosts = std::slice::from_ref(host);
    let mut request = request(global, hosts, &command, Some(bundle), report)?;
    request.screen.judged_here = judged_here;
    request.reach = request.reach.at(host);
    let program = Some(program);
    let remote_command =
        RemoteCommand { program, changes: true, unasked, stop_notice, ..read_only(request) };
    send(global, hosts, &remote_command, report)
}

/// Bundles the mail.yml at `path`, and reports which files are sent to `hosts`.
/// Anyone who may edit a mail.yml could name any file in it, so files outside
/// its folder are sent only if the user agrees, by `yes` or an answer.
pub(super) fn bundle_for(
    path: &Path,
    hosts: &[Destination],
    yes: bool,
    report: &mut Report,
) -> Result<MailBundle, CommandError> {
    let Bundled { bundle, outside } = pack(path, report)?;
    let here = folder(path);
    let file = |path: &PathBuf| Sent {
        file: here.join(path).display().to_string(),
        to: Path::new(FOLDER).join(path).display().to_string(),
        is_outside: outside.contains(path),
    };
    let mail = Sent { file: bundle.name.clone(), to: MAIL.into(), is_outside: false };
    let all: Vec<_> = [mail].into_iter().chain(bundle.files.keys().map(file)).collect();
    let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    report.sent(&names, &all);
    if outside.is_empty() || yes {
        return Ok(bundle);
    }
    let count = outside.len();
    let message = format!("{count} of these files lie outside the folder of {}", bundle.name);
    if !report.can_ask() {
        let advice = "Nothing was sent. See that each is meant to leave this machine, then pass \
                      --yes.";
        return Err(CommandError::usage(message).after_changes().hinted(advice));
    }
    let question = format!("{message}. Send them? [y/N]");
    match report.ask_here(&question).is_some_and(|answer| is_yes(&answer)) {
        true => Ok(bundle),
        false => Err(CommandError::not_confirmed().after_changes().hinted("Nothing was sent.")),
    }
}

/// Bundles the mail.yml at `path`.
pub(super) fn pack(path: &Path, report: &mut Report) -> Result<Bundled, CommandError> {
    report.from(path);
    let source = app::source(path)?;
    remote::pack(&source, folder(path))
}

/// Replaces the parts of a command line that only this machine knows: local
/// files, and a password from here.
fn remote_command(cli: &Cli, report: &mut Report) -> Result<RemoteCommand<'static>, CommandError> {
    let usage = |message: &str, advice: &str| Err(CommandError::usage(message).hinted(advice));
    let mut command = cli.command.clone();
    let (mut mail, mut password, mut unasked) = (None, None, false);
    // Whether files outside the folder may be sent.
    let mut anywhere = false;
    let (mut keep, mut plan) = (None, None);
    match &mut command {
        Command::Plan { out: Some(_), .. } | Command::Apply(cli::Apply { plan: Some(_), .. })
            if cli.global.ssh.on.len() > 1 =>
        {
            return usage("a saved plan is for one host", "Name one host with --on.");
        }
        Command::Explain { svg: Some(_), .. } if cli.global.ssh.on.len() > 1 => {
            return usage("a picture is of one host", "Name one host with --on.");
        }
        Command::Explain { file, svg, sending, .. } => {
            (mail, anywhere) = (file.mail.take(), sending.yes);
            keep = svg.clone().map(|path| Keep::File { path, judge: explain::only_a_picture });
        }
        Command::Plan { show: None, mail: named, out, sending, .. } => {
            (mail, anywhere) = (named.mail.take(), sending.yes);
            keep = out.clone().map(|path| Keep::File { path, judge: only_a_plan });
        }
        Command::Apply(cli::Apply { mail: named, yes, plan: kept, .. }) => {
            (mail, unasked, anywhere) = (named.mail.take(), *yes, *yes);
            plan = kept.take().map(|path| app::read_plan(&path)).transpose()?;
        }
        Command::Check(cli::Check { from_here: true, .. }) => {
            return usage(
                "a check from here looks from this machine, not from another host",
                "Leave --on out, or --from-here.",
            );
        }
        Command::Check(cli::Check { mail: named, sending, .. })
        | Command::Watch(cli::Watch { mail: named, sending, .. })
        | Command::Dns(cli::Dns { mail: named, sending, .. }) => {
            (mail, anywhere) = (named.mail.take(), sending.yes);
        }
        Command::Dkim(DkimCommand::Rotate(options)) => {
            (mail, unasked, anywhere) = (options.file.mail.take(), options.yes, options.yes);
        }
        Command::Certificate(CertificateCommand::Renew(options)) => {
            (mail, anywhere) = (options.file.mail.take(), false);
        }
        Command::Rollback { yes, .. } => unasked = *yes,
        Command::Account(command) => {
            if let Some(from) = command.password_from()
                && from.is_given()
            {
                let chosen = password::choose(from, &password::Asked::Here(""), report)?;
                password = Some(chosen.into_secret());
                *from = PasswordFrom::default();
            }
            unasked = command.edit().is_some_and(|edit| edit.yes);
        }
        Command::Alias(command) => unasked = command.edit().yes,
        Command::History { .. }
        | Command::Ban(cli::BanCommand::List | cli::BanCommand::Lift { .. }) => {}
        _ => return usage("this command has nothing to do with other hosts", "Leave --on out."),
    }
    let hosts = &cli.global.ssh.on;
    let bundle = mail.map(|path| bundle_for(&path, hosts, anywhere, report)).transpose()?;
    let mut request = request(&cli.global, hosts, &command, bundle, report)?;
    request.screen.answers |= password.is_some();
    request.plan = plan.map(|plan| plan.to_text());
    let (changes, stop_notice) = (changes(&command), Arc::new(report.stop_notice()));
    Ok(RemoteCommand { password, keep, changes, unasked, stop_notice, ..read_only(request) })
}

/// Makes a command of a request that changes nothing and sends no program.
fn read_only<'p>(request: Request) -> RemoteCommand<'p> {
    RemoteCommand {
        request,
        program: None,
        password: None,
        keep: None,
        may_ask,
        changes: false,
        unasked: false,
        stop_notice: Arc::new(|| {}),
    }
}

fn request(
    global: &Global,
    hosts: &[Destination],
    command: &Command,
    mail: Option<MailBundle>,
    report: &mut Report,
) -> Result<Request, CommandError> {
    let playbook = wanted_playbook(global, hosts, report)?;
    let command = serde_json::to_value(command)
        .map_err(|error| CommandError::of(ErrorKind::Failed, error))?;
    let (screen, reach) = (report.screen(), report.reach().clone());
    Ok(Request { version: wire::VERSION, command, screen, reach, playbook, mail, plan: None })
}

/// Bundles the playbook of the command line, if any, and reports which of its
/// files are sent.
fn wanted_playbook(
    global: &Global,
    hosts: &[Destination],
    report: &mut Report,
) -> Result<Option<WantedPlaybook>, CommandError> {
    let Some(path) = &global.playbook else { return Ok(None) };
    if let Some(embedded) = path.to_str().and_then(playbook::embedded) {
        return Ok(Some(WantedPlaybook::Embedded(embedded.name.to_owned())));
    }
    let playbook = app::playbook(global)?;
    let packed = playbook.pack().map_err(|error| {
        let advice = "Nothing was sent. A playbook is sent with the templates and files in its \
                      folder that its steps may use.";
        CommandError::of(ErrorKind::Invalid, error).after_changes().hinted(advice)
    })?;
    let Some(bundle) = packed else { return Ok(None) };
    let here = folder(Path::new(&bundle.name));
    let file = |name: &String| Sent {
        file: here.join(name).display().to_string(),
        to: "the playbook of this command".into(),
        is_outside: false,
    };
    let names: Vec<_> = hosts.iter().map(ToString::to_string).collect();
    report.sent(&names, &bundle.files.keys().map(file).collect::<Vec<_>>());
    Ok(Some(WantedPlaybook::Own(bundle)))
}

/// Returns whether a question is one that the command asks.
fn may_ask(question: &Question, request: &Request) -> bool {
    let Ok(command) = serde_json::from_value::<Command>(request.command.clone()) else {
        return false;
    };
    match (question, &command) {
        (
            Question::MakeChanges | Question::Plan { apply_now: false },
            Command::Apply(cli::Apply { yes, .. })
            | Command::Rollback { yes, .. }
            | Command::Dkim(DkimCommand::Rotate(Rotate { yes, .. })),
        ) => !yes,
        (Question::Word { .. }, Command::Apply(_) | Command::Rollback { .. }) => true,
        (Question::ApplyNow | Question::Plan { apply_now: true }, Command::Alias(command)) => {
            !command.edit().yes
        }
        (Question::ApplyNow | Question::Plan { apply_now: true }, Command::Account(command)) => {
            command.edit().is_some_and(|edit| !edit.yes)
        }
        (Question::Word { .. }, Command::Alias(_) | Command::Account(_)) => true,
        (
            Question::NewPassword { account },
            Command::Account(
                AccountCommand::Add { name, .. } | AccountCommand::Passwd { name, .. },
            ),
        ) => Name::parse(name).is_ok_and(|name| name.to_string() == *account),
        (
            Question::SameAgain,
            Command::Account(AccountCommand::Add { .. } | AccountCommand::Passwd { .. }),
        ) => true,
        _ => false,
    }
}

fn changes(command: &Command) -> bool {
    matches!(
        command,
        Command::Apply(_)
            | Command::Rollback { .. }
            | Command::Account(_)
            | Command::Alias(_)
            | Command::Certificate(_)
            | Command::Dkim(_)
    )
}

/// Validates a plan that a host sent.
fn only_a_plan(text: &str) -> Result<String, String> {
    let plan = SavedPlan::parse(text.as_bytes()).map_err(|error| format!("is no plan: {error}"))?;
    Ok(plan.to_text())
}

/// Sends a command to one or several hosts; for several, ends with the outcome
/// of each.
fn send(
    global: &Global,
    hosts: &[Destination],
    command: &RemoteCommand<'_>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let several = hosts.len() > 1;
    // With several hosts the user could not tell which one asks.
    let login = &global.ssh.login(several || !report.can_ask());
    let output = SharedReport::new(report, super::UNCHANGED);
    let exits = remote::send(hosts, login, global.ssh.forks, command, &output)?;
    if several {
        let outcomes = hosts.iter().zip(&exits).map(|(host, exit)| (host.to_string(), *exit as u8));
        report.hosts(&outcomes.collect::<Vec<_>>());
    }
    Ok(of_all(&exits))
}

/// Returns the exit code of several hosts: the worst failure counts.
fn of_all(exits: &[Exit]) -> Exit {
    let mut failed = exits.iter().filter(|exit| !matches!(exit, Exit::Done | Exit::Changes));
    match failed.next() {
        Some(first) if failed.all(|other| other == first) => *first,
        Some(_) => Exit::Failed,
        None if exits.contains(&Exit::Changes) => Exit::Changes,
        None => Exit::Done,
    }
}
