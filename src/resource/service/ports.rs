//! Finds other programs on the ports of a service, for the plan and for the
//! error of a failed start.

use super::{ServiceKey, ServiceState};
use crate::host::{Endpoint, Error, Holder, Host, Result, Unit};
use crate::resource::{Key, Overlay, State};

/// Rejects a port of a service that another program holds, unless an earlier
/// step removes that program's package or stops it.
pub(super) fn reject_held_ports(key: &ServiceKey, overlay: &Overlay<'_>) -> Result<()> {
    let host = overlay.host();
    if host.is_tree() || !Host::is_root() {
        return Ok(());
    }
    for (endpoint, strangers) in strangers(host, key)? {
        let mut staying = Vec::new();
        for holder in &strangers {
            if !goes(overlay, holder)? {
                staying.push(holder);
            }
        }
        if !staying.is_empty() || strangers.is_empty() {
            return Err(Error::Other(held(endpoint, &staying, &key.unit)));
        }
    }
    Ok(())
}

/// Adds the other programs on its ports to the error of a service that did not
/// start.
pub(super) fn with_holders(host: &Host, key: &ServiceKey, error: Error) -> Error {
    let held = strangers(host, key).unwrap_or_default();
    let lines = held.iter().map(|(endpoint, strangers)| {
        format!("\n{}", held_by(endpoint, &strangers.iter().collect::<Vec<_>>(), &key.unit))
    });
    let explanation: String = lines.collect();
    if explanation.is_empty() {
        error
    } else {
        Error::Explained { source: error.into(), explanation }
    }
}

/// Returns the ports of a service that other processes hold. The list is empty
/// where these cannot be seen.
fn strangers<'k>(host: &Host, key: &'k ServiceKey) -> Result<Vec<(&'k Endpoint, Vec<Holder>)>> {
    let mut found = Vec::new();
    for greeting in &key.answers {
        let Some(holders) = host.holders(&greeting.at)? else { continue };
        let main = host.main_process(&key.unit)?.map(|process| process.pid);
        let is_own = |holder: &Holder| {
            // Process 1 holds the sockets that it passes to a service on demand
            // (systemd.socket(5)).
            holder.pid == 1 || Some(holder.pid) == main || is_of(&key.unit, holder)
        };
        if holders.iter().any(is_own) {
            continue;
        }
        found.push((&greeting.at, holders));
    }
    Ok(found)
}

/// Returns whether a process belongs to a unit, or to an instance of it.
fn is_of(unit: &Unit, holder: &Holder) -> bool {
    holder
        .unit
        .as_ref()
        .is_some_and(|of| *of == unit.full_name() || of.starts_with(&format!("{}@", unit.name)))
}

/// Returns whether an earlier step ends a process: it stops its service, or
/// removes the package of its program or of its service.
fn goes(overlay: &Overlay<'_>, holder: &Holder) -> Result<bool> {
    let is_stopped = |(key, state): (&Key, &State)| match (key, state) {
        (Key::Service(key), State::Service(ServiceState { running: false, .. })) => {
            is_of(&key.unit, holder)
        }
        _ => false,
    };
    if overlay.all_planned().any(is_stopped) {
        return Ok(true);
    }
    let unit_files = holder.unit.iter().flat_map(|unit| {
        let script = unit.strip_suffix(".service").unwrap_or(unit);
        [format!("/usr/lib/systemd/system/{unit}").into(), format!("/etc/init.d/{script}").into()]
    });
    for file in holder.program.iter().cloned().chain(unit_files) {
        if let Some(package) = overlay.host().package_of(&file)?
            && overlay.planned(&Key::Package(package)) == Some(&State::Absent)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reports the holders of a port and the remedy, before anything is changed.
fn held(endpoint: &Endpoint, holders: &[&Holder], unit: &Unit) -> String {
    format!("{}, then run this again", held_by(endpoint, holders, unit))
}

fn held_by(endpoint: &Endpoint, holders: &[&Holder], unit: &Unit) -> String {
    let (shown, port) = match endpoint {
        Endpoint::Resolver(ip) => (format!("port 53 of {ip}"), "53".to_owned()),
        Endpoint::Port(port) => (endpoint.to_string(), port.to_string()),
        Endpoint::Socket(_) => (endpoint.to_string(), String::new()),
    };
    let Some(first) = holders.first() else {
        return format!(
            "{shown} is held by a process that cannot be seen from here, as one of another \
             container, so {} cannot serve it; find it on the machine below this one, and stop it",
            unit.name
        );
    };
    let names: Vec<_> = holders.iter().map(ToString::to_string).collect();
    let remedy = match &first.unit {
        // It listens for a container, which the user has to stop.
        _ if first.name.starts_with("docker-proxy") => {
            format!("docker ps --filter publish={port}, docker stop NAME")
        }
        Some(unit) => format!("systemctl disable --now {unit}"),
        None => format!("kill {}", first.pid),
    };
    format!(
        "{shown} is held by {}, so {} cannot serve it; stop that one first ({remedy}) or have \
         it listen elsewhere",
        names.join(", "),
        unit.name
    )
}
