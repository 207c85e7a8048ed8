//! Finds the address that a login leads to.

use std::net::IpAddr;

use super::connection::ssh_words;
use super::{Destination, Login};
use crate::host::Host;

/// Returns the addresses to which ssh would connect, by its own configuration
/// (`ssh -G`, ssh(1)).
///
/// # Errors
///
/// Explains why ssh reaches the host by another way, or not at all.
pub(crate) fn addresses(to: &Destination, login: &Login) -> Result<Vec<IpAddr>, String> {
    let mut words = ssh_words(to, login);
    words.insert(1, "-G".into());
    let settings = duct::cmd(words[0].as_str(), &words[1..])
        .stdin_null()
        .stderr_null()
        .read()
        .map_err(|_| "ssh does not say where it calls".to_owned())?;
    let setting = |name: &str| {
        let value = settings.lines().filter_map(|line| line.split_once(' '));
        value.filter(|(key, value)| *key == name && *value != "none").map(|(_, value)| value).next()
    };
    if setting("proxyjump").is_some() || setting("proxycommand").is_some() {
        return Err(format!("ssh calls {to} by way of another host"));
    }
    let name = setting("hostname").unwrap_or(to.host());
    match Host::addresses_of(name) {
        found if found.is_empty() => Err(format!("{} has no address here", to.host())),
        found => Ok(found),
    }
}
