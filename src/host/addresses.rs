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

/// Returns the public addresses, if there are any, else all. A private address
/// beside a public one belongs to a bridge or a tunnel.
pub(crate) fn reachable(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let public: Vec<_> = addresses.iter().copied().filter(|it| is_public(*it)).collect();
    if public.is_empty() { addresses } else { public }
}

/// Returns whether an address is reachable from the internet. Private addresses
/// (RFC 1918, RFC 4193), those behind a provider's NAT (RFC 6598), loopback,
/// link-local and documentation addresses (RFC 5737, RFC 3849) are not.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            let [first, second, ..] = it.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            let is_of_no_network =
                first == 0 || first >= 224 || (first, second & 0xfe) == (198, 18);
            !(it.is_private()
                || is_shared
                || is_of_no_network
                || it.is_loopback()
                || it.is_link_local()
                || it.is_documentation())
        }
        // All addresses that are allocated so far are in 2000::/3.
        IpAddr::V6(it) => {
            let [first, second, ..] = it.segments();
            first & 0xe000 == 0x2000 && (first, second) != (0x2001, 0xdb8)
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

    #[test]
    fn a_bridge_beside_a_public_address_does_not_count() {
        let of = |all: &[&str]| reachable(all.iter().map(|it| it.parse().unwrap()).collect());
        assert_eq!(of(&["172.17.0.1", "193.0.14.129", "fd00::1", "100.64.0.1"]).len(), 1);
        assert_eq!(of(&["10.0.0.2", "fd00::2"]).len(), 2);
    }

    #[test]
    fn an_unreachable_address_is_not_public() {
        for own in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "0.0.0.0",
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "fc00::1",
            "2001:db8::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
        for public in ["193.0.14.129", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2a00::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
