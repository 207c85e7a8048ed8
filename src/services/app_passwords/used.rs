//! When each app password was used last: a file a device, which Dovecot writes.

use std::path::Path;

use crate::host::{Content, Error, Host, Result};
use crate::mail::{Credentials, DeviceName};
use crate::services::Spec;

/// The folder of the files. As in the script and the playbook.
const FOLDER: &str = "/var/lib/mailprov-app-passwords";

/// A device of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Device {
    /// The name of the account.
    pub(crate) account: String,
    /// The name of the device.
    pub(crate) name: String,
    /// The last use of its password, if it was used and this host knows.
    pub(crate) used: Option<LastUse>,
}

/// The last use of an app password.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LastUse {
    /// When, in seconds since 1970.
    pub(crate) time: i64,
    /// The protocol: `IMAP`.
    pub(crate) protocol: String,
    /// The client's address.
    pub(crate) address: String,
}

/// Returns the name of the file of a device. No login has a colon.
pub(super) fn file_name(login: &str, device: &DeviceName) -> String {
    format!("{login}:{device}")
}

/// Returns the names of all files, whether mail.yml still has the device or not.
pub(super) fn facts(host: &Host) -> Result<serde_json::Value> {
    let names = match host.list(Path::new(FOLDER)) {
        // An ordinary user plans without them.
        Err(error) if error.is_permission_denied() => Vec::new(),
        names => names?,
    };
    serde_json::to_value(names).map_err(Error::encoding)
}

/// Returns the devices of some accounts, each by its index, with the last use as `host` knows
/// it.
pub(crate) fn devices(
    spec: &Spec,
    accounts: impl Iterator<Item = usize>,
    host: Option<&Host>,
) -> Result<Vec<Device>> {
    let mut devices = Vec::new();
    for index in accounts {
        let Some(Credentials { app_passwords, .. }) = spec.credentials.get(index) else { continue };
        let logins = spec.directory.logins(index);
        for password in app_passwords {
            let mut used = None;
            for login in host.iter().flat_map(|_| &logins) {
                used = used.max(last_use(host, login, &password.device)?);
            }
            devices.push(Device {
                account: spec.directory.accounts[index].name.value.to_string(),
                name: password.device.to_string(),
                used,
            });
        }
    }
    Ok(devices)
}

fn last_use(host: Option<&Host>, login: &str, device: &DeviceName) -> Result<Option<LastUse>> {
    let Some(host) = host else { return Ok(None) };
    let content = host.read(&Path::new(FOLDER).join(file_name(login, device)))?;
    Ok(content.as_ref().map(Content::bytes).and_then(parse))
}

/// Parses what the script writes: `1796005035 IMAP 192.0.2.7`, and spaces. Nothing that
/// is not like that is shown, as Dovecot's process could have written it.
fn parse(bytes: &[u8]) -> Option<LastUse> {
    let line = std::str::from_utf8(bytes).ok()?.lines().next()?;
    let mut words = line.split_ascii_whitespace();
    let (time, protocol) = (words.next()?.parse().ok()?, words.next()?);
    let address = words.next().unwrap_or_default();
    let is_known = ["IMAP", "POP3", "SMTP", "ManageSieve"].contains(&protocol);
    let is_address = address.is_empty() || address.parse::<std::net::IpAddr>().is_ok();
    (is_known && is_address && words.next().is_none()).then(|| LastUse {
        time,
        protocol: protocol.to_owned(),
        address: address.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_time_a_protocol_and_an_address_are_read() {
        let read = |text: &str| parse(text.as_bytes());
        let used = read("1796005035 IMAP 2001:db8::7    \n").unwrap();
        assert_eq!(
            (used.time, &*used.protocol, &*used.address),
            (1796005035, "IMAP", "2001:db8::7")
        );
        assert_eq!(read("1 SMTP\n").unwrap().address, "");
        for text in ["", "\n", "x IMAP ::1", "1 \x1b[2J ::1", "1 IMAP nowhere", "1 IMAP ::1 x"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(parse(b"\xff"), None);
    }
}
