//! The checks after `apply`: those that are quick and quiet. They change
//! nothing, not even the outcome of the run.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Context;
use super::checks::Findings;
use crate::check::{self, Causes};
use crate::command_error::CommandError;
use crate::finding::{Finding, Verdict};
use crate::host::Interruption;
use crate::probe::ConnectionCache;
use crate::services::checking::{Account, Check, Here, Quick, Server, TemporaryLogin};

/// How long checks that run at a time may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a daemon that just started may be busy. Dovecot also notices a new
/// password within this time.
const SETTLING: Duration = Duration::from_millis(1100);

/// How often to look for Ctrl-C.
const TICK: Duration = Duration::from_millis(50);

/// The findings of each check, in order.
type ByCheck = Vec<(&'static Check, Vec<Finding>)>;

impl Context {
    /// Checks until it is told to stop. Returns what was found, and the checks that
    /// were not made.
    pub(crate) fn check_after(
        &self,
        stop: &Interruption,
    ) -> Result<(Findings, Vec<&'static str>), CommandError> {
        let mut found = found(self, stop)?;
        let mut causes = Causes::default();
        found.iter_mut().for_each(|(check, all)| causes.trace(check.explains, all));
        let rest = check::ALL.iter().filter(|check| !is_quick(check));
        let found = found.into_iter().map(|(check, all)| (check.name(), all));
        Ok((found.collect(), rest.map(|check| check.name()).collect()))
    }
}

/// Returns whether a check runs after a run: the comparison with mail.yml, and
/// quick checks over the network.
fn is_quick(check: &Check) -> bool {
    check.quick.is_some() || matches!(check.here, Here::Planned(_))
}

fn found(context: &Context, stop: &Interruption) -> Result<ByCheck, CommandError> {
    let site = context.site()?;
    let login = TemporaryLogin::at(&site);
    let account = login.as_ref().ok().map(|login| &login.account);
    let quick: Vec<_> = check::ALL.iter().copied().filter(|check| check.quick.is_some()).collect();
    let mut found = ByCheck::new();
    // From the last to the first: a login also proves the certificate and the port.
    let mut quick_ones = quick.iter().rev();
    let first = quick_ones.next().map(|check| ask(&site.server, account, &[check]));
    // Run while the server takes its time to answer.
    for check in check::ALL.iter().copied() {
        if let Here::Planned(look) = check.here {
            found.push((check, look(&site, &context.compare()?)?));
        }
    }
    found.extend(first.into_iter().flat_map(|asked| asked.hear(stop)));
    for check in quick_ones {
        found.extend(ask(&site.server, account, &[check]).hear(stop));
    }
    let is_wrong = |finding: &Finding| finding.verdict == Verdict::Wrong;
    let is_of = |found: &ByCheck, check: &Check| {
        found.iter().any(|(it, all)| it.name() == check.name() && all.iter().any(is_wrong))
    };
    let again: Vec<_> = quick.iter().copied().filter(|check| is_of(&found, check)).collect();
    if !again.is_empty() && !stop.is_asked() {
        std::thread::sleep(SETTLING);
        // Connects again, since a port that did not answer before may do so now.
        let server = Server { connections: ConnectionCache::default(), ..site.server.clone() };
        let second = ask(&server, account, &again).hear(stop);
        found.retain(|(check, _)| !again.iter().any(|it| it.name() == check.name()));
        found.extend(second);
    }
    if let Err(why) = &login {
        let untried = |(check, all): &mut (&'static Check, Vec<Finding>)| {
            if matches!(check.quick, Some(Quick::LoggedIn(_))) {
                *all = vec![check.not_made(why, "See: mailprov check")];
            }
        };
        found.iter_mut().for_each(untried);
    }
    let place = |check: &Check| check::ALL.iter().position(|it| it.name() == check.name());
    found.sort_by_key(|(check, _)| place(check));
    Ok(found)
}

/// Running checks, each on a thread of its own.
struct Asked {
    answers: mpsc::Receiver<(&'static Check, Vec<Finding>)>,
    checks: Vec<&'static Check>,
}

/// Starts checks of a server. Without an account, those that need one find
/// nothing.
fn ask(server: &Server, account: Option<&Account>, checks: &[&'static Check]) -> Asked {
    let (sender, answers) = mpsc::channel();
    for &check in checks {
        let (server, account, sender) = (server.clone(), account.cloned(), sender.clone());
        // Not joined, since a server may hang.
        std::thread::spawn(move || {
            let found = match (check.quick, &account) {
                (Some(Quick::Alone(look)), _) => look(&server),
                (Some(Quick::LoggedIn(look)), Some(account)) => look(&server, account),
                _ => Vec::new(),
            };
            // The send fails if the check was given up.
            let _ = sender.send((check, found));
        });
    }
    Asked { answers, checks: checks.to_vec() }
}

impl Asked {
    /// Waits for the findings, unless interrupted.
    fn hear(self, stop: &Interruption) -> ByCheck {
        let mut found = ByCheck::new();
        let end = Instant::now() + TIMEOUT;
        while found.len() < self.checks.len() && Instant::now() < end && !stop.is_asked() {
            match self.answers.recv_timeout(TICK) {
                Ok(one) => found.push(one),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        for check in self.checks {
            if !found.iter().any(|(it, _)| it.name() == check.name()) {
                let finding = check.not_made("there is no answer yet", "See: mailprov check");
                found.push((check, vec![finding]));
            }
        }
        found
    }
}
