//! Installs packages: one call of apt a step, without questions, and without
//! starting a daemon on a configuration that is not ours yet.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{PackageState, damage, no_start};
use crate::host::{Captured, Error, Host, Result};
use crate::resource::{Said, State};

/// How long to wait for another package manager.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Default)]
struct Batch {
    installs: Vec<String>,
    /// To reinstall, since files of theirs are missing.
    damaged: Vec<String>,
    /// To restore in the state before a run removed them, each with its
    /// version.
    returns: Vec<(String, Option<String>)>,
    removals: Vec<String>,
}

impl Batch {
    fn new(batch: &[(&String, &State, &State)]) -> Self {
        let mut sorted = Self::default();
        for &(name, before, after) in batch {
            let is_damaged = matches!(before, State::Package(it) if !it.missing.is_empty());
            match after {
                State::Absent => sorted.removals.push(name.clone()),
                State::Package(PackageState { returns: true, version, .. }) => {
                    sorted.returns.push((name.clone(), version.known().cloned()));
                }
                State::Package(PackageState { automatic: false, .. }) if is_damaged => {
                    sorted.damaged.push(name.clone());
                }
                State::Package(PackageState { automatic: false, .. }) => {
                    sorted.installs.push(name.clone())
                }
                // apt installs it as a dependency, and marks it as automatic.
                _ => {}
            }
        }
        sorted
    }
}

/// Installs and removes the packages of one step.
pub(super) fn write(
    host: &Host,
    batch: &[(&String, &State, &State)],
    say: &mut dyn FnMut(Said<'_>),
) -> Result<()> {
    let batch = Batch::new(batch);
    wait_for_others(host, &mut |text| say(Said::Doing(text)))?;
    no_start::end(host)?;
    if !batch.returns.is_empty() {
        return bring_back(host, &batch.returns, say);
    }
    no_start::begin(host)?;
    let result = install(host, &batch.installs, say)
        .and_then(|()| mend(host, &batch.damaged, say))
        // Removed packages that were in the way of others leave their configuration.
        .and_then(|()| match batch.installs.is_empty() {
            true => remove(host, &batch.removals),
            false => Ok(()),
        });
    for words in no_start::end(host)? {
        say(Said::Warning(&words));
    }
    result?;
    for name in batch.installs.iter().chain(&batch.damaged) {
        if !host.package(name)?.is_some_and(|package| package.complete) {
            return Err(Error::Other(format!("apt succeeded, but {name} is still not installed")));
        }
    }
    Ok(())
}

fn install(host: &Host, names: &[String], say: &mut dyn FnMut(Said<'_>)) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let torn = if host.has_unfinished_packages()? { finish(host)? } else { Vec::new() };
    let words: &[_] = if torn.is_empty() { &["install"] } else { &["install", "--reinstall"] };
    let names = &[names, &torn].concat();
    preseed(host, names)?;
    if host.simulate_install(names)?.is_some() {
        say(Said::Doing("installing"));
        let first = host.apt(words, names).env(no_start::MARK, "1").capture()?;
        if first.success() {
            return Ok(());
        }
        let outdated = ["404", "Failed to fetch", "Unable to fetch"];
        if !outdated.iter().any(|text| first.stderr.contains(text)) {
            return Err(host.apt(words, names).failed(&first));
        }
    }
    say(Said::Doing("fetching the package lists, as those here are too old"));
    let update = host.apt(&["update"], &[]).capture()?;
    if host.simulate_install(names)?.is_none() {
        // apt counts a failed fetch as success.
        return Err(Error::Other(format!(
            "apt knows no such packages: {}; `apt-get update` says:\n    {}",
            names.join(" "),
            update.stderr.trim_end().replace('\n', "\n    ")
        )));
    }
    for complaint in complaints(&update) {
        say(Said::Warning(&format!("apt cannot use one of its sources: {complaint}")));
    }
    say(Said::Doing("installing"));
    host.apt(words, names).env(no_start::MARK, "1").run().map(drop)
}

/// Configures the packages whose installation was interrupted, and returns those that dpkg
/// cannot configure: it was interrupted while it unpacked them.
fn finish(host: &Host) -> Result<Vec<String>> {
    let configure = host.finish_packages().env(no_start::MARK, "1");
    let configured = configure.capture()?;
    let torn = host.torn_packages()?;
    match configured.success() || !torn.is_empty() {
        true => Ok(torn),
        false => Err(configure.failed(&configured)),
    }
}

/// Fetches the lists of one source, and fails where apt cannot use it.
pub(in crate::resource) fn fetch_lists(
    host: &Host,
    source: &Path,
    say: &mut dyn FnMut(Said<'_>),
) -> Result<()> {
    wait_for_others(host, &mut |text| say(Said::Doing(text)))?;
    say(Said::Doing("fetching its package lists"));
    let only = format!("-oDir::Etc::SourceList={}", source.display());
    let words = ["update", &only, "-oDir::Etc::SourceParts=-", "-oAPT::Get::List-Cleanup=false"];
    let update = host.apt(&words, &[]).capture()?;
    // apt counts a failed fetch as success.
    match complaints(&update).first() {
        Some(complaint) => Err(Error::Other(format!(
            "apt cannot use the source {}: {complaint}",
            source.display()
        ))),
        None if update.success() => Ok(()),
        None => Err(host.apt(&words, &[]).failed(&update)),
    }
}

/// The answers to questions of packages' own scripts, each with the package: Postfix's would
/// else write a main.cf of its own, and Roundcube's look for a server of MySQL, and enable
/// its pages in an Apache that is there.
const ANSWERS: [(&str, &str); 2] = [
    ("postfix", "postfix postfix/main_mailer_type select No configuration\n"),
    (
        "roundcube-core",
        "roundcube-core roundcube/dbconfig-install boolean true\n\
         roundcube-core roundcube/database-type select sqlite3\n\
         roundcube-core roundcube/reconfigure-webserver multiselect\n\
         roundcube-core roundcube/restart-webserver boolean false\n",
    ),
];

/// Answers the questions of packages' own scripts.
fn preseed(host: &Host, names: &[String]) -> Result<()> {
    for (package, answers) in ANSWERS {
        if names.iter().any(|name| name == package) {
            host.preseed(answers)?;
        }
    }
    Ok(())
}

/// Returns what `apt-get update` says about unusable sources, a line each: its
/// errors and warnings, and failed fetches that have none.
fn complaints(update: &Captured) -> Vec<String> {
    let complaint = |line: &str| {
        let text = line.strip_prefix("E: ").or_else(|| line.strip_prefix("W: "))?;
        // The use of old lists follows from the other lines.
        (!text.starts_with("Some index files failed")).then(|| text.to_owned())
    };
    let mut found: Vec<String> = update.stderr.lines().filter_map(complaint).collect();
    found.dedup();
    let mut lines = update.stdout.lines().peekable();
    while let Some(line) = lines.next() {
        // Such as `Err:3 http://v.example x InRelease`, with the reason below.
        let Some((_, source)) = line.strip_prefix("Err:").and_then(|it| it.split_once(' ')) else {
            continue;
        };
        let place = source.split(' ').next().unwrap_or_default();
        let why = lines.peek().filter(|line| line.starts_with(' ')).map_or("", |line| line.trim());
        if !found.iter().any(|known| known.contains(place)) {
            found.push(format!("{source}: {why}").trim_end_matches([':', ' ']).to_owned());
        }
    }
    found
}

/// Reinstalls damaged packages, with all their files except those that the user
/// changed.
fn mend(host: &Host, names: &[String], say: &mut dyn FnMut(Said<'_>)) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    preseed(host, names)?;
    say(Said::Doing("installing again what is damaged"));
    let words = ["-oDpkg::Options::=--force-confmiss", "install", "--reinstall"];
    let apt = || host.apt(&words, names).env("UCF_FORCE_CONFFMISS", "1").env(no_start::MARK, "1");
    let mut mended = apt().capture()?;
    if !mended.success() || !still_damaged(host, names)?.is_empty() {
        say(Said::Doing("fetching the package lists"));
        host.apt(&["update"], &[]).capture()?;
        mended = apt().capture()?;
    }
    if !mended.success() {
        return Err(apt().failed(&mended));
    }
    match still_damaged(host, names)?.first() {
        None => Ok(()),
        Some((name, words)) => Err(Error::Other(format!(
            "the package {name} is damaged, and apt cannot get it to install it again: {words}; \
             try: apt-get install --reinstall -o Dpkg::Options::=--force-confmiss {name}"
        ))),
    }
}

/// Returns the damaged packages, each with its missing files.
fn still_damaged(host: &Host, names: &[String]) -> Result<Vec<(String, String)>> {
    let mut damaged = Vec::new();
    for name in names {
        let missing = host.missing_files(name)?;
        if !missing.is_empty() {
            damaged.push((name.clone(), damage(&missing)));
        }
    }
    Ok(damaged)
}

/// Reinstalls what a run removed. Its daemons start as its own scripts decide.
fn bring_back(
    host: &Host,
    returns: &[(String, Option<String>)],
    say: &mut dyn FnMut(Said<'_>),
) -> Result<()> {
    if host.has_unfinished_packages()? {
        // A package that cannot be completed is removed again below.
        no_start::begin(host)?;
        let finished = host.finish_packages().env(no_start::MARK, "1").capture();
        no_start::end(host)?;
        finished?;
    }
    say(Said::Doing("installing what was removed"));
    let names: Vec<String> = returns.iter().map(|(name, version)| exact(name, version)).collect();
    let installed = host.apt(&["install"], &names).run();
    for (name, _) in returns {
        if !host.package(name)?.is_some_and(|package| package.complete) {
            let gone = super::gone(name);
            let why = installed.err().map(|error| format!("\n{error}")).unwrap_or_default();
            return Err(Error::Other(format!("{gone}{why}")));
        }
    }
    installed.map(drop)
}

/// Names a package in one version, as apt takes it.
pub(super) fn exact(name: &str, version: &Option<String>) -> String {
    version.as_ref().map_or(name.to_owned(), |version| format!("{name}={version}"))
}

/// Removes packages with their configuration.
fn remove(host: &Host, names: &[String]) -> Result<()> {
    let mut installed = Vec::new();
    for name in names {
        if host.package(name)?.is_some() {
            installed.push(name.clone());
        }
    }
    if installed.is_empty() {
        return Ok(());
    }
    host.apt(&["purge"], &installed).env(no_start::MARK, "1").run().map(drop)
}

/// Waits until no other process holds a lock of the package system.
fn wait_for_others(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
    let start = Instant::now();
    while let Some(holder) = host.package_lock_holder()? {
        if start.elapsed() > PATIENCE {
            return Err(Error::Other(format!(
                "{holder} has held the lock of the package system for {} minutes; \
                 see what it is waiting for, then run this again",
                PATIENCE.as_secs() / 60
            )));
        }
        say(&format!("waiting for {holder}, which holds the lock of the package system"));
        sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// Removes the policy that an interrupted run left, once an apt that it may
/// have left has ended, since that one must not start daemons.
pub(super) fn cleanup(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
    if no_start::is_on(host)? {
        wait_for_others(host, say)?;
        no_start::end(host)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Captured, complaints};

    #[test]
    fn each_source_that_apt_cannot_use_is_named_once() {
        let update = Captured {
            stdout: "Hit:1 http://d.example x InRelease\n\
                     Err:2 http://gone.example x InRelease\n  Could not connect\n\
                     Err:3 http://v.example x InRelease\n  It is not signed\n"
                .into(),
            stderr: "W: GPG error: http://v.example x InRelease: NO_PUBKEY 1\n\
                     E: The repository 'http://v.example x InRelease' is not signed.\n\
                     N: Updating is disabled.\n\
                     E: Some index files failed to download. They have been ignored.\n"
                .into(),
            code: Some(100),
        };
        let found = complaints(&update);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].starts_with("The repository 'http://v.example"));
        assert_eq!(found[2], "http://gone.example x InRelease: Could not connect");
    }
}
