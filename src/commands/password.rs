//! Reads passwords: typed twice and unseen, or from a file or standard input.
//! `mailprov passwd-hash`.

use std::io::{self, ErrorKind, Read};

use super::{CommandError, Exit};
use crate::app;
use crate::cli::PasswordFrom;
use crate::local::{self, Untrusted};
use crate::mail::{Invalid, Name, Password};
use crate::report::Report;
use crate::secret::Secret;
use crate::wire::Question;

/// How many attempts the user has.
const TRIES: usize = 3;

/// The limit of a file, since no password is longer.
const MOST_BYTES: u64 = 64 * 1024;

pub(super) fn print_hash(from: &PasswordFrom, report: &mut Report) -> Result<Exit, CommandError> {
    let hash = choose(from, &Asked::Here("Password:"), report)?.hash().map_err(refused)?;
    // The user asked for the hash, which does not reveal the password.
    report.text(&format!("{}\n", hash.secret().expose()));
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
    match given(from)? {
        Some((name, bytes)) => Password::parse(&line(&name, bytes)?).map_err(refused),
        None => typed(asked, report),
    }
}

/// Reads the password from a file or standard input, if one is given, with the
/// name of that source.
fn given(from: &PasswordFrom) -> Result<Option<(String, Vec<u8>)>, CommandError> {
    if let Some(path) = &from.password_file {
        let bytes = local::read(path).map_err(|error| match Untrusted::of(&error) {
            Some(_) => app::unreadable(path, &error),
            None => unreadable(&path.display(), error),
        })?;
        return Ok(Some((path.display().to_string(), bytes)));
    }
    if from.password_stdin {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(MOST_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&"standard input", error))?;
        return Ok(Some(("standard input".into(), bytes)));
    }
    Ok(None)
}

/// Reads an existing password: typed once, without rules.
pub(super) fn existing(
    from: &PasswordFrom,
    question: &str,
    report: &mut Report,
) -> Result<Secret<String>, CommandError> {
    can_choose(from, report)?;
    match given(from)? {
        Some((name, bytes)) => line(&name, bytes).map(Secret::new),
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

fn line(name: &str, bytes: Vec<u8>) -> Result<String, CommandError> {
    let text = local::text(name, bytes)
        .map_err(|not_text| CommandError::failed("the password").because(not_text))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Explains why a password is refused.
pub(super) fn refused(invalid: Invalid) -> CommandError {
    let Invalid { message, help } = invalid;
    CommandError::failed(format!("{message}: {help}"))
}

fn unreadable(name: &dyn std::fmt::Display, error: io::Error) -> CommandError {
    CommandError::failed(format!("could not read the password from {name}")).because(error)
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
