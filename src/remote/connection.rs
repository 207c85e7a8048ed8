//! One connection: the system's own `ssh`, so that the person's configuration,
//! agent, known hosts, keys and jump hosts count.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use serde::Serialize;

use super::{Destination, Error};
use crate::local;
use crate::visible::visible;
use crate::wire;

/// What is run there first.
const SCRIPT: &str = include_str!("greet.sh");

/// So many of ssh's last lines say why a login failed.
const LINES_KEPT: usize = 40;

/// How to log in.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// Become root by `sudo` there.
    pub sudo: bool,
    /// The private key to use.
    pub identity: Option<PathBuf>,
    /// Options of ssh_config(5), as after `ssh -o`.
    pub options: Vec<String>,
    /// Nobody is there to be asked by ssh for a password.
    pub alone: bool,
}

/// A connection that is up, or on its way.
#[derive(Debug)]
pub(super) struct Connection<'scope> {
    ssh: duct::Handle,
    input: Input,
    output: BufReader<PipeReader>,
    words: ScopedJoinHandle<'scope, Vec<String>>,
}

/// The way there; whoever has a part of the conversation may speak.
#[derive(Debug, Clone)]
pub(super) struct Input(Arc<Mutex<Option<PipeWriter>>>);

impl Input {
    /// Sends a line.
    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        self.with(|pipe| wire::write(pipe, message))
    }

    /// Sends bytes as they are.
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
    /// Starts ssh. Each line that it or the far side writes to standard error
    /// is given to `heard` at once.
    pub(super) fn open(
        scope: &'scope Scope<'scope, '_>,
        to: &Destination,
        login: &Login,
        heard: impl Fn(&str) + Send + 'scope,
    ) -> Result<Self, Error> {
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
            let message = format!("could not start ssh: {}", local::reason(&error));
            Error::new(message, "Install it: apt install openssh-client")
        })?;
        let words = scope.spawn(move || overhear(errors, &heard));
        let input = Input(Arc::new(Mutex::new(Some(input))));
        // Where it fails, ssh has ended, and its last words are read below.
        let _ = input.send_bytes(SCRIPT.as_bytes());
        Ok(Self { ssh, input, output: BufReader::new(output), words })
    }

    /// The way there.
    pub(super) fn input(&self) -> Input {
        self.input.clone()
    }

    /// What comes back.
    pub(super) fn output(&mut self) -> &mut impl BufRead {
        &mut self.output
    }

    /// Reads a line of text, made [`visible`]; none at the end. What a login shell
    /// says on its own may be in any encoding.
    pub(super) fn line(&mut self) -> Option<String> {
        const LONGEST: u64 = 64 * 1024;
        let mut line = Vec::new();
        let length = (&mut self.output).take(LONGEST).read_until(b'\n', &mut line).ok()?;
        let end = line.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |at| at + 1);
        (length > 0).then(|| visible(&line[..end]))
    }

    /// Says that there is nothing more to say, waits for the end, and returns
    /// the last lines that ssh and the far side wrote to standard error.
    pub(super) fn close(self) -> Vec<String> {
        self.input.close();
        drop(self.output);
        let _ = self.ssh.wait();
        self.words.join().unwrap_or_default()
    }
}

/// Reads lines until there are no more, and returns the last ones.
fn overhear(errors: PipeReader, heard: &dyn Fn(&str)) -> Vec<String> {
    let mut kept = Vec::new();
    for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        heard(&line);
        if kept.len() == LINES_KEPT {
            kept.remove(0);
        }
        kept.push(line);
    }
    kept
}

fn argv(to: &Destination, login: &Login) -> Vec<String> {
    // Ctrl-C is ours to hear: ssh would end at once, and the run go on alone.
    let mut argv: Vec<String> = ["env", "--ignore-signal=INT", "ssh", "-T"].map(Into::into).into();
    let mut option = |text: &str| argv.extend(["-o".to_owned(), text.to_owned()]);
    // Of several values ssh takes the first: the person's go before ours.
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
    // So little that every login shell means the same by it; the rest comes as input.
    let sudo = if login.sudo { "sudo -n -- " } else { "" };
    argv.push(format!("exec {sudo}sh -c 'eval \"$(head -c {})\"'", SCRIPT.len()));
    argv
}
