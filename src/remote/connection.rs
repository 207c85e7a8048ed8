//! A connection by the system's own `ssh`, so that the user's configuration,
//! agent, known hosts, keys and jump hosts apply.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use super::{Destination, refused};
use crate::command_error::CommandError;
use crate::reach::Line;
use crate::visible::visible;
use crate::wire;

/// The first program that runs on the host.
const SCRIPT: &str = include_str!("greet.sh");

/// The number of ssh's last lines that explain a failed login.
const LINES_KEPT: usize = 40;

/// The limit of a line on standard error, in bytes.
const LONGEST_LINE: usize = 16 * 1024;

/// The limit of the login shell's output and the greeting, in bytes.
const LONGEST_GREETING: usize = 64 * 1024;

/// How long the greeting may take, from its first byte on.
const GREETING: Duration = Duration::from_secs(60);

/// How long a login may take without typing: sshd itself gives up after two
/// minutes (LoginGraceTime, sshd_config(5)).
const LOGIN: Duration = Duration::from_secs(180);

/// How long a host may take to hang up after its last message, for which it
/// awaits an acknowledgement.
const HANGING_UP: Duration = Duration::from_secs(15);

/// How often to look whether a connection is over whose standard error stays
/// open.
const ATTENTION: Duration = Duration::from_millis(100);

/// How to log in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    /// Become root by `sudo` there.
    pub sudo: bool,
    /// The private key to use.
    pub identity: Option<PathBuf>,
    /// Options of ssh_config(5), as after `ssh -o`.
    pub options: Vec<String>,
    /// Whether ssh may not ask for a password.
    pub alone: bool,
}

/// A connection that is up, or being made.
#[derive(Debug)]
pub(super) struct Connection<'scope> {
    ssh: duct::Handle,
    input: Input,
    output: BufReader<PipeReader>,
    words: ScopedJoinHandle<'scope, Vec<String>>,
    over: Arc<AtomicBool>,
    /// The rest of the limit for the greeting, and its end.
    left: usize,
    end: Option<Instant>,
}

/// Why a line of a greeting is missing.
#[derive(Debug)]
pub(super) enum Silence {
    /// The connection ended.
    End,
    /// The output exceeds the limit.
    TooMuch,
    /// The time is over.
    TooSlow,
}

/// The input of a connection, which several threads may use.
#[derive(Debug, Clone)]
pub(super) struct Input(Arc<Mutex<Option<PipeWriter>>>);

impl Input {
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        self.with(|pipe| wire::write(pipe, message))
    }

    pub(super) fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        self.with(|pipe| pipe.write_all(bytes))
    }

    fn with(&self, send: impl FnOnce(&mut PipeWriter) -> io::Result<()>) -> io::Result<()> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(pipe) => send(pipe),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<'scope> Connection<'scope> {
    /// Starts ssh. Passes each line of standard error, from ssh or the far
    /// side, to `heard` at once.
    pub(super) fn open(
        scope: &'scope Scope<'scope, '_>,
        to: &Destination,
        login: &Login,
        heard: impl Fn(&str) + Send + 'scope,
    ) -> Result<Self, CommandError> {
        let start = || -> io::Result<_> {
            let (their_input, input) = io::pipe()?;
            let (output, their_output) = io::pipe()?;
            let (errors, their_errors) = io::pipe()?;
            let argv = argv(to, login);
            let ssh = duct::cmd(argv[0].as_str(), &argv[1..])
                .stdin_file(their_input)
                .stdout_file(their_output)
                .stderr_file(their_errors)
                .unchecked()
                .start()?;
            Ok((ssh, input, output, errors))
        };
        let (ssh, input, output, errors) = start().map_err(|error| {
            refused("could not start ssh", "Install it: apt install openssh-client").because(error)
        })?;
        let over = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&over);
        let words = scope.spawn(move || overhear(errors, &is_over, &heard));
        let input = Input(Arc::new(Mutex::new(Some(input))));
        // If this fails, ssh has ended, and its last lines are read below.
        let _ = input.send_bytes(SCRIPT.as_bytes());
        let end = login.alone.then(|| Instant::now() + LOGIN);
        let output = BufReader::new(output);
        Ok(Self { ssh, input, output, words, over, left: LONGEST_GREETING, end })
    }

    pub(super) fn input(&self) -> Input {
        self.input.clone()
    }

    pub(super) fn output(&mut self) -> &mut impl BufRead {
        &mut self.output
    }

    /// Reads a line of the greeting, or of a login shell before it.
    pub(super) fn greeting_line(&mut self) -> Result<String, Silence> {
        let mut line = Vec::new();
        loop {
            if self.output.buffer().is_empty() && !is_ready(self.output.get_ref(), self.end) {
                return Err(Silence::TooSlow);
            }
            let chunk = self.output.fill_buf().map_err(|_| Silence::End)?;
            if chunk.is_empty() {
                return Err(Silence::End);
            }
            let soon = Instant::now() + GREETING;
            self.end = Some(self.end.filter(|_| self.left < LONGEST_GREETING).unwrap_or(soon));
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let taken = newline.map_or(chunk.len(), |at| at + 1);
            line.extend(&chunk[..taken]);
            self.output.consume(taken);
            self.left = self.left.checked_sub(taken).ok_or(Silence::TooMuch)?;
            if newline.is_some() {
                return Ok(visible(line.trim_ascii_end()));
            }
        }
    }

    /// Closes the input, waits for the end, and returns the last lines of
    /// standard error. Ends a host that does not hang up.
    pub(super) fn close(self) -> Vec<String> {
        self.input.close();
        drop(self.output);
        if !matches!(self.ssh.wait_timeout(HANGING_UP), Ok(Some(_))) {
            let _ = self.ssh.kill();
        }
        self.over.store(true, Ordering::Relaxed);
        self.words.join().unwrap_or_default()
    }
}

/// Waits for input or its end. Returns false if that takes longer than until
/// `end`.
fn is_ready(pipe: &PipeReader, end: Option<Instant>) -> bool {
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        // A wait of less than a millisecond would be rounded to none.
        let timeout = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_some_and(|left| left.is_zero()) => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            _ => return true,
        }
    }
}

/// Reads lines until the stream or the connection ends, and returns the last
/// ones, with control characters escaped.
fn overhear(errors: PipeReader, over: &AtomicBool, heard: &dyn Fn(&str)) -> Vec<String> {
    let mut kept = Vec::new();
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    let mut take = |line: &mut Vec<u8>| {
        let text = visible(line.trim_ascii_end());
        line.clear();
        heard(&text);
        if kept.len() == LINES_KEPT {
            kept.remove(0);
        }
        kept.push(text);
    };
    loop {
        if errors.buffer().is_empty()
            && !is_ready(errors.get_ref(), Some(Instant::now() + ATTENTION))
        {
            match over.load(Ordering::Relaxed) {
                true => break,
                false => continue,
            }
        }
        let Ok(chunk) = errors.fill_buf() else { break };
        if chunk.is_empty() {
            break;
        }
        let newline = chunk.iter().position(|byte| *byte == b'\n');
        let taken = newline.map_or(chunk.len(), |at| at + 1);
        line.extend(&chunk[..taken]);
        errors.consume(taken);
        if newline.is_some() || line.len() >= LONGEST_LINE {
            take(&mut line);
        }
    }
    if !line.is_empty() {
        take(&mut line);
    }
    kept
}

impl Login {
    /// Returns the command line for the user to try the same login.
    pub(super) fn by_hand(&self, to: &Destination) -> String {
        let mut line = Line::new("ssh");
        self.options.iter().for_each(|text| {
            line.word("-o");
            line.word(text);
        });
        if let Some(identity) = &self.identity {
            line.word("-i");
            line.word(&identity.display().to_string());
        }
        if let Some(port) = to.port() {
            line.word("-p");
            line.word(&port.to_string());
        }
        match to.user() {
            Some(user) => line.word(&format!("{user}@{}", to.host())),
            None => line.word(to.host()),
        }
        line.into_text()
    }
}

fn argv(to: &Destination, login: &Login) -> Vec<String> {
    // ssh would end at once on Ctrl-C, and the run would go on alone, so mailprov handles it.
    let mut argv: Vec<String> = ["env", "--ignore-signal=INT"].map(Into::into).into();
    argv.extend(ssh_words(to, login));
    // Simple enough for every login shell; the rest is sent as input.
    let sudo = if login.sudo { "sudo -n -- " } else { "" };
    argv.push(format!("exec {sudo}sh -c 'eval \"$(head -c {})\"'", SCRIPT.len()));
    argv
}

/// Returns the arguments of ssh before the host.
pub(super) fn ssh_words(to: &Destination, login: &Login) -> Vec<String> {
    let mut argv: Vec<String> = ["ssh", "-T"].map(Into::into).into();
    let mut option = |text: &str| argv.extend(["-o".to_owned(), text.to_owned()]);
    // ssh takes the first of several values, so the user's options come first.
    login.options.iter().for_each(|text| option(text));
    for ours in [
        "ConnectTimeout=30",
        "ServerAliveInterval=15",
        "ServerAliveCountMax=4",
        "RemoteCommand=none",
        "ClearAllForwardings=yes",
    ] {
        option(ours);
    }
    if login.alone {
        option("BatchMode=yes");
    }
    if let Some(identity) = &login.identity {
        argv.extend(["-i".to_owned(), identity.display().to_string()]);
    }
    if let Some(port) = to.port() {
        argv.extend(["-p".to_owned(), port.to_string()]);
    }
    if let Some(user) = to.user() {
        argv.extend(["-l".to_owned(), user.to_owned()]);
    }
    argv.extend(["--".to_owned(), to.host().to_owned()]);
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_host_is_not_waited_for_beyond_the_end() {
        let (output, mut input) = io::pipe().unwrap();
        let soon = || Some(Instant::now() + Duration::from_millis(50));
        assert!(!is_ready(&output, soon()));
        input.write_all(b"x").unwrap();
        assert!(is_ready(&output, soon()));
        let (output, input) = io::pipe().unwrap();
        drop(input);
        assert!(is_ready(&output, None), "the end is something to read");
    }

    #[test]
    fn a_login_by_hand_is_the_same_login() {
        let login = Login {
            identity: Some("my key".into()),
            options: vec!["Port=1".into()],
            ..Login::default()
        };
        let to: Destination = "me@[2001:db8::1]:22".parse().unwrap();
        assert_eq!(login.by_hand(&to), "ssh -o Port=1 -i 'my key' -p 22 me@2001:db8::1");
    }
}
