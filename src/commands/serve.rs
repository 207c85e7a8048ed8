//! `mailprov serve`: the far side of a connection. Another mailprov starts it
//! over SSH, and sends a request to its standard input.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Once, mpsc};
use std::time::Duration;

use super::{Exit, dispatch};
use crate::cli::{Cli, Color, Command, Global, Ssh};
use crate::engine;
use crate::host::{Host, Interruption};
use crate::report::Report;
use crate::wire::{self, Answer, Frame, PlaybookBundle, Request, WantedPlaybook};

/// How long the other side may take to acknowledge the end.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run() -> Exit {
    // The folder of the login may hold an unrelated mail.yml.
    if std::env::set_current_dir("/").is_err() {
        return Exit::Failed;
    }
    let mut input = io::stdin().lock();
    say(&Frame::Ready(wire::VERSION));
    let request = match wire::read::<Request>(&mut input) {
        Ok(Some(request)) if request.version == wire::VERSION => request,
        _ => return Exit::Usage,
    };
    drop(input);
    let command = serde_json::from_value::<Command>(request.command.clone());
    let Ok(command) = command else { return Exit::Usage };
    let Ok(stop) = Interruption::listen_on_behalf() else { return Exit::Failed };
    let (answers, hear) = mpsc::channel();
    let (frames, outgoing) = mpsc::channel();
    let (all_said, end) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        outgoing.iter().for_each(|frame| say(&frame));
        drop(all_said);
    });
    let mut report =
        Report::there((request.screen, request.reach.clone()), frames, hear, stop.clone());
    let has_begun = report.has_begun();
    std::thread::spawn(move || {
        let is_heard = listen(&answers, &stop);
        note_if(!is_heard && has_begun.load(Ordering::Relaxed));
    });
    pick_up(&mut report);
    let cli = Cli { command, global: global(&request) };
    let exit = dispatch(&cli, Some(&request), &mut report);
    let has_begun = report.has_begun().load(Ordering::Relaxed);
    // Wait for an acknowledgement only after changes, since it takes a round trip.
    let is_heard = report.end(exit as u8, if has_begun { PATIENCE } else { Duration::ZERO });
    note_if(!is_heard && has_begun);
    drop(report);
    let _ = end.recv_timeout(PATIENCE);
    exit
}

/// Returns the options of the other side, as they apply here.
fn global(request: &Request) -> Global {
    Global {
        playbook: request.playbook.as_ref().map(|wanted| match wanted {
            WantedPlaybook::Embedded(name) | WantedPlaybook::Own(PlaybookBundle { name, .. }) => {
                name.into()
            }
        }),
        sent_playbook: match &request.playbook {
            Some(WantedPlaybook::Own(bundle)) => Some(bundle.clone()),
            _ => None,
        },
        root: Path::new("/").into(),
        json: request.screen.json,
        color: Color::Auto,
        verbose: request.screen.verbose,
        quiet: request.screen.quiet,
        no_pager: false,
        ssh: Ssh::default(),
    }
}

/// Reports the outcome of a run that was not reported.
fn pick_up(report: &mut Report) {
    let Ok(host) = Host::open(Path::new("/")) else { return };
    let wait = "A run goes on whose connection was lost; waiting for its end.\n";
    match engine::take_unreported(&host, || report.note(wait)) {
        Ok(Some(run)) => report.unheard(&run),
        Ok(None) => {}
        Err(error) => report.note(&format!("{error}\n")),
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
