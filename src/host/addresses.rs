//! The addresses at which other hosts reach this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};

use nix::ifaddrs::getifaddrs;

use super::{Error, Host, Result};

impl Host {
    /// Returns the host name of this machine.
    pub fn name() -> String {
        nix::unistd::gethostname().map_or_else(
            |_| "an unknown name".into(),
            |name| crate::visible::visible(name.as_encoded_bytes()),
        )
    }

    /// Returns the fully qualified name of this machine: the host name if it is
    /// one, else the name in /etc/hosts (hosts(5)).
    pub(crate) fn own_name() -> Option<String> {
        let own = nix::unistd::gethostname().ok()?.into_string().ok()?;
        if own.contains('.') {
            return Some(own);
        }
        let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        let full = hosts
            .split_whitespace()
            .find(|word| word.strip_prefix(own.as_str()).is_some_and(|rest| rest.starts_with('.')));
        full.map(str::to_owned)
    }

    /// Returns the addresses of this machine's interfaces, without loopback and
    /// link-local addresses.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot list its interfaces.
    pub fn addresses() -> Result<Vec<IpAddr>> {
        let all = getifaddrs()
            .map_err(|error| Error::system("list the addresses of this host", error))?;
        let mut found = Vec::new();
        for address in all.filter_map(|interface| interface.address) {
            let v4 = address.as_sockaddr_in().map(|it| IpAddr::V4(it.ip()));
            let v6 = address.as_sockaddr_in6().map(|it| IpAddr::V6(it.ip()));
            if let Some(address) = v4.or(v6)
                && reaches_far(address)
                && !found.contains(&address)
            {
                found.push(address);
            }
        }
        Ok(found)
    }

    /// Resolves a name as this machine does, by /etc/hosts or DNS. The
    /// preferred addresses come first; a name that does not resolve has none.
    pub(crate) fn addresses_of(name: &str) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for address in (name, 0).to_socket_addrs().into_iter().flatten() {
            if !found.contains(&address.ip()) {
                found.push(address.ip());
            }
        }
        found
    }
}

fn reaches_far(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => !(it.is_loopback() || it.is_link_local() || it == Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(it) => {
            !(it.is_loopback() || it.is_unicast_link_local() || it == Ipv6Addr::UNSPECIFIED)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_link_are_not_for_others() {
        let far = |text: &str| reaches_far(text.parse().unwrap());
        assert!(far("203.0.113.25") && far("10.1.2.3") && far("2001:db8::25") && far("fd00::1"));
        assert!(!far("127.0.0.1") && !far("169.254.1.1") && !far("::1") && !far("fe80::1"));
    }
}
