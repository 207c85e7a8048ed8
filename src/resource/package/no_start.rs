//! While packages are installed no daemon starts: Debian's maintainer scripts
//! ask a policy whether they may (invoke-rc.d(8)), and ours says no. What goes
//! may be stopped; what was stopped and stays, since its package was only
//! replaced, is started again at the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::host::{Content, Entry, Host, Init, Ownership, Result, Unit};

/// Where the scripts look for the policy.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Where a policy that the host had already waits meanwhile.
const OLD_POLICY: &str = "/usr/sbin/policy-rc.d.mailprov-kept";

/// Set for apt and what it starts. The policy forbids only to those, so one
/// that a killed run left behind forbids nothing to anybody.
pub(super) const MARK: &str = "MAILPROV_INSTALLING";

/// Where the policy notes which services it lets be stopped while they run.
const STOPPED: &str = "/run/mailprov/stopped";

/// Puts a policy in place under which apt starts nothing. Others are answered
/// as the host's own policy, if it has one, answers.
pub(super) fn begin(host: &Host) -> Result<()> {
    let otherwise = if host.entry(Path::new(POLICY))?.is_some() {
        host.rename(Path::new(POLICY), Path::new(OLD_POLICY))?;
        format!("exec {OLD_POLICY} \"$@\"")
    } else {
        "exit 0".to_owned()
    };
    host.make_private_directories(Path::new("/run/mailprov"))?;
    // It is asked: policy-rc.d [--quiet] SERVICE ACTION [RUNLEVEL].
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

/// Puts the host's own policy back, also one that a killed run left aside, and
/// starts again what was stopped and is still installed. Returns of what did
/// not start why not: it may lack a file that a later step brings.
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

/// Tells whether a policy of ours is in place, or the host's own is aside.
pub(super) fn is_on(host: &Host) -> Result<bool> {
    Ok(host.entry(Path::new(OLD_POLICY))?.is_some() || is_ours(host)?)
}

/// Tells whether the package that brought a unit is installed. A script in
/// `/etc/init.d` stays where its package was removed.
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

/// Tells whether the policy that stands there is ours.
fn is_ours(host: &Host) -> Result<bool> {
    Ok(match host.entry(Path::new(POLICY))? {
        Some(Entry::File { content, .. }) => {
            String::from_utf8_lossy(content.bytes()).contains(MARK)
        }
        _ => false,
    })
}
