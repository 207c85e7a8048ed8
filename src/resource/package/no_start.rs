//! Keeps daemons from starting while packages are installed: Debian's
//! maintainer scripts ask a policy (invoke-rc.d(8)), and ours refuses. Services
//! of removed packages may be stopped. A service that was stopped only for an
//! upgrade is started again at the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::host::{Content, Entry, Host, Init, Ownership, Result, Unit};

/// The path where the scripts look for the policy.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The host's own policy in the meantime.
const OLD_POLICY: &str = "/usr/sbin/policy-rc.d.mailprov-kept";

/// Set for apt and its children. The policy refuses only these, so one that an
/// interrupted run left behind has no effect on others.
pub(super) const MARK: &str = "MAILPROV_INSTALLING";

/// The list of running services that the policy allowed to be stopped.
const STOPPED: &str = "/run/mailprov/stopped";

/// Installs a policy under which apt starts no daemon. For others it answers as
/// the host's own policy does.
pub(super) fn begin(host: &Host) -> Result<()> {
    let otherwise = if host.entry(Path::new(POLICY))?.is_some() {
        host.rename(Path::new(POLICY), Path::new(OLD_POLICY))?;
        format!("exec {OLD_POLICY} \"$@\"")
    } else {
        "exit 0".to_owned()
    };
    host.make_private_directories(Path::new("/run/mailprov"))?;
    // Called as: policy-rc.d [--quiet] SERVICE ACTION [RUNLEVEL].
    let script = format!(
        "#!/bin/sh\n# Stands here only while mailprov installs packages: they may stop what \
         goes, but start nothing.\n\
         if [ -n \"${MARK}\" ]; then\n    \
         while [ \"${{1#-}}\" != \"$1\" ]; do shift; done\n    \
         [ \"$2\" = stop ] || exit 101\n    \
         systemctl --quiet is-active \"$1\" 2>/dev/null && echo \"$1\" >>{STOPPED}\n    \
         exit 0\nfi\n{otherwise}\n"
    );
    let root = Ownership::of_root(0o755);
    host.put_file(Path::new(POLICY), &Content::new(script.into_bytes()), &root)
}

/// Restores the host's own policy, also after an interrupted run, and starts
/// the stopped services that are still installed. Returns the errors of those
/// that did not start: a later step may bring a file that they need.
pub(super) fn end(host: &Host) -> Result<Vec<String>> {
    if host.entry(Path::new(OLD_POLICY))?.is_some() {
        host.rename(Path::new(OLD_POLICY), Path::new(POLICY))?;
    } else if is_ours(host)? {
        host.remove(Path::new(POLICY))?;
    }
    let mut failed = Vec::new();
    let Some(stopped) = host.read(Path::new(STOPPED))? else { return Ok(failed) };
    host.remove(Path::new(STOPPED))?;
    let stopped = String::from_utf8_lossy(stopped.bytes()).into_owned();
    for name in stopped.lines().collect::<BTreeSet<_>>() {
        let name = name.strip_suffix(".service").unwrap_or(name).to_owned();
        let unit = Unit { name, pid_file: None };
        if host.init()? == Init::Systemd
            && is_installed(host, &unit)?
            && host.main_process(&unit)?.is_none()
        {
            let started = host.restart(&unit);
            failed
                .extend(started.err().map(|error| format!("{} stays stopped: {error}", unit.name)));
        }
    }
    Ok(failed)
}

/// Returns whether our policy is in place, or the host's own is set aside.
pub(super) fn is_on(host: &Host) -> Result<bool> {
    Ok(host.entry(Path::new(OLD_POLICY))?.is_some() || is_ours(host)?)
}

/// Returns whether the package of a unit is installed. Scripts in `/etc/init.d`
/// stay after their package is removed.
fn is_installed(host: &Host, unit: &Unit) -> Result<bool> {
    let file = unit.full_name();
    let folders = ["/usr/lib/systemd/system", "/lib/systemd/system"];
    let files = folders.map(|folder| Path::new(folder).join(&file));
    let script = Path::new("/etc/init.d").join(&unit.name);
    let there: Vec<PathBuf> = files.into_iter().chain([script]).collect();
    for path in there {
        if host.exists(&path)?
            && let Some(package) = host.package_of(&path)?
            && host.package(&package)?.is_some()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns whether the present policy is ours.
fn is_ours(host: &Host) -> Result<bool> {
    Ok(match host.entry(Path::new(POLICY))? {
        Some(Entry::File { content, .. }) => {
            String::from_utf8_lossy(content.bytes()).contains(MARK)
        }
        _ => false,
    })
}
