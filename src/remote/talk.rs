//! A conversation with one host, from the login to the exit code.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use super::connection::{Connection, Input};
use super::greeting::{FIRST, Greeting, LAST};
use super::{Destination, Error, Login, Program};
use crate::host::Interruption;
use crate::local;
use crate::report::{Report, is_yes};
use crate::secret::Secret;
use crate::wire::{self, Answer, Exposed, Frame, Progress, Request};

/// How soon Ctrl-C is passed on.
const ATTENTION: Duration = Duration::from_millis(100);

/// What is to be done on a host.
#[derive(Debug)]
pub struct Task<'t> {
    /// How to log in.
    pub login: &'t Login,
    /// The program to bring there, where it is not there yet.
    pub program: Option<&'t Program>,
    /// What to ask of it.
    pub request: &'t Request,
    /// Whether several hosts are asked at once.
    pub several: bool,
    /// Tells whoever presses Ctrl-C what comes of it.
    pub told_to_stop: fn(),
    /// Hears Ctrl-C, for all hosts that are asked, from the first run's begin on.
    pub interruption: OnceLock<Option<Interruption>>,
    /// What to answer where a password is asked for.
    pub password: Option<&'t Secret<String>>,
    /// Where to keep a plan or a picture that comes back.
    pub keep: Option<&'t Path>,
    /// Whether it changes the host without a question.
    pub unasked: bool,
}

/// Whoever is told what is said; several hosts may speak at once.
pub type Audience<'r> = Mutex<&'r mut Report>;

/// Talks to a host until it is done, and returns the exit code from there. All
/// that is said there is said to `audience`.
///
/// # Errors
///
/// Fails where the host cannot be reached or served, or is lost on the way.
pub fn talk(to: &Destination, task: &Task<'_>, audience: &Audience<'_>) -> Result<u8, Error> {
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let say = |frame: &Frame| lock(audience).relay(frame, &to.to_string(), task.several);
        let heard = move |line: &str| say(&Frame::Err(format!("{line}\n")));
        let mut connection = Connection::open(scope, to, task.login, heard)?;
        let talk = Talk { to, task, audience, input: connection.input(), over: Arc::clone(&over) };
        let ended = talk.greet(&mut connection).and_then(|()| talk.listen(&mut connection));
        over.store(true, Ordering::Relaxed);
        let words = connection.close();
        ended.map_err(|cut| match cut {
            Cut::Refused(error) => error,
            Cut::NoLogin { said } => no_login(to, &words, said.as_deref()),
            Cut::Lost { under_way } => lost(to, under_way, &words),
        })
    })
}

/// Why a conversation came to no end.
enum Cut {
    /// We will not serve the host.
    Refused(Error),
    /// It did not greet.
    NoLogin {
        /// The last line that came instead, made visible.
        said: Option<String>,
    },
    /// It was not heard of any more.
    Lost { under_way: bool },
}

/// A conversation.
struct Talk<'t, 'r> {
    to: &'t Destination,
    task: &'t Task<'t>,
    audience: &'t Audience<'r>,
    input: Input,
    over: Arc<AtomicBool>,
}

impl Talk<'_, '_> {
    /// Hears what the host is, brings it the program if it needs one, and says
    /// what is wanted.
    fn greet(&self, connection: &mut Connection<'_>) -> Result<(), Cut> {
        // What a login shell says on its own comes before.
        let mut said = None;
        let mut next = || {
            let line = connection.line().ok_or_else(|| Cut::NoLogin { said: said.take() })?;
            said = Some(line.clone()).filter(|line| !line.is_empty()).or(said.take());
            Ok(line)
        };
        while next()? != FIRST {}
        let mut lines = Vec::new();
        loop {
            let line = next()?;
            if line == LAST {
                break;
            }
            lines.push(line);
        }
        let greeting = Greeting::parse(lines.iter().map(String::as_str));
        greeting.check_root(self.to, self.task.login.sudo).map_err(Cut::Refused)?;
        let lost = |_: io::Error| Cut::Lost { under_way: false };
        match self.task.program {
            Some(program) => {
                greeting.check(self.to, program, SystemTime::now()).map_err(Cut::Refused)?;
                if greeting.program() == Some(program.digest().to_string().as_str()) {
                    self.input.send_bytes(b"run\n").map_err(lost)?;
                } else {
                    self.bring(program).map_err(lost)?;
                }
            }
            None if greeting.program().is_none() => {
                let message = format!("mailprov is not on {} yet", self.to);
                let advice = format!("Bring it there: mailprov bootstrap {}", self.to);
                return Err(Cut::Refused(Error::new(message, advice)));
            }
            None => self.input.send_bytes(b"run\n").map_err(lost)?,
        }
        self.input.send(self.task.request).map_err(lost)
    }

    fn bring(&self, program: &Program) -> io::Result<()> {
        let bytes = program.bytes();
        let step = format!("Send mailprov ({} KiB)", bytes.len().div_ceil(1024));
        let start = std::time::Instant::now();
        self.say(&Frame::Progress(Progress::Started { step: step.clone() }));
        let order = format!("receive {} {}\n", bytes.len(), program.digest());
        let sent = self.input.send_bytes(order.as_bytes());
        let sent = sent.and_then(|()| self.input.send_bytes(bytes));
        let seconds = start.elapsed().as_secs_f64();
        self.say(&Frame::Progress(Progress::Finished { step, seconds }));
        sent
    }

    /// Shows what is said there, until its end.
    fn listen(&self, connection: &mut Connection<'_>) -> Result<u8, Cut> {
        let mut heard_of_it = false;
        // Where nothing is heard of a run, it may have begun all the same.
        let mut under_way = self.task.unasked;
        loop {
            let Ok(Some(frame)) = wire::read(connection.output()) else {
                break Err(Cut::Lost { under_way });
            };
            match frame {
                Frame::Ready(version) if version == wire::VERSION => {}
                Frame::Ready(_) => break Err(Cut::Refused(self.other_version())),
                Frame::Ask { question, unseen } => {
                    let answer = self.ask(&question, unseen);
                    under_way |= matches!(&answer, Answer::Line(line) if is_yes(line.0.expose()));
                    if self.input.send(&answer).is_err() {
                        break Err(Cut::Lost { under_way });
                    }
                }
                Frame::Keep(text) => self.keep(text).map_err(Cut::Refused)?,
                Frame::End(code) => {
                    // Where this fails, the host remembers that nobody heard.
                    let _ = self.input.send(&Answer::Heard);
                    break Ok(code);
                }
                Frame::Progress(_) if !heard_of_it => {
                    (heard_of_it, under_way) = (true, true);
                    self.pass_on_ctrl_c();
                    self.say(&frame);
                }
                frame => self.say(&frame),
            }
        }
    }

    fn say(&self, frame: &Frame) {
        lock(self.audience).relay(frame, &self.to.to_string(), self.task.several);
    }

    fn ask(&self, question: &str, unseen: bool) -> Answer {
        let question = match self.task.several {
            true => format!("{}: {question}", self.to),
            false => question.to_owned(),
        };
        let mut report = lock(self.audience);
        let answer = match (unseen, self.task.password) {
            (true, Some(password)) => Some(password.clone()),
            (true, None) => report.ask_unseen(&question).ok(),
            (false, _) => report.ask_line(&question).map(Secret::new),
        };
        answer.map_or(Answer::Nothing, |answer| Answer::Line(Exposed(answer)))
    }

    fn keep(&self, text: String) -> Result<(), Error> {
        let Some(path) = self.task.keep else { return Ok(()) };
        lock(self.audience).keep(path, text).map_err(|error| {
            let message = format!("could not write {}: {}", path.display(), local::reason(&error));
            Error::new(message, "Nothing was changed.")
        })
    }

    /// From now on Ctrl-C does not end us: it is told to the host, which undoes
    /// what it did.
    fn pass_on_ctrl_c(&self) {
        let listen = || Interruption::listen(self.task.told_to_stop).ok();
        let Some(interruption) = self.task.interruption.get_or_init(listen).clone() else { return };
        let (input, over) = (self.input.clone(), Arc::clone(&self.over));
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if interruption.is_asked() {
                    let _ = input.send(&Answer::Stop);
                    return;
                }
                std::thread::sleep(ATTENTION);
            }
        });
    }

    fn other_version(&self) -> Error {
        Error::new(
            format!("the mailprov on {} is of another version", self.to),
            format!("Bring this one there: mailprov bootstrap {}", self.to),
        )
    }
}

/// Explains why a host did not greet; ssh's own words were shown. `said`: what
/// came instead.
fn no_login(to: &Destination, words: &[String], said: Option<&str>) -> Error {
    const REASONS: [(&str, &str); 9] = [
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            "If you installed the host anew, forget the old key: ssh-keygen -R HOST. If not, \
             somebody may sit between you and it.",
        ),
        (
            "Host key verification failed",
            "Log in once by hand to see and accept the host's key: ssh HOST",
        ),
        (
            "Permission denied",
            "Say who logs in (USER@HOST) and with which key (--identity FILE), and see that the \
             key is in ~/.ssh/authorized_keys there.",
        ),
        (
            "a password is required",
            "sudo there asks for a password, and nobody could type it. Allow it without one \
             (NOPASSWD in /etc/sudoers), or log in as root.",
        ),
        ("Connection refused", "Does sshd listen there, and on this port? (HOST:PORT)"),
        ("Could not resolve hostname", "Is the name right, and does DNS know it?"),
        ("timed out", "Is the host up, and does a firewall let you in? (HOST:PORT)"),
        ("No route to host", "Is the address right, and the host up?"),
        ("sudo: command not found", "There is no sudo there: log in as root."),
    ];
    let is_said = |sign: &str| words.iter().any(|line| line.contains(sign));
    let reason = REASONS.iter().find(|(sign, _)| is_said(sign));
    let advice = match reason {
        Some((_, advice)) => advice.replace("HOST", to.host()),
        None => format!("See whether this works: ssh {}", to.host()),
    };
    let said = said.map_or_else(String::new, |line| format!(": it answers `{line}`"));
    Error::new(format!("could not log in at {to}{said}"), format!("Nothing was changed. {advice}"))
}

/// Explains a conversation that broke off.
fn lost(to: &Destination, under_way: bool, words: &[String]) -> Error {
    const REASONS: [(&str, &str); 3] = [
        ("did not arrive whole", "Try it again."),
        ("is not mailprov", "Name a mailprov that was built for that host (--binary FILE)."),
        ("No space left on device", "Make room on its disk: df -h"),
    ];
    if under_way {
        let advice = format!(
            "A run that had begun goes on there by itself, to its end or its undo. How it ends: \
             mailprov history --on {to}"
        );
        return Error::new(format!("the connection to {to} was lost"), advice);
    }
    let is_said = |sign: &str| words.iter().any(|line| line.contains(sign));
    let (message, advice) = match REASONS.iter().find(|(sign, _)| is_said(sign)) {
        Some((_, advice)) => (format!("could not bring mailprov to {to}"), *advice),
        None => (format!("the connection to {to} was lost"), "Try it again."),
    };
    Error::new(message, format!("Nothing was changed. {advice}"))
}

fn lock<'a, 'r>(audience: &'a Audience<'r>) -> MutexGuard<'a, &'r mut Report> {
    audience.lock().unwrap_or_else(PoisonError::into_inner)
}
