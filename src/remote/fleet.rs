//! A command on several hosts, some of them side by side.

use std::num::NonZeroUsize;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::talk::{RemoteCommand, Session, talk};
use super::{Destination, Login, Output};
use crate::command_error::{CommandError, Exit};

/// The number of hosts that a command works on at a time by default.
const FORKS: usize = 10;

/// Sends a command to each host, to at most `forks` at a time, and returns the exit
/// code of each. With several hosts, one that fails does not stop the others.
///
/// # Errors
///
/// Returns the error of a single host.
pub(crate) fn send(
    hosts: &[Destination],
    login: &Login,
    forks: Option<NonZeroUsize>,
    command: &RemoteCommand<'_>,
    output: &dyn Output,
) -> Result<Vec<Exit>, CommandError> {
    let interruption = OnceLock::new();
    let session = Session { login, command, several: hosts.len() > 1, interruption };
    let talk = |host| Ok(Exit::from_code(talk(host, &session, output)?));
    if let [host] = hosts {
        return Ok(vec![talk(host)?]);
    }
    let forks = forks.map_or(FORKS, NonZeroUsize::get).min(hosts.len());
    let waiting = Mutex::new(hosts.iter().enumerate());
    let ended = Mutex::new(vec![Exit::Failed; hosts.len()]);
    let work = || {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, host)) = next else { break };
            match talk(host) {
                Ok(exit) => ended.lock().unwrap_or_else(PoisonError::into_inner)[index] = exit,
                Err(error) => output.failed(&error),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..forks {
            scope.spawn(work);
        }
    });
    Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
}
