//! Waits until a started service is healthy: its process stays, and it answers
//! on its endpoints. Waits no longer than it takes to tell.

use std::time::{Duration, Instant};

use super::ServiceKey;
use crate::host::{Error, Greeting, Host, Process, Result, Unit};

/// How long a daemon may take to answer on a first endpoint.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long it may then take to answer on each other one.
const PATIENCE_FOR_ANOTHER: Duration = Duration::from_secs(5);

/// How long a reloaded daemon may take to answer.
const PATIENCE_AFTER_RELOAD: Duration = Duration::from_secs(3);

/// How long a new process without endpoints must last, and how soon another
/// must follow one that ended.
pub(super) const MOMENT: Duration = Duration::from_secs(1);

/// After a reload signal a daemon serves the old configuration until it handles
/// the signal. Where that cannot be observed, wait this long.
const HEARING: Duration = Duration::from_millis(50);

/// How long to wait for a daemon to handle a signal.
const PATIENCE_TO_TELL: Duration = Duration::from_secs(1);

/// The number of successive processes that count as a restart loop.
const SUCCESSORS: usize = 3;

/// How a service loaded its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begun {
    /// By a start.
    Started,
    /// By a reload. If that is not enough, a restart may be.
    Reloaded,
}

/// Waits until the service with this `process` is healthy, and returns its
/// process by then.
///
/// # Errors
///
/// Fails where it does not answer, where its process ends, and where it
/// restarts again and again.
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
            // Without endpoints, all that can be observed is that the process lasts.
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

/// Reports a fault of a service, and where to read more.
pub(super) fn unwell(unit: &Unit, what: &str) -> Error {
    Error::Other(format!("{} {what}; its last words: journalctl -u '{0}*'", unit.name))
}
