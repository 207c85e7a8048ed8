//! A conversation with one host, from the login to the exit code.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::connection::{Connection, Input, Silence};
use super::preflight::{FIRST, Greeting, LAST};
use super::{Destination, Login, Output, Program, refused};
use crate::command_error::CommandError;
use crate::host::Interruption;
use crate::secret::Secret;
use crate::wire::{
    self, Answer, Frame, PlaintextSecret, Progress, Question, Request, Styled, is_yes,
};

/// How often to look for Ctrl-C.
const ATTENTION: Duration = Duration::from_millis(100);

/// The number of lines to show of a host that does not let us in.
const WORDS_SHOWN: usize = 10;

/// A command line as another host is to run it.
pub(crate) struct RemoteCommand<'p> {
    /// What to ask of the host.
    pub(crate) request: Request,
    /// The program to send if the host does not have it.
    pub(crate) program: Option<&'p Program>,
    /// The answer to the question for a password.
    pub(crate) password: Option<Secret<String>>,
    /// What to do with a file that the host sends.
    pub(crate) keep: Option<Keep>,
    /// Returns whether a question belongs to the request.
    pub(crate) may_ask: fn(&Question, &Request) -> bool,
    pub(crate) changes: bool,
    /// Whether it changes the host without a question.
    pub(crate) unasked: bool,
    /// Tells the user the effect of Ctrl-C.
    pub(crate) stop_notice: Arc<dyn Fn() + Send + Sync>,
}

/// A command on its way to hosts.
pub(super) struct Session<'t> {
    pub(super) login: &'t Login,
    pub(super) command: &'t RemoteCommand<'t>,
    /// Whether several hosts work at the same time.
    pub(super) several: bool,
    /// Handles Ctrl-C for all hosts, once the first run starts.
    pub(super) interruption: OnceLock<Option<Interruption>>,
}

/// What to do with a file that a host sends.
#[derive(Debug)]
pub(crate) enum Keep {
    File {
        path: PathBuf,
        /// Validates it: returns the text to write, or what is wrong with it.
        judge: fn(&str) -> Result<String, String>,
    },
    /// Hold it until the conversation is over.
    Hold(Mutex<Option<String>>),
}

/// Talks to a host until it is done, passes its messages to `output`, and
/// returns its exit code.
///
/// # Errors
///
/// Fails where the host cannot be reached or served, or where the connection is
/// lost.
pub(super) fn talk(
    to: &Destination,
    session: &Session<'_>,
    output: &dyn Output,
) -> Result<u8, CommandError> {
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let heard = move |line: &str| {
            let frame = Frame::Err(Styled::plain(format!("{line}\n")));
            output.relay(&frame, to, session.several);
        };
        let mut connection = Connection::open(scope, to, session.login, heard)?;
        let talk = Talk { to, session, output, input: connection.input(), over: Arc::clone(&over) };
        let ended = talk.greet(&mut connection).and_then(|()| talk.listen(&mut connection));
        over.store(true, Ordering::Relaxed);
        let words = connection.close();
        ended.map_err(|cut| match cut {
            Disconnect::Refused(error) => error,
            Disconnect::NoLogin { said } => no_login(to, session, &said, &words),
            Disconnect::Lost { under_way } => lost(to, session, under_way, &words),
        })
    })
}

/// Why a conversation was cut short.
enum Disconnect {
    Refused(CommandError),
    /// It did not greet us; this is all that it said.
    NoLogin {
        said: Vec<String>,
    },
    Lost {
        under_way: bool,
    },
}

struct Talk<'t> {
    to: &'t Destination,
    session: &'t Session<'t>,
    output: &'t dyn Output,
    input: Input,
    over: Arc<AtomicBool>,
}

impl Talk<'_> {
    /// Reads the greeting, sends the program if the host needs it, and sends
    /// the request.
    fn greet(&self, connection: &mut Connection<'_>) -> Result<(), Disconnect> {
        // The output of a login shell comes before the greeting.
        let mut said = Vec::new();
        let mut lines: Option<Vec<String>> = None;
        loop {
            let line = match connection.greeting_line() {
                Ok(line) => line,
                Err(Silence::End) => return Err(Disconnect::NoLogin { said }),
                Err(silence) => return Err(Disconnect::Refused(self.no_greeting(&silence))),
            };
            match &mut lines {
                None if line == FIRST => lines = Some(Vec::new()),
                None => {
                    // Such a host says nothing else, and hangs up after a while.
                    let is_told = other_user(&line).is_some();
                    said.push(line);
                    if is_told {
                        return Err(Disconnect::NoLogin { said });
                    }
                }
                Some(_) if line == LAST => break,
                Some(lines) => lines.push(line),
            }
        }
        let lines = lines.unwrap_or_default();
        let greeting = Greeting::parse(lines.iter().map(String::as_str));
        greeting.check_root(self.to, self.session.login.sudo).map_err(Disconnect::Refused)?;
        let lost = |_: io::Error| Disconnect::Lost { under_way: false };
        match self.session.command.program {
            Some(program) => {
                greeting.check(self.to, program, SystemTime::now()).map_err(Disconnect::Refused)?;
                if greeting.program() == Some(program.digest.to_string().as_str()) {
                    self.input.send_bytes(b"run\n").map_err(lost)?;
                } else {
                    self.bring(program).map_err(lost)?;
                }
            }
            None if greeting.program().is_none() => {
                let message = format!("mailprov is not on {} yet", self.to);
                let advice = format!("Bring it there: {}", self.session.bootstrap(self.to, false));
                return Err(Disconnect::Refused(refused(message, advice)));
            }
            None => self.input.send_bytes(b"run\n").map_err(lost)?,
        }
        self.input.send(&self.session.command.request).map_err(lost)
    }

    fn no_greeting(&self, silence: &Silence) -> CommandError {
        let why = match silence {
            Silence::TooMuch => "says more than a greeting holds",
            Silence::TooSlow | Silence::End => "does not come to the end of its greeting",
        };
        let advice =
            format!("See what a login there says: {}", self.session.login.by_hand(self.to));
        refused(format!("{} {why}", self.to), advice)
    }

    fn bring(&self, program: &Program) -> io::Result<()> {
        let bytes = &program.bytes;
        let step = format!("Send mailprov ({} KiB)", bytes.len().div_ceil(1024));
        let start = std::time::Instant::now();
        self.say(&Frame::Progress(Progress::Started { step: step.clone() }));
        let order = format!("receive {} {}\n", bytes.len(), program.digest);
        let sent = self.input.send_bytes(order.as_bytes());
        let sent = sent.and_then(|()| self.input.send_bytes(bytes));
        let seconds = start.elapsed().as_secs_f64();
        self.say(&Frame::Progress(Progress::Finished { step, seconds }));
        sent
    }

    /// Passes on the messages of the host until the end.
    fn listen(&self, connection: &mut Connection<'_>) -> Result<u8, Disconnect> {
        let mut heard_of_it = false;
        // Without news of a run it may still have begun.
        let mut under_way = self.session.command.unasked;
        let mut is_ready = false;
        loop {
            let Ok(Some(frame)) = wire::read_frame(connection.output()) else {
                break Err(Disconnect::Lost { under_way });
            };
            match frame {
                Frame::Ready(_) if is_ready => break Err(self.odd("greets twice")),
                Frame::Ready(version) if version == wire::VERSION => is_ready = true,
                Frame::Ready(_) => break Err(Disconnect::Refused(self.other_version())),
                _ if !is_ready => break Err(self.odd("speaks before it greets")),
                Frame::Ask(question) => {
                    if !self.may_ask(&question) {
                        break Err(self.odd("asks what does not belong to this command"));
                    }
                    let answer = self.ask(&question);
                    under_way |= !question.is_unseen() && is_a_yes(&answer);
                    if self.input.send(&answer).is_err() {
                        break Err(Disconnect::Lost { under_way });
                    }
                }
                Frame::Event(line) if !line.get("event").is_some_and(Value::is_string) => {
                    break Err(self.odd("sends a line that is no event"));
                }
                Frame::Keep(text) => self.keep(&text).map_err(Disconnect::Refused)?,
                Frame::End(code) => {
                    // If this fails, the host marks the run as unreported.
                    let _ = self.input.send(&Answer::Ack);
                    break Ok(code);
                }
                Frame::Progress(_) if !heard_of_it && self.session.command.changes => {
                    (heard_of_it, under_way) = (true, true);
                    self.pass_on_ctrl_c();
                    self.say(&frame);
                }
                frame => self.say(&frame),
            }
        }
    }

    fn say(&self, frame: &Frame) {
        self.output.relay(frame, self.to, self.session.several);
    }

    /// Rejects a question that the command does not ask.
    fn may_ask(&self, question: &Question) -> bool {
        let request = &self.session.command.request;
        let is_answered = self.session.command.password.is_some() && question.is_unseen();
        question.is_well_formed()
            && (request.screen.answers || is_answered)
            && (self.session.command.may_ask)(question, request)
    }

    fn ask(&self, question: &Question) -> Answer {
        let answer = match (question.is_unseen(), &self.session.command.password) {
            (true, Some(password)) => Some(password.clone()),
            _ => self.output.ask(question, self.to),
        };
        answer.map_or(Answer::Nothing, |answer| Answer::Line(PlaintextSecret(answer)))
    }

    /// Reports a host that breaks the protocol.
    fn odd(&self, does: &str) -> Disconnect {
        let message = format!("{} {does}, so it was not listened to any longer", self.to);
        let advice = format!(
            "If it is yours, bring this mailprov there: {}\nIf that does not help, trust it no \
             more.",
            self.session.bootstrap(self.to, false)
        );
        Disconnect::Refused(refused(message, advice).after_changes())
    }

    fn keep(&self, text: &str) -> Result<(), CommandError> {
        let (path, judge) = match &self.session.command.keep {
            None => return Ok(()),
            Some(Keep::Hold(held)) => {
                *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
                return Ok(());
            }
            Some(Keep::File { path, judge }) => (path, judge),
        };
        let shown = path.display();
        let text = judge(text).map_err(|what| {
            let message = format!("what {} sent to be kept in {shown} {what}", self.to);
            CommandError::failed(message)
        })?;
        self.output.save(path, text).map_err(|error| {
            CommandError::failed(format!("could not write {shown}")).because(error)
        })
    }

    /// From now on Ctrl-C does not end this process: it is passed on to the
    /// host, which undoes its changes.
    fn pass_on_ctrl_c(&self) {
        let notice = Arc::clone(&self.session.command.stop_notice);
        let listen = || Interruption::listen(move || notice()).ok();
        let Some(interruption) = self.session.interruption.get_or_init(listen).clone() else {
            return;
        };
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

    fn other_version(&self) -> CommandError {
        refused(
            format!("the mailprov on {} is of another version", self.to),
            format!("Bring this one there: {}", self.session.bootstrap(self.to, false)),
        )
    }
}

impl Session<'_> {
    /// Returns the command line that brings this mailprov to a host.
    fn bootstrap(&self, to: &Destination, sudo: bool) -> String {
        let mail = self.command.request.mail.as_ref().map(|mail| mail.name.as_str());
        self.command.request.reach.bootstrap(to, mail, sudo)
    }
}

fn is_a_yes(answer: &Answer) -> bool {
    matches!(answer, Answer::Line(line) if is_yes(line.0.expose()))
}

/// Returns the user to log in as, which cloud images tell root
/// (`disable_root_opts` of cloud-init).
fn other_user(line: &str) -> Option<&str> {
    line.strip_prefix("Please login as the user \"")?.split('"').next()
}

/// Explains why a host did not greet us. ssh's own messages were shown already.
fn no_login(
    to: &Destination,
    session: &Session<'_>,
    said: &[String],
    words: &[String],
) -> CommandError {
    const REASONS: [(&str, &str); 9] = [
        (
            "REMOTE HOST IDENTIFICATION HAS CHANGED",
            "If you installed the host anew, forget the old key: ssh-keygen -R HOST. If not, \
             another machine may sit between you and it.",
        ),
        (
            "Host key verification failed",
            "Log in once by hand to see and accept the host's key: SSH",
        ),
        (
            "Permission denied",
            "Say who logs in (USER@HOST) and with which key (--identity FILE), and see that the \
             key is in ~/.ssh/authorized_keys there. By hand: SSH",
        ),
        (
            "a password is required",
            "sudo there asks for a password, which cannot be typed here. Allow it without one \
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
    let by_hand = session.login.by_hand(to);
    let other = said.iter().find_map(|line| to.as_user(other_user(line)?));
    let advice = match (other, reason) {
        (Some(other), _) if session.command.program.is_some() => {
            let user = other.user().unwrap_or_default();
            format!("Log in as {user}: {}", session.bootstrap(&other, true))
        }
        (Some(other), _) => {
            let user = other.user().unwrap_or_default();
            format!("Log in as {user}, who becomes root by sudo: --sudo --on {other}")
        }
        (None, Some((_, advice))) => advice.replace("HOST", to.host()).replace("SSH", &by_hand),
        (None, None) => format!("See whether this works: {by_hand}"),
    };
    let said: Vec<_> = said.iter().filter(|line| !line.is_empty()).collect();
    let left_out = said.len().saturating_sub(WORDS_SHOWN);
    let said: String = said[left_out..].iter().map(|line| format!("{to} says: {line}\n")).collect();
    let message = format!("could not log in at {to}");
    refused(message, format!("{said}{advice}"))
}

/// Explains a lost connection.
fn lost(
    to: &Destination,
    session: &Session<'_>,
    under_way: bool,
    words: &[String],
) -> CommandError {
    const REASONS: [(&str, &str); 3] = [
        ("did not arrive whole", "Try it again."),
        ("is not mailprov", "Name a mailprov that was built for that host (--binary FILE)."),
        ("No space left on device", "Make room on its disk: df -h"),
    ];
    if under_way {
        let history = session.command.request.reach.at(to).command(&["history"]);
        let advice = format!(
            "A run that had begun goes on there by itself, to its end or its undo. How it ends: \
             {history}"
        );
        return refused(format!("the connection to {to} was lost"), advice).after_changes();
    }
    let is_said = |sign: &str| words.iter().any(|line| line.contains(sign));
    let (message, advice) = match REASONS.iter().find(|(sign, _)| is_said(sign)) {
        Some((_, advice)) => (format!("could not bring mailprov to {to}"), *advice),
        None => (format!("the connection to {to} was lost"), "Try it again."),
    };
    refused(message, advice)
}
