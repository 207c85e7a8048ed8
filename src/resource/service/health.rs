//! Whether a service that was started is well: its process stays, and it
//! answers where it must. No longer is waited than that takes to tell.

use std::time::{Duration, Instant};

use super::ServiceKey;
use crate::host::{Error, Greeting, Host, Process, Result, Unit};

/// How long a daemon may take until it answers anywhere.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long one that answers here may take until it answers there too.
const PATIENCE_FOR_ANOTHER: Duration = Duration::from_secs(5);

/// How long a daemon that read its files again may take until it answers.
const PATIENCE_AFTER_RELOAD: Duration = Duration::from_secs(3);

/// How long a new process must last that answers nobody, and how long one that
/// ended may be gone before another follows.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// A daemon is told by a signal to read its files, and answers with the old ones
/// until it took that, and then until it listens again. Where that cannot be
/// seen, this long is waited.
const HEARING: Duration = Duration::from_millis(50);

/// How long it is waited for a daemon that does not take a signal.
const PATIENCE_TO_TELL: Duration = Duration::from_secs(1);

/// How many processes may follow another before that is a loop.
const SUCCESSORS: usize = 3;

/// How a service came to have the files that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// It was started.
    Started,
    /// It was told to read them. If that did not do, a restart may.
    Reloaded,
}

/// Waits until the service, which has this `process`, is well, and returns the
/// process that it then has.
///
/// # Errors
///
/// Fails where it does not answer, where its process ends, and where that is
/// started again and again.
pub(super) fn wait_until_well(
    host: &Host,
    key: &ServiceKey,
    mut process: Process,
    begun: Begun,
) -> Result<Process> {
    if begun == Begun::Reloaded {
        wait_until_told(host, &process)?;
    }
    let mut successors = 0;
    let (mut since, mut seen, mut progress) = (Instant::now(), Instant::now(), Instant::now());
    let mut silent: Vec<&Greeting> = key.answers.iter().collect();
    loop {
        let now = host.main_process(&key.unit)?;
        let is_there = now.is_some();
        if let Some(now) = now {
            seen = Instant::now();
            if now != process {
                successors += 1;
                (process, since) = (now, Instant::now());
                silent = key.answers.iter().collect();
            }
        } else if seen.elapsed() > MOMENT {
            return Err(unwell(&key.unit, "ended right after its start"));
        }
        if successors > SUCCESSORS {
            return Err(unwell(&key.unit, "ends and is started again and again"));
        }
        let known = silent.len();
        let reasons = host.failing_probes(&silent);
        silent = reasons.iter().map(|(greeting, _)| *greeting).collect();
        if silent.len() < known {
            progress = Instant::now();
        }
        let patience = match begun {
            Begun::Reloaded => PATIENCE_AFTER_RELOAD,
            Begun::Started if silent.len() < key.answers.len() => PATIENCE_FOR_ANOTHER,
            Begun::Started => PATIENCE,
        };
        match reasons.first() {
            Some((greeting, reason)) if progress.elapsed() > patience => {
                let message = format!("runs but {greeting} does not answer ({reason})");
                return Err(unwell(&key.unit, &message));
            }
            Some(_) => {}
            None if !is_there => {}
            // A process that answers nobody can only be seen to last.
            None if key.answers.is_empty()
                && begun == Begun::Started
                && key.unit.other_type().is_none() =>
            {
                if since.elapsed() > MOMENT {
                    return Ok(process);
                }
            }
            None => return Ok(process),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_until_told(host: &Host, process: &Process) -> Result<()> {
    const GLANCE: Duration = Duration::from_millis(2);
    let begun = Instant::now();
    while host.has_pending_reload_signal(process)? && begun.elapsed() < PATIENCE_TO_TELL {
        std::thread::sleep(GLANCE);
    }
    let told = Instant::now();
    while !host.is_blocked_in_poll(process) && told.elapsed() < HEARING {
        std::thread::sleep(GLANCE);
    }
    Ok(())
}

/// Says what is wrong with a service, and where to read on.
pub(super) fn unwell(unit: &Unit, what: &str) -> Error {
    Error::Other(format!("{} {what}; its last words: journalctl -u '{0}*'", unit.name))
}
