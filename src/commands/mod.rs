//! One file a command: glue between the rooms, no logic of its own.

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
mod load;
mod mailboxes;
mod named;
mod on;
mod password;
mod plan;
mod playbook;
mod pull;
mod rollback;
mod saved;
mod sent;
mod serve;
mod settled;
mod takeover;
mod try_it;
mod watch;

use std::path::PathBuf;

use crate::cli::{Cli, Color, Command};
use crate::engine::{LockError, PlanError};
use crate::remote;
use crate::report::{Options, Report};
use crate::wire::{Parcel, Request};
pub use complete::complete;
use load::Wanted;
use saved::Kept;

/// How the program ends, in the terms of sysexits(3) where they fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; the last lines say what and what to do.
    Failed = 1,
    /// `plan --detailed-exitcode`: there are changes. `watch`: something is off.
    Changes = 2,
    /// The saved plan no longer fits the host.
    PlanMoved = 3,
    /// The command line is wrong.
    Usage = 64,
    /// mail.yml or a playbook is invalid.
    Invalid = 65,
    /// Another run is under way.
    Busy = 75,
    /// Needs root.
    NeedsRoot = 77,
}

impl Exit {
    /// Returns the way to end that another mailprov calls by this number.
    fn from_code(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::Changes,
            Self::PlanMoved,
            Self::Usage,
            Self::Invalid,
            Self::Busy,
            Self::NeedsRoot,
        ];
        all.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Self::Failed)
    }
}

/// A command that could not do what it was asked to: said already, or to be
/// said by [`run`].
#[derive(Debug)]
pub(crate) struct Stop {
    exit: Exit,
    /// What went wrong; empty where it was said already.
    message: String,
    /// What state the host is in, and what to do.
    after: String,
}

impl Stop {
    fn new(exit: Exit, message: impl Into<String>, after: impl Into<String>) -> Self {
        Self { exit, message: message.into(), after: after.into() }
    }

    /// Ends with `exit`; the report has said all.
    fn silent(exit: Exit) -> Self {
        Self::new(exit, "", "")
    }
}

impl From<crate::host::Error> for Stop {
    fn from(error: crate::host::Error) -> Self {
        if error.is_permission_denied() && !crate::host::Host::is_root() {
            return Self::new(Exit::NeedsRoot, error.to_string(), "Run it with sudo.");
        }
        Self::new(Exit::Failed, error.to_string(), "Nothing was changed.")
    }
}

impl From<remote::Error> for Stop {
    fn from(error: remote::Error) -> Self {
        Self::new(Exit::Failed, error.message, error.advice)
    }
}

impl From<PlanError> for Stop {
    fn from(error: PlanError) -> Self {
        Self::new(Exit::Failed, error.to_string(), "Nothing was changed.")
    }
}

impl From<LockError> for Stop {
    fn from(error: LockError) -> Self {
        let exit = match error {
            LockError::Held(_) => Exit::Busy,
            LockError::Host(_) => Exit::Failed,
        };
        Self::new(exit, error.to_string(), "Nothing was changed.")
    }
}

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
    };
    let mut report = Report::new(options, global.reach());
    dispatch(cli, None, &mut report)
}

/// Runs a command line on this machine; `request` is what came with it where it
/// came from another one.
fn dispatch(cli: &Cli, request: Option<&Request>, report: &mut Report) -> Exit {
    let global = &cli.global;
    let parcel = request.and_then(|request| request.mail.as_ref());
    let result = match &cli.command {
        _ if !global.ssh.on.is_empty() => on::run(cli, report),
        Command::Plan { show: Some(show), .. } => plan::show(show, report),
        Command::Plan { mail, detailed_exitcode, out, show: None, .. } => plan::run(
            global,
            wanted(&mail.mail, parcel),
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
            apply::run(global, wanted(&mail.mail, parcel), kept, agreed, report)
        }
        Command::Check(options) => {
            check::run(global, options, wanted(&options.mail.mail, parcel), report)
        }
        Command::Dns(options) => {
            dns::run(global, options, wanted(&options.mail.mail, parcel), report)
        }
        Command::Watch(options) => {
            watch::run(global, options, wanted(&options.mail.mail, parcel), report)
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
            let wanted = wanted(&file.mail, parcel);
            explain::run(global, what.as_deref(), wanted, svg.as_deref(), report)
        }
        Command::Schema { of } => generate::schema(*of, report),
        Command::Completions { shell } => generate::completions(*shell, report),
        Command::Man { dir } => generate::man(dir.as_deref(), report),
        // Answered before there is anybody to report to.
        Command::Serve => Ok(Exit::Usage),
    };
    end(result, report)
}

fn wanted<'a>(mail: &'a Option<PathBuf>, parcel: Option<&'a Parcel>) -> Wanted<'a> {
    match parcel {
        Some(parcel) => Wanted::Sent(parcel),
        None => Wanted::Here(mail.as_deref()),
    }
}

/// Says what is left to say, and returns how it ended.
fn end(result: Result<Exit, Stop>, report: &mut Report) -> Exit {
    result.unwrap_or_else(|stop| {
        if !stop.message.is_empty() {
            report.error(&stop.message, &stop.after);
        }
        stop.exit
    })
}
