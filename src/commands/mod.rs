//! One file a command: glue between the rooms, no logic of its own.

mod account;
mod alias;
mod apply;
mod edit;
mod explain;
mod generate;
mod history;
mod init;
mod load;
mod password;
mod plan;
mod playbook;
mod rollback;
mod saved;

use crate::cli::{Cli, Color, Command};
use crate::engine::{LockError, PlanError};
use crate::report::{Options, Report};

/// How the program ends, in the terms of sysexits(3) where they fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed; the last lines say what and what to do.
    Failed = 1,
    /// `plan --detailed-exitcode`: there are changes.
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
    let mut report = Report::new(Options {
        json: global.json,
        colour: match global.color {
            Color::Auto => None,
            Color::Always => Some(true),
            Color::Never => Some(false),
        },
        quiet: global.quiet,
        verbose: global.verbose,
    });
    let result = match &cli.command {
        Command::Plan { show: Some(show), .. } => plan::show(show, &mut report),
        Command::Plan { mail, detailed_exitcode, out, show: None } => {
            let mail = mail.mail.as_deref();
            plan::run(global, mail, out.as_deref(), *detailed_exitcode, &mut report)
        }
        Command::Apply { mail, plan, yes } => {
            apply::run(global, mail.mail.as_deref(), plan.as_deref(), *yes, &mut report)
        }
        Command::History { run } => history::run(global, *run, &mut report),
        Command::Rollback { run, purge, yes } => {
            rollback::run(global, *run, *purge, *yes, &mut report)
        }
        Command::Playbook(command) => playbook::run(global, command, &mut report),
        Command::Init(options) => init::run(options, &mut report),
        Command::Account(command) => account::run(global, command, &mut report),
        Command::Alias(command) => alias::run(global, command, &mut report),
        Command::Explain { what, file, svg } => {
            explain::run(global, what.as_deref(), file, svg.as_deref(), &mut report)
        }
        Command::Schema { of } => generate::schema(*of, &mut report),
        Command::Completions { shell } => generate::completions(*shell, &mut report),
        Command::Man { dir } => generate::man(dir.as_deref(), &mut report),
        Command::PasswdHash { password } => password::print_hash(password, &mut report),
    };
    result.unwrap_or_else(|stop| {
        if !stop.message.is_empty() {
            report.error(&stop.message, &stop.after);
        }
        stop.exit
    })
}
