//! `USER@HOST:PORT`, in the notation of ssh and scp.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A host to log in to. No part can be taken for an option of ssh, or has a
/// meaning to a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    text: String,
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl Destination {
    /// Returns the user, if given here and not in ssh's own configuration.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the same host with another user, if that is a valid name.
    pub(crate) fn as_user(&self, user: &str) -> Option<Self> {
        let host = self.text.rsplit_once('@').map_or(self.text.as_str(), |(_, host)| host);
        format!("{user}@{host}").parse().ok()
    }

    /// Returns the host's name or address, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        let (host, port) = match (rest.strip_prefix('['), rest.rsplit_once(':')) {
            (Some(rest), _) => {
                let (host, rest) = rest.split_once(']').ok_or("there is no closing `]`")?;
                match rest.strip_prefix(':') {
                    None if !rest.is_empty() => return Err("there is no `:` after `]`".into()),
                    port => (host, port),
                }
            }
            // An IPv6 address without a port needs no brackets.
            (None, Some((host, port))) if !host.contains(':') => (host, Some(port)),
            _ => (rest, None),
        };
        if let Some(user) = user {
            plain("user", user)?;
        }
        match host.contains(':') {
            true => drop(host.parse::<Ipv6Addr>().map_err(|_| "this is no IPv6 address")?),
            false => plain("host", host)?,
        }
        let number = |port: &str| port.parse().ok().filter(|port| *port > 0);
        let port = match port {
            None => None,
            Some(port) => Some(number(port).ok_or("the port is no number from 1 to 65535")?),
        };
        Ok(Self { text: text.into(), user: user.map(Into::into), host: host.into(), port })
    }
}

/// Rejects what ssh could take for an option, or a shell for more than a word.
fn plain(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("the {what} is empty"));
    }
    if text.starts_with('-') {
        return Err(format!("a {what} does not begin with `-`"));
    }
    let known = |c: &char| c.is_ascii_alphanumeric() || "._-".contains(*c);
    match text.chars().find(|c| !known(c)) {
        Some(sign) => Err(format!("a {what} does not contain {sign:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    #[test]
    fn user_host_and_port_are_told_apart() {
        for (text, user, host, port) in [
            ("vps", None, "vps", None),
            ("root@vps.example.org", Some("root"), "vps.example.org", None),
            ("root@192.0.2.1:2222", Some("root"), "192.0.2.1", Some(2222)),
            ("[2001:db8::1]:22", None, "2001:db8::1", Some(22)),
            ("me@[2001:db8::1]", Some("me"), "2001:db8::1", None),
            ("2001:db8::1", None, "2001:db8::1", None),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!(
                (destination.user(), destination.host(), destination.port()),
                (user, host, port),
                "{text}"
            );
            assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn a_destination_that_ssh_or_a_shell_could_misread_is_refused() {
        for text in [
            "",
            "-oProxyCommand=touch /tmp/x",
            "root@-oProxyCommand=x",
            "-l@vps",
            "root@",
            "@vps",
            "vps; rm -rf /",
            "vps$(id)",
            "`id`@vps",
            "vps:0",
            "vps:ssh",
            "vps:22:22",
            "[::1",
            "[::1]22",
            "vps\n",
            "a b",
            "ssh://vps",
            "vps:99999",
        ] {
            assert!(text.parse::<Destination>().is_err(), "{text:?}");
        }
    }
}
