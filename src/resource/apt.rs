//! Installs packages: one call of apt for all of a step, no question asked,
//! and no daemon started on a configuration that is not ours yet.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Key, State};
use crate::host::{Content, Entry, Error, Host, Ownership, Result};

/// Asked by Debian's maintainer scripts whether a service may be started
/// (invoke-rc.d(8)).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where a policy that the host had already waits meanwhile.
const OLD_POLICY: &str = "/usr/sbin/policy-rc.d.mailprov-kept";

/// Set for apt and what it starts. The policy forbids only to those, so one
/// that a killed run left behind forbids nothing to anybody.
const MARK: &str = "MAILPROV_INSTALLING";

/// How long to wait for whoever else is installing.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Installs and removes the packages of one step.
pub(super) fn write(
    host: &Host,
    batch: &[(&Key, &State, &State)],
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut installs = Vec::new();
    let mut removals = Vec::new();
    for (key, _, after) in batch {
        match (key, after) {
            (Key::Package(name), State::Package { automatic: false, .. }) => {
                installs.push(name.clone())
            }
            (Key::Package(name), State::Absent) => removals.push(name.clone()),
            // It comes along with those that need it, and apt knows it as such.
            _ => {}
        }
    }
    wait_for_others(host, say)?;
    restore_policy(host)?;
    forbid_starting(host)?;
    let result = install(host, &installs, say).and_then(|()| remove(host, &removals));
    restore_policy(host)?;
    result?;
    for name in &installs {
        if !host.package(name)?.is_some_and(|package| package.complete) {
            return Err(Error::Other(format!("apt ended well, yet {name} is not installed")));
        }
    }
    Ok(())
}

fn install(host: &Host, names: &[String], say: &mut dyn FnMut(&str)) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    if host.has_unfinished_packages()? {
        host.command(["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env(MARK, "1")
            .run()?;
    }
    if names.iter().any(|name| name == "postfix") {
        // Without an answer Postfix's own script writes a main.cf nobody asked for.
        host.preseed("postfix postfix/main_mailer_type select No configuration\n")?;
    }
    if host.simulate_install(names)?.is_some() {
        say("installing");
        let first = host.apt(&["install"], names).env(MARK, "1").capture()?;
        if first.success() {
            return Ok(());
        }
        let outdated = ["404", "Failed to fetch", "Unable to fetch"];
        if !outdated.iter().any(|text| first.stderr.contains(text)) {
            return Err(host.apt(&["install"], names).failed(&first));
        }
    }
    say("fetching the package lists, as those here are too old");
    let update = host.apt(&["update"], &[]).run()?;
    if host.simulate_install(names)?.is_none() {
        // apt counts a fetch that failed as well done.
        return Err(Error::Other(format!(
            "apt knows no such packages: {}; `apt-get update` says:\n    {}",
            names.join(" "),
            update.stderr.trim_end().replace('\n', "\n    ")
        )));
    }
    say("installing");
    host.apt(&["install"], names).env(MARK, "1").run().map(drop)
}

/// Removes packages with their configuration, but not those that installing
/// the others has removed already: the configuration of those is kept.
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
    host.apt(&["purge"], &installed).env(MARK, "1").run().map(drop)
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

/// Puts a policy in place under which apt starts nothing. Others are answered
/// as the host's own policy, if it has one, answers.
fn forbid_starting(host: &Host) -> Result<()> {
    let otherwise = if host.entry(Path::new(POLICY))?.is_some() {
        host.rename(Path::new(POLICY), Path::new(OLD_POLICY))?;
        format!("exec {OLD_POLICY} \"$@\"")
    } else {
        "exit 0".to_owned()
    };
    let script = format!(
        "#!/bin/sh\n# Stands here only while mailprov installs packages.\n\
         [ -n \"${MARK}\" ] && exit 101\n{otherwise}\n"
    );
    let root = Ownership::of_root(0o755);
    host.put_file(Path::new(POLICY), &Content::new(script.into_bytes()), &root)
}

/// Takes away the policy that a killed run left, once the apt that it may have
/// left too is done: that one must start nothing.
pub(super) fn tidy(host: &Host, say: &mut dyn FnMut(&str)) -> Result<()> {
    if host.entry(Path::new(OLD_POLICY))?.is_none() && !is_ours(host)? {
        return Ok(());
    }
    wait_for_others(host, say)?;
    restore_policy(host)
}

/// Puts the host's own policy back, also one that a killed run left aside.
fn restore_policy(host: &Host) -> Result<()> {
    if host.entry(Path::new(OLD_POLICY))?.is_some() {
        return host.rename(Path::new(OLD_POLICY), Path::new(POLICY));
    }
    if is_ours(host)? { host.remove(Path::new(POLICY)) } else { Ok(()) }
}

/// Tells whether the policy that stands there is ours.
fn is_ours(host: &Host) -> Result<bool> {
    Ok(match host.entry(Path::new(POLICY))? {
        Some(Entry::File { content, .. }) => {
            String::from_utf8_lossy(content.bytes()).contains(MARK)
        }
        _ => false,
    })
}
