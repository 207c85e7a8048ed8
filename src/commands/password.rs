//! Passwords, typed twice and unseen; and `mailprov passwd-hash`.

use std::io::{self, ErrorKind};

use super::{CommandError, Exit};
use crate::app::given_password;
use crate::cli::PasswordFrom;
use crate::mail::{Invalid, Name, Password};
use crate::report::Report;
use crate::secret::Secret;
use crate::wire::Question;

/// How many attempts the user has.
const TRIES: usize = 3;

pub(super) fn print_hash(from: &PasswordFrom, report: &mut Report) -> Result<Exit, CommandError> {
    let hash = choose(from, &Asked::Here("Password:"), report)?.hash().map_err(refused)?;
    // The user asked for the hash, which does not reveal the password.
    report.raw(&format!("{}\n", hash.secret().expose()));
    Ok(Exit::Done)
}

/// Fails early if a password has to be typed and the user cannot be asked.
pub(super) fn can_choose(from: &PasswordFrom, report: &Report) -> Result<(), CommandError> {
    if from.is_given() || report.can_ask() {
        return Ok(());
    }
    let message = "there is no terminal to type the password on";
    Err(CommandError::usage(message).hinted("Pass --password-file FILE or --password-stdin."))
}

pub(super) enum Asked<'q> {
    /// For a command that runs only here.
    Here(&'q str),
    /// For an account, possibly by a command on another host.
    Of(&'q Name),
}

impl Asked<'_> {
    fn once(&self, report: &mut Report) -> Result<Secret<String>, CommandError> {
        match self {
            Self::Here(question) => report.ask_unseen_here(question).map_err(unheard),
            Self::Of(account) => {
                let question = Question::NewPassword { account: account.to_string() };
                report.ask_unseen(question).ok_or_else(given_up)
            }
        }
    }

    fn again(&self, report: &mut Report) -> Result<Secret<String>, CommandError> {
        report.ask_unseen(Question::SameAgain).ok_or_else(given_up)
    }
}

/// Reads a new password from its source.
pub(super) fn choose(
    from: &PasswordFrom,
    asked: &Asked<'_>,
    report: &mut Report,
) -> Result<Password, CommandError> {
    can_choose(from, report)?;
    match given_password(from)? {
        Some(given) => Password::parse(given.expose()).map_err(refused),
        None => typed(asked, report),
    }
}

/// Reads an existing password: typed once, without rules.
pub(super) fn existing(
    from: &PasswordFrom,
    question: &str,
    report: &mut Report,
) -> Result<Secret<String>, CommandError> {
    can_choose(from, report)?;
    match given_password(from)? {
        Some(given) => Ok(given),
        None => report.ask_unseen_here(question).map_err(unheard),
    }
}

fn typed(asked: &Asked<'_>, report: &mut Report) -> Result<Password, CommandError> {
    for _ in 0..TRIES {
        let first = asked.once(report)?;
        match Password::parse(first.expose()) {
            Err(Invalid { message, help }) => report.prompt(&format!("{message}: {help}\n")),
            Ok(password) => {
                if asked.again(report)? == first {
                    return Ok(password);
                }
                report.prompt("The two are not the same.\n");
            }
        }
    }
    Err(CommandError::failed("no password was chosen"))
}

/// Explains why a password is refused.
pub(super) fn refused(Invalid { message, help }: Invalid) -> CommandError {
    CommandError::failed(format!("{message}: {help}"))
}

fn unheard(error: io::Error) -> CommandError {
    match error.kind() {
        ErrorKind::Interrupted => given_up(),
        _ => CommandError::failed("could not read the password").because(error),
    }
}

fn given_up() -> CommandError {
    CommandError::failed("given up")
}
