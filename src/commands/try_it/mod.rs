//! `mailprov try`: sets up a mail server in a throw-away Debian on this
//! machine.

mod bring;
mod keep;
mod packages;
mod proof;

use super::{CommandError, Exit};
use crate::app::demo::{Demo, Voucher, authority, failed};
use crate::cli::{Global, Try};
use crate::host::{Host, Interruption};
use crate::report::Report;
use crate::sandbox::{self, Cache, DemoServer, Image, KillSwitch, Suite};

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
    options.mail.iter().for_each(|path| report.from(path));
    let demo = Demo::read(options.mail.as_deref())?;
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
    let outcome = tell(global, options, &demo, kill_switch, &stop, report);
    match outcome {
        // The failure was caused by the interruption.
        Err(_) if stop() => Err(failed("told to stop")),
        outcome => outcome,
    }
}

fn tell(
    global: &Global,
    options: &Try,
    demo: &Demo,
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
    let server = DemoServer::boot(&cache, &image, kill_switch, &watch)?;
    report.done(task);
    let root = match demo.voucher {
        Voucher::Authority => {
            let task = report.begin("An authority for certificates starts in it");
            let root = authority::start(&server, suite, &demo.spec, stop)?;
            report.done(task);
            Some(root)
        }
        Voucher::Itself | Voucher::Unknown => None,
    };

    report.narrate(&format!("\n{}", demo.about));
    demo.shown.iter().for_each(|text| report.quote(text));
    let outcome = bring::bring(global, &server, demo, report).and_then(|exit| {
        if exit == Exit::Done {
            proof::show(&server, demo, root.as_deref(), stop, report)?;
        }
        Ok(exit)
    });
    if options.keep && !stop() {
        if let Err(failed) = &outcome {
            report.error(failed, "");
        }
        keep::until_told(&server, demo, stop, report);
        // The error was reported before the user looked around.
        drop(server);
        report.narrate("The box is thrown away.");
        return Ok(outcome.unwrap_or(Exit::Failed));
    }
    if let Ok(Exit::Done) = outcome {
        report.narrate("That was it. The box is thrown away.");
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
