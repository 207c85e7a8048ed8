//! A command on several hosts, some of them side by side.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use super::{Destination, Login, Output, Program, RemoteCommand, Session, talk};
use crate::command_error::{CommandError, Exit};

/// The number of hosts that a command works on at a time by default.
const FORKS: usize = 10;

/// The hosts that a command is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fleet<'f> {
    pub(crate) hosts: &'f [Destination],
    pub(crate) login: &'f Login,
    /// On how many of them it works at a time.
    pub(crate) forks: Option<NonZeroUsize>,
}

impl Fleet<'_> {
    /// Sends a command to each host, with the program where it is to be brought
    /// there, and returns how it ended on each. Where there are several, one that
    /// fails does not keep the others.
    ///
    /// # Errors
    ///
    /// Fails where there is one host, and that cannot be worked on.
    pub(crate) fn send(
        &self,
        command: &RemoteCommand,
        program: Option<&Program>,
        output: &dyn Output,
    ) -> Result<Vec<Exit>, CommandError> {
        let session = Session::new(self.login, program, command, self.hosts.len() > 1);
        let talk = |host| Ok(Exit::from_code(talk(host, &session, output)?));
        if let [host] = self.hosts {
            return Ok(vec![talk(host)?]);
        }
        let talk = |host| {
            talk(host).unwrap_or_else(|error: CommandError| {
                output.failed(&error);
                Exit::Failed
            })
        };
        let forks = self.forks.map_or(FORKS, NonZeroUsize::get).min(self.hosts.len());
        let waiting = Mutex::new(self.hosts.iter().enumerate());
        let ended = Mutex::new(vec![Exit::Failed; self.hosts.len()]);
        let work = || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, host)) = next else { break };
                let exit = talk(host);
                ended.lock().unwrap_or_else(PoisonError::into_inner)[index] = exit;
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..forks {
                scope.spawn(work);
            }
        });
        Ok(ended.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}
