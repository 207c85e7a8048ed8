//! What `apply` looks at once its changes are made: whether the server works, as
//! far as that is quick and quiet. It finds out and says; it changes nothing, not
//! even how the run ended.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::super::CommandError;
use super::subject::Subject;
use crate::app::{self, Context};
use crate::check::{self, Account, Causes, Login, Part, Server};
use crate::finding::{Finding, Verdict};
use crate::host::Interruption;
use crate::probe::ConnectionCache;
use crate::report::Report;

/// What is looked at: no part in which a server has to refuse something, since
/// that takes time, fills its log, and may keep this host's own address out; and
/// none that touches somebody's mailbox.
const PARTS: [Part; 4] = [Part::Configuration, Part::Ports, Part::Tls, Part::Login];

/// How long is waited for what is asked at a time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a daemon that has just begun may be busy with itself. Dovecot also
/// sees within this time a password that is new.
const SETTLING: Duration = Duration::from_millis(1100);

/// How soon Ctrl-C is heard.
const ATTENTION: Duration = Duration::from_millis(50);

/// What was found, a part after the other.
type Found = Vec<(Part, Vec<Finding>)>;

/// Looks, and says what it found. Whoever wants us to stop ends the look only.
pub(in crate::commands) fn look(
    loaded: &Context,
    interruption: &Interruption,
    report: &mut Report,
) {
    if !loaded.is_mail_server() || interruption.is_asked() {
        return;
    }
    report.checking(&loaded.subject());
    let stop = || interruption.is_asked();
    match found(loaded, interruption) {
        _ if stop() => report.check_given_up("it was told to stop"),
        Err(error) => report.check_given_up(&error.to_string()),
        Ok(mut found) => {
            let mut causes = Causes::default();
            found.iter_mut().for_each(|(part, findings)| causes.trace(*part, findings));
            let rest = Part::ALL.into_iter().filter(|part| !PARTS.contains(part));
            let rest: Vec<_> = rest.map(Part::name).collect();
            let found: Vec<_> = found.iter().map(|(part, all)| (part.name(), &all[..])).collect();
            report.checked_after(&found, &loaded.subject(), &rest);
        }
    }
}

fn found(loaded: &Context, stop: &Interruption) -> Result<Found, CommandError> {
    let Some(spec) = loaded.spec() else { return Err(app::no_mail_yml()) };
    let subject = Subject::new(loaded, spec)?;
    let probe = subject.probe();
    let account = match &probe {
        Ok(probe) => Ok(&probe.account),
        Err(why) => Err(why),
    };
    let ask_for = |parts: &[Part]| ask(&subject.server, account.ok(), parts);
    let asked = ask_for(&[Part::Login]);
    // Looked at while the others wait for answers.
    let configuration = subject.configuration()?;
    let mut found = asked.hear(stop);
    // Who answered by now and what was shown need not be called for.
    found.extend(ask_for(&[Part::Tls]).hear(stop));
    found.extend(ask_for(&[Part::Ports]).hear(stop));
    let again: Vec<Part> =
        found.iter().filter(|(_, all)| all.iter().any(is_wrong)).map(|(part, _)| *part).collect();
    if !again.is_empty() && !stop.is_asked() {
        std::thread::sleep(SETTLING);
        // Who did not answer a moment ago may do so now.
        let server = Server { connections: ConnectionCache::default(), ..subject.server.clone() };
        let second = ask(&server, account.ok(), &again).hear(stop);
        found.retain(|(part, _)| !again.contains(part));
        found.extend(second);
    }
    if let Err(why) = account {
        let finding = Finding::ok("Logins", "People use them.");
        found.push((Part::Login, vec![finding.not_checked(why, "See: mailprov check")]));
    }
    found.push((Part::Configuration, configuration));
    found.sort_by_key(|(part, _)| PARTS.iter().position(|it| it == part));
    Ok(found)
}

fn is_wrong(finding: &Finding) -> bool {
    finding.verdict == Verdict::Wrong
}

/// Parts that are being looked at, each on a thread of its own.
struct Asked {
    answers: mpsc::Receiver<(Part, Vec<Finding>)>,
    parts: Vec<Part>,
}

/// Begins to look at parts of a server. Where nobody can log in, what needs that
/// is left out.
fn ask(server: &Server, account: Option<&Account>, parts: &[Part]) -> Asked {
    let (sender, answers) = mpsc::channel();
    let is_asked = |part: &Part| account.is_some() || !part.needs_account();
    let parts: Vec<Part> = parts.iter().copied().filter(is_asked).collect();
    for &part in &parts {
        let (server, account) = (server.clone(), account.cloned());
        let sender = sender.clone();
        // Not waited for: whoever hangs must not keep us.
        std::thread::spawn(move || {
            let found = match (part, account) {
                (Part::Ports, _) => check::ports(&server),
                (Part::Tls, _) => check::certificates(&server),
                (Part::Login, Some(account)) => check::login(&server, &account, Login::Right),
                _ => Vec::new(),
            };
            // Where this fails, nobody waits any more.
            let _ = sender.send((part, found));
        });
    }
    Asked { answers, parts }
}

impl Asked {
    /// Waits for what is found, unless we are told to stop.
    fn hear(self, stop: &Interruption) -> Found {
        let mut found = Found::new();
        let end = Instant::now() + PATIENCE;
        while found.len() < self.parts.len() && Instant::now() < end && !stop.is_asked() {
            match self.answers.recv_timeout(ATTENTION) {
                Ok(one) => found.push(one),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let silent = self.parts.iter().filter(|part| !found.iter().any(|(it, _)| it == *part));
        let silent: Vec<_> = silent.map(|part| (*part, vec![too_slow(*part)])).collect();
        found.extend(silent);
        found
    }
}

fn too_slow(part: Part) -> Finding {
    let finding = Finding::ok(format!("The {part}"), "A server that is well answers at once.");
    finding.not_checked("there is no answer yet", "See: mailprov check")
}
