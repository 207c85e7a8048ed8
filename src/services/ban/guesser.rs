//! One guesser: an IPv4 address, or the network that an IPv6 address is in.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An address as bans count it. A customer of IPv6 has 2⁶⁴ addresses at least, so
/// all in one /64 are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guesser {
    /// An address.
    V4(Ipv4Addr),
    /// The /64 that begins with this address.
    V6(Ipv6Addr),
}

/// The bits of an IPv6 address that do not tell the network.
const HOST_BITS: u32 = 64;

impl From<IpAddr> for Guesser {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                Self::V6(Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS))
            }
        }
    }
}

/// Parses an address, a network of IPv6 (`2001:db8:1:2::/64`), or the beginning of its
/// addresses, as the filter of fail2ban takes it from the log (`2001:db8:1:2:`, and
/// `2001:db8:` where the next group is zero).
impl FromStr for Guesser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_beginning = !text.starts_with(':') && text.ends_with(':') && !text.ends_with("::");
        let address = match (text.strip_suffix("/64"), is_beginning) {
            (Some(network), _) => network.parse::<Ipv6Addr>().map(IpAddr::from),
            (None, true) => format!("{text}:").parse::<Ipv6Addr>().map(IpAddr::from),
            (None, false) => text.parse::<IpAddr>(),
        };
        let help = "it is no address: write 192.0.2.7 or 2001:db8::7";
        address.map(Self::from).map_err(|_| help.to_owned())
    }
}

impl fmt::Display for Guesser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "{address}/64"),
        }
    }
}

/// Commands for other hosts are sent with it.
impl Serialize for Guesser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guesser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one_guesser_however_they_are_written() {
        let all = [
            "2001:db8:1:0:a:b:c:d",
            "2001:db8:1::5",
            "2001:db8:1:0:",
            "2001:db8:1:",
            "2001:db8:1::/64",
        ];
        for text in all {
            let guesser: Guesser = text.parse().unwrap();
            assert_eq!(guesser.to_string(), "2001:db8:1::/64", "{text}");
        }
        let mapped: Guesser = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(mapped.to_string(), "192.0.2.7");
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        for text in ["", ":", "1.2.3", "192.0.2.7/64", "2001:db8::/32", "x:", "1.2.3.4:", "::1 "] {
            assert!(text.parse::<Guesser>().is_err(), "{text}");
        }
    }
}
