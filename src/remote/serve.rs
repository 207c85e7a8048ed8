//! The far side of a connection: another mailprov starts this one over SSH, and
//! tells it on standard input what is wanted.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, mpsc};
use std::time::Duration;

use crate::engine;
use crate::host::{Host, Interruption};
use crate::secret::Secret;
use crate::wire::{self, Answer, Frame, Question, Request};

/// How long the other side may take to acknowledge the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The other mailprov, at the far end of a connection.
#[derive(Debug)]
pub(crate) struct FarEnd {
    /// Sends output without waiting: a stalled connection must not stall a run.
    frames: mpsc::Sender<Frame>,
    /// The answers from there.
    answers: mpsc::Receiver<Answer>,
    /// Whether a run is to stop.
    stop: Interruption,
    /// Whether a run has begun.
    has_begun: Arc<AtomicBool>,
    /// Whether the connection is there.
    is_connected: Arc<AtomicBool>,
    /// Ends once all is said.
    all_said: mpsc::Receiver<()>,
}

/// Reads the request; returns `None` if it is of another version.
///
/// # Errors
///
/// Fails where this process cannot leave its folder, or hear signals.
pub(crate) fn accept() -> io::Result<Option<(Request, FarEnd)>> {
    // The folder of the login may hold an unrelated mail.yml.
    std::env::set_current_dir("/")?;
    let mut input = io::stdin().lock();
    say(&Frame::Ready(wire::VERSION));
    let request = match wire::read::<Request>(&mut input) {
        Ok(Some(request)) if request.version == wire::VERSION => request,
        _ => return Ok(None),
    };
    drop(input);
    let stop = Interruption::listen_on_behalf().map_err(io::Error::other)?;
    let ((heard, answers), (frames, outgoing)) = (mpsc::channel(), mpsc::channel());
    let (sender, all_said) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        outgoing.iter().for_each(|frame| say(&frame));
        drop(sender);
    });
    let (has_begun, is_connected) = (Arc::default(), Arc::new(AtomicBool::new(true)));
    let far_end = FarEnd { frames, answers, stop, has_begun, is_connected, all_said };
    let (stop, has_begun) = (far_end.stop.clone(), Arc::clone(&far_end.has_begun));
    let is_connected = Arc::clone(&far_end.is_connected);
    std::thread::spawn(move || {
        let is_heard = listen(&heard, &stop);
        is_connected.store(false, Ordering::Relaxed);
        note_if(!is_heard && has_begun.load(Ordering::Relaxed));
    });
    Ok(Some((request, far_end)))
}

impl FarEnd {
    /// Sends a frame, whether or not it arrives.
    pub(crate) fn say(&self, frame: Frame) {
        if let Frame::Progress(_) = frame {
            self.has_begun.store(true, Ordering::Relaxed);
        }
        let _ = self.frames.send(frame);
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&self, question: Question) -> Option<Secret<String>> {
        self.say(Frame::Ask(question));
        match self.answers.recv() {
            Ok(Answer::Line(line)) => Some(line.0),
            _ => None,
        }
    }

    /// Returns what tells whether a run is to stop.
    pub(crate) fn interruption(&self) -> Interruption {
        self.stop.clone()
    }

    /// Returns whether the other side still waits for what this one waits for. A run
    /// does not ask: it goes on without a connection.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed) && !self.stop.is_asked()
    }

    /// Sends the end. If the connection is lost, notes it for the next command.
    pub(crate) fn end(self, code: u8) {
        self.say(Frame::End(code));
        let has_begun = self.has_begun.load(Ordering::Relaxed);
        // Of what changed nothing it does not matter whether it is heard; to wait for that
        // would take a way there and back.
        let patience = if has_begun { PATIENCE } else { Duration::ZERO };
        let is_heard = self.answers.recv_timeout(patience) == Ok(Answer::Ack);
        note_if(!is_heard && has_begun);
        drop(self.frames);
        let _ = self.all_said.recv_timeout(PATIENCE);
    }
}

/// Passes on the answers of the other side until the connection ends. Returns
/// whether it acknowledged the end.
fn listen(answers: &mpsc::Sender<Answer>, stop: &Interruption) -> bool {
    let mut is_heard = false;
    let mut input = io::stdin().lock();
    while let Ok(Some(answer)) = wire::read(&mut input) {
        is_heard |= answer == Answer::Ack;
        match answer {
            Answer::Stop => stop.ask(),
            answer => drop(answers.send(answer)),
        }
    }
    is_heard
}

/// Marks the run as unreported, so that the next command reports its outcome.
/// Only once: another command may have reported it by the time that the run
/// ends.
fn note_if(unheard: bool) {
    static NOTED: Once = Once::new();
    if unheard && let Ok(host) = Host::open(Path::new("/")) {
        // If this fails, `history` still shows the run.
        NOTED.call_once(|| drop(engine::mark_unreported(&host)));
    }
}

fn say(frame: &Frame) {
    // If this fails, the input ends too.
    let _ = wire::write(io::stdout().lock(), frame);
}
