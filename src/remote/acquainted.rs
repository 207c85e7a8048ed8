//! Lists the hosts that this user's ssh knows, to suggest them, not to trust
//! them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::Destination;
use crate::local;

/// Returns the names in the `Host` lines of `.ssh/config` and the lines of
/// `.ssh/known_hosts` below this home, without patterns and hashed names. Skips
/// files that cannot be read.
pub(crate) fn acquainted(home: &Path) -> BTreeSet<String> {
    let read = |name: &str| local::read_text(&home.join(".ssh").join(name)).unwrap_or_default();
    let (config, known) = (read("config"), read("known_hosts"));
    let configured = config.lines().flat_map(aliases).map(str::to_owned);
    let met = known.lines().flat_map(names).map(with_port);
    let is_host = |name: &String| name.parse::<Destination>().is_ok();
    configured.chain(met).filter(is_host).collect()
}

/// Returns the names on a `Host` line of ssh_config(5).
fn aliases(line: &str) -> impl Iterator<Item = &str> {
    let is_gap = |c: char| c.is_whitespace() || c == '=';
    let (keyword, names) = line.trim().split_once(is_gap).unwrap_or_default();
    let names = if keyword.eq_ignore_ascii_case("host") { names } else { "" };
    let names = names.split(is_gap).take_while(|name| !name.starts_with('#'));
    names.map(|name| name.trim_matches('"')).filter(|name| !is_pattern(name))
}

/// Returns the names on a line of a known_hosts file (sshd(8)).
fn names(line: &str) -> impl Iterator<Item = &str> {
    // A marker means that the line is for an authority or a revoked key.
    let is_of_hosts = !line.trim_start().starts_with(['#', '@', '|']);
    let names = line.split_whitespace().next().filter(|_| is_of_hosts).unwrap_or_default();
    names.split(',').filter(|name| !is_pattern(name))
}

fn is_pattern(name: &str) -> bool {
    name.is_empty() || name.contains(['*', '?', '!'])
}

/// Converts `[HOST]:PORT` to the form of our command lines, where brackets are
/// for IPv6.
fn with_port(name: &str) -> String {
    let parts = name.strip_prefix('[').and_then(|rest| rest.split_once("]:"));
    match parts {
        Some((host, port)) if !matches!(host.parse(), Ok(IpAddr::V6(_))) => {
            format!("{host}:{port}")
        }
        _ => name.to_owned(),
    }
}
