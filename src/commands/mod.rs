//! One file a command: parse → app → report.

mod account;
mod alias;
mod apply;
mod bootstrap;
mod check;
mod cloud_init;
mod complete;
mod dns;
mod edit;
mod explain;
mod generate;
mod here;
mod history;
mod init;
mod left_behind;
mod on;
mod password;
mod plan;
mod playbook;
mod pull;
mod rollback;
mod saved;
mod serve;
mod try_it;
mod watch;

use std::path::PathBuf;

use crate::app::{Context, MailSource, received};
use crate::cli::{Cli, Color, Command, Global};
use crate::command_error::CommandError;
pub use crate::command_error::Exit;
use crate::engine::Plan;
use crate::host::Host;
use crate::report::{Options, Report, moment};
use crate::wire::{MailBundle, Request};
pub use complete::complete;
use saved::Kept;

/// The sentence of a command that failed before it changed anything.
const UNCHANGED: &str = "Nothing was changed.";

/// Runs a command line.
pub fn run(cli: &Cli) -> Exit {
    let global = &cli.global;
    if let Command::Serve = cli.command {
        return serve::run();
    }
    let options = Options {
        json: global.json,
        colour: match global.color {
            Color::Auto => None,
            Color::Always => Some(true),
            Color::Never => Some(false),
        },
        quiet: global.quiet,
        verbose: global.verbose,
        pager: !global.no_pager,
    };
    let mut report = Report::new(options, global.reach());
    dispatch(cli, None, &mut report)
}

/// Runs a command line on this machine. `request` is set if it came from
/// another one.
fn dispatch(cli: &Cli, request: Option<&Request>, report: &mut Report) -> Exit {
    let global = &cli.global;
    let bundle = request.and_then(|request| request.mail.as_ref());
    if let Some(bundle) = bundle {
        report.set_mail_file(&bundle.name);
    }
    let result = match &cli.command {
        _ if !global.ssh.on.is_empty() => on::run(cli, report),
        Command::Plan { show: Some(show), .. } => plan::show(show, report),
        Command::Plan { mail, detailed_exitcode, out, show: None, .. } => plan::run(
            global,
            wanted(&mail.mail, bundle),
            out.as_deref(),
            *detailed_exitcode,
            report,
        ),
        Command::Apply { mail, plan, yes, leave_mail, here, no_check } => {
            let sent = request.and_then(|request| request.plan.as_deref()).map(Kept::Sent);
            let kept = sent.or(plan.as_deref().map(Kept::File));
            let agreed = apply::Agreed {
                yes: *yes,
                leave_mail: *leave_mail,
                here: *here,
                no_check: *no_check,
                judged_here: false,
            };
            apply::run(global, wanted(&mail.mail, bundle), kept, agreed, report)
        }
        Command::Check(options) => {
            check::run(global, options, wanted(&options.mail.mail, bundle), report)
        }
        Command::Dns(options) => {
            dns::run(global, options, wanted(&options.mail.mail, bundle), report)
        }
        Command::Watch(options) => {
            watch::run(global, options, wanted(&options.mail.mail, bundle), report)
        }
        Command::Pull(_) if report.is_there() => pull::hand_over(report),
        Command::Pull(options) => pull::run(global, options, report),
        Command::Bootstrap(bootstrap) => bootstrap::run(global, bootstrap, report),
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
            let wanted = wanted(&file.mail, bundle);
            explain::run(global, what.as_deref(), wanted, svg.as_deref(), report)
        }
        Command::Schema { of } => generate::schema(*of, report),
        Command::Completions { shell } => generate::completions(*shell, report),
        Command::Man { dir } => generate::man(dir.as_deref(), report),
        // Handled before there is a report.
        Command::Serve => Ok(Exit::Usage),
    };
    end(result, unchanged(&cli.command), report)
}

fn wanted<'a>(mail: &'a Option<PathBuf>, bundle: Option<&'a MailBundle>) -> MailSource<'a> {
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
    notes(&context.notes, report);
}

fn notes(notes: &[String], report: &mut Report) {
    notes.iter().for_each(|note| report.note(&format!("{note}\n")));
}

/// Plans, and reports the warnings that belong before the plan.
fn plan_of(context: &Context, report: &mut Report) -> Result<Plan, CommandError> {
    say_programs(context, report)?;
    notes(&context.notes_on_secrets(), report);
    let planned = context.plan()?;
    if let Some(exposed) = &planned.exposed_key {
        report.note(&format!("The certificate's key is open: {exposed}.\n"));
    }
    if let Some((warnings, about)) = &planned.warnings {
        report.warnings(warnings, about);
    }
    Ok(planned.plan)
}

/// Reports the programs that a playbook of the user's own runs while it is
/// planned.
fn say_programs(context: &Context, report: &mut Report) -> Result<(), CommandError> {
    let programs = context.programs()?;
    if !programs.is_empty() {
        let programs = programs.join("\n  ");
        report.note(&format!("To plan, this runs as root: \n  {programs}\n"));
    }
    Ok(())
}

/// Reports who last changed the mail.yml of this host.
fn tell_who_changed(bundle: &MailBundle, host: &Host, report: &mut Report) {
    if let Some(text) = received::changed_by(bundle, host, moment) {
        report.note(&format!("{text}.\n"));
    }
}

/// Returns the sentence of a command that failed before it changed anything;
/// empty for one that only reads.
fn unchanged(command: &Command) -> &'static str {
    match command {
        Command::Init(_) | Command::Pull(_) | Command::Playbook(_) => "Nothing was written.",
        Command::Plan { .. }
        | Command::Apply { .. }
        | Command::Bootstrap(_)
        | Command::Rollback { .. }
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

/// Reports the error of a command, and returns its exit code.
fn end(result: Result<Exit, CommandError>, unchanged: &str, report: &mut Report) -> Exit {
    result.unwrap_or_else(|error| {
        report.error(&error, unchanged);
        error.kind.into()
    })
}
