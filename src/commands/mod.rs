//! One screen a command: read what was asked for, have `app` do it, report.

mod account;
mod alias;
mod app_password;
mod apply;
mod ban;
mod bootstrap;
mod certificate;
mod change_password;
mod check;
mod cloud_init;
mod complete;
mod dkim;
mod dns;
mod explain;
mod generate;
mod history;
mod init;
mod mail_yml;
mod on;
mod password;
mod plan;
mod playbook;
mod pull;
mod rollback;
mod send_limit;
mod serve;
mod try_it;
mod watch;

use std::path::PathBuf;

use crate::app::{self, Context, Elsewhere, MailSource, PlanSource};
use crate::cli::{CertificateCommand, Cli, Command, DkimCommand, Global};
use crate::command_error::CommandError;
pub use crate::command_error::Exit;
use crate::report::Report;
use crate::services::Spec;
use crate::wire::{MailBundle, Request};
pub use change_password::answer_person;
pub use complete::complete;
pub use send_limit::answer_postfix;

/// The sentence of a command that failed before it changed anything.
const UNCHANGED: &str = "Nothing was changed.";

/// Runs a command line.
pub fn run(cli: &Cli) -> Exit {
    match cli.command {
        Command::Serve => serve::run(),
        _ => run_and_report(cli, None, &mut Report::new(&cli.global)),
    }
}

/// Runs a command line on this machine, and says why it failed, if it did.
/// `request` is what came with it where it came from another machine.
fn run_and_report(cli: &Cli, request: Option<&Request>, report: &mut Report) -> Exit {
    if let Some(bundle) = request.and_then(|request| request.mail.as_ref()) {
        report.set_mail_file(&bundle.name);
    }
    dispatch(cli, request, report).unwrap_or_else(|error| {
        report.error(&error, unchanged(&cli.command));
        error.kind.into()
    })
}

fn dispatch(
    cli: &Cli,
    request: Option<&Request>,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let global = &cli.global;
    let bundle = request.and_then(|request| request.mail.as_ref());
    let source = |mail| source(mail, bundle);
    match &cli.command {
        _ if !global.ssh.on.is_empty() => on::run(cli, report),
        Command::Plan { show: Some(show), .. } => plan::show(show, report),
        Command::Plan { mail, detailed_exitcode, out, show: None, .. } => {
            plan::run(global, source(&mail.mail), out.as_deref(), *detailed_exitcode, report)
        }
        Command::Apply(options) => {
            let sent = request.and_then(|request| request.plan.as_deref()).map(PlanSource::Sent);
            let plan = sent.or(options.plan.as_deref().map(PlanSource::File));
            apply::run(global, source(&options.mail.mail), plan, options, report)
        }
        Command::Check(options) => check::run(global, options, source(&options.mail.mail), report),
        Command::Dns(options) => dns::run(global, options, source(&options.mail.mail), report),
        Command::Ban(command) => ban::run(global, command, report),
        Command::Dkim(DkimCommand::Rotate(options)) => {
            dkim::rotate(global, source(&options.file.mail), options, report)
        }
        Command::Certificate(CertificateCommand::Renew(options)) => {
            certificate::renew(global, source(&options.file.mail), options, report)
        }
        Command::Watch(options) => watch::run(global, options, source(&options.mail.mail), report),
        Command::Pull(_) if report.is_remote() => pull::hand_over(report),
        Command::Pull(options) => pull::run(global, options, report),
        Command::Bootstrap(options) => bootstrap::run(global, options, report),
        Command::History { run } => history::run(global, *run, report),
        Command::Rollback { run, purge, yes } => rollback::run(global, *run, *purge, *yes, report),
        Command::Playbook(command) => playbook::run(global, command, report),
        Command::CloudInit(options) => cloud_init::run(options, report),
        Command::Try(options) => try_it::run(global, options, report),
        Command::Init(options) => init::run(global, options, report),
        Command::Account(command) => account::run(global, command, report),
        Command::Alias(command) => alias::run(global, command, report),
        Command::PasswdHash { password } => password::print_hash(password, report),
        Command::Explain { what, file, svg, .. } => {
            explain::run(global, what.as_deref(), source(&file.mail), svg.as_deref(), report)
        }
        Command::Schema { of } => generate::schema(*of, report),
        Command::Completions { shell } => generate::completions(*shell, report),
        Command::Man { dir } => generate::man(dir.as_deref(), report),
        // Handled before there is a report.
        Command::Serve => Ok(Exit::Usage),
    }
}

fn source<'a>(mail: &'a Option<PathBuf>, bundle: Option<&'a MailBundle>) -> MailSource<'a> {
    match bundle {
        Some(bundle) => MailSource::Sent(bundle),
        None => MailSource::Here(mail.as_deref()),
    }
}

/// Opens the input of a command, and reports it.
fn load(
    global: &Global,
    mail: MailSource<'_>,
    report: &mut Report,
) -> Result<Context, CommandError> {
    let context = Context::load(global, mail)?;
    say(&context, report);
    Ok(context)
}

/// Reports the input of a command.
fn say(context: &Context, report: &mut Report) {
    if let Some(path) = context.read_from() {
        report.from(path);
    }
    report.notes(&context.notes);
}

/// Returns a function that prints notes.
fn notes(report: &mut Report) -> impl FnMut(&str) {
    |text| report.note(&format!("{text}\n"))
}

/// Returns the server if it is another machine than this one. A command for another
/// host names that host, so it is meant.
fn elsewhere(global: &Global, spec: &Spec, by_dns: bool, report: &Report) -> Option<Elsewhere> {
    if report.is_remote() { None } else { app::elsewhere(global, spec, by_dns) }
}

/// Returns the sentence of a command that failed before it changed anything;
/// empty for one that only reads.
fn unchanged(command: &Command) -> &'static str {
    match command {
        Command::Init(_) | Command::Pull(_) | Command::Playbook(_) => "Nothing was written.",
        Command::Plan { .. }
        | Command::Ban(_)
        | Command::Apply(_)
        | Command::Bootstrap(_)
        | Command::Rollback { .. }
        | Command::Certificate(_)
        | Command::Dkim(_)
        | Command::Account(_)
        | Command::Alias(_) => UNCHANGED,
        Command::Try(_) => "Nothing was changed on this machine.",
        Command::Check(_)
        | Command::Dns(_)
        | Command::Watch(_)
        | Command::History { .. }
        | Command::CloudInit(_)
        | Command::PasswdHash { .. }
        | Command::Explain { .. }
        | Command::Schema { .. }
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Serve => "",
    }
}
