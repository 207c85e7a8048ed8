//! `mailprov try`: sets up a mail server in a throw-away Debian on this
//! machine.

mod bring;
mod keep;
mod packages;
mod proof;
mod server;
mod story;

use std::path::Path;

use super::{CommandError, Exit};
use crate::cli::{Global, Try};
use crate::host::{Host, Interruption};
use crate::report::Report;
use crate::sandbox::{self, Cache, Image, KillSwitch};
use crate::{probe, sandbox::Suite};
use server::Server;
pub(super) use story::EXAMPLE;
use story::Story;

/// The state after a failure.
const NOTHING_LEFT: &str = "The box is gone. Nothing was changed on this machine.";

/// Boots a fresh Debian, makes it a mail server, tests it from outside, and
/// removes it.
pub(super) fn run(
    global: &Global,
    options: &Try,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    if !Host::is_root() {
        let message = "only root may boot a Debian on this machine";
        return Err(CommandError::needs_root(message).hinted("Run it with sudo."));
    }
    let story = Story::read(options.mail.as_deref(), report)?;
    packages::install(options.yes, report)?;
    let kill_switch = KillSwitch::default();
    let interruption = Interruption::listen({
        let kill_switch = kill_switch.clone();
        move || {
            Report::told_to_clean_up();
            kill_switch.trigger();
        }
    })?;
    let stop = || interruption.is_asked();
    let outcome = tell(global, options, &story, kill_switch, &stop, report);
    match outcome {
        // The failure was caused by the interruption.
        Err(_) if stop() => Err(failed("told to stop")),
        outcome => outcome,
    }
}

fn tell(
    global: &Global,
    options: &Try,
    story: &Story,
    kill_switch: KillSwitch,
    stop: &dyn Fn() -> bool,
    report: &mut Report,
) -> Result<Exit, CommandError> {
    let watch = || if stop() { Err(sandbox::Error::Stopped) } else { Ok(()) };
    let suite = options.suite;
    let cache = Cache::open()?;
    let image = image(&cache, suite, &watch, report)?;
    let task = report.begin(&format!("A fresh Debian {} boots", suite.release()));
    report.working("with nothing on it that has to do with mail");
    let server = Server::boot(&cache, &image, kill_switch, &watch)?;
    report.done(task);

    story.begin(report);
    let outcome = bring::bring(global, &server, story, report).and_then(|exit| {
        if exit == Exit::Done {
            proof::show(&server, story, stop, report)?;
        }
        Ok(exit)
    });
    if options.keep && !stop() {
        if let Err(failed) = &outcome {
            report.error(failed, "");
        }
        keep::until_told(&server, story, stop, report);
        // The error was reported before the user looked around.
        drop(server);
        report.tell("The box is thrown away.");
        return Ok(outcome.unwrap_or(Exit::Failed));
    }
    if let Ok(Exit::Done) = outcome {
        report.tell("That was it. The box is thrown away.");
    }
    outcome
}

/// Returns the image of a release, building it if necessary.
fn image(
    cache: &Cache,
    suite: Suite,
    watch: sandbox::Watch<'_>,
    report: &mut Report,
) -> Result<Image, CommandError> {
    if Image::is_built(cache, suite) {
        return Ok(Image::ensure(cache, suite, watch, &mut |_| {})?);
    }
    report.note(&format!(
        "An image of Debian {} is built, once: it takes a minute or two, and half a gigabyte in \
         {}.\n",
        suite.release(),
        cache.folder().display()
    ));
    let task = report.begin(&format!("The image of Debian {}", suite.release()));
    let image = Image::ensure(cache, suite, watch, &mut |stage| report.working(stage))?;
    report.done(task);
    Ok(image)
}

impl From<sandbox::Error> for CommandError {
    fn from(error: sandbox::Error) -> Self {
        failed("").because(error)
    }
}

impl From<probe::Error> for CommandError {
    fn from(error: probe::Error) -> Self {
        failed("").because(error)
    }
}

fn failed(message: impl Into<String>) -> CommandError {
    CommandError::failed(message).after_changes().hinted(NOTHING_LEFT)
}

/// Reports a failed operation on a file.
fn failed_to(deed: &str, path: &Path, error: std::io::Error) -> CommandError {
    failed(format!("could not {deed} {}", path.display())).because(error)
}
