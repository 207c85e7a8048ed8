//! Networks in the syntax of Postfix's `mynetworks`, of Dovecot's
//! `login_trusted_networks` and of SPF.

use std::net::IpAddr;

#[derive(Debug, Default)]
pub(crate) struct Networks(Vec<(IpAddr, u32)>);

impl Networks {
    /// Parses addresses with or without a length (`10.0.0.0/8`, `[::1]/128`),
    /// separated by spaces or commas. Skips other words (the name of a table,
    /// `!`).
    pub(crate) fn parse(text: &str) -> Self {
        let network = |word: &str| {
            let (address, length) = match word.rsplit_once('/') {
                Some((address, length)) => (address, Some(length.parse().ok()?)),
                None => (word, None),
            };
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            Some((address, length.unwrap_or(most).min(most)))
        };
        Self(text.split([' ', ',', '\n', '\t']).filter_map(network).collect())
    }

    /// Returns whether one of the networks contains an address.
    pub(crate) fn hold(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| holds(*network, address))
    }

    /// Returns the networks of other hosts, each with whether it can contain strangers.
    pub(crate) fn of_others(&self) -> impl Iterator<Item = (String, bool)> {
        let others = self.0.iter().filter(|(address, length)| {
            let own = if address.is_ipv4() { 8 } else { 128 };
            !address.is_loopback() || *length < own
        });
        others.map(|(address, length)| {
            // No private network is larger than 10.0.0.0/8 or fc00::/7.
            let is_large = *length < if address.is_ipv4() { 8 } else { 7 };
            (format!("{address}/{length}"), is_large || !is_ones_own(*address))
        })
    }
}

/// Returns whether a network is private or loopback. Strangers have no such address.
fn is_ones_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => it.is_private() || it.is_loopback() || it.is_link_local(),
        IpAddr::V6(it) => it.is_unique_local() || it.is_loopback() || it.is_unicast_link_local(),
    }
}

fn holds((network, length): (IpAddr, u32), address: IpAddr) -> bool {
    let first = |address: IpAddr| {
        let bits = match address {
            IpAddr::V4(it) => u128::from(it.to_bits()) << 96,
            IpAddr::V6(it) => it.to_bits(),
        };
        bits.checked_shr(128 - length).unwrap_or(0)
    };
    network.is_ipv4() == address.is_ipv4() && first(network) == first(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_the_daemons_read_them() {
        let of = |text| Networks::parse(text);
        let holds = |text, address: &str| of(text).hold(address.parse().unwrap());
        assert!(holds("127.0.0.0/8, [::ffff:127.0.0.0]/104 [fd00::]/64", "127.9.9.9"));
        assert!(holds("[fd00::]/64", "fd00::5") && !holds("[fd00::]/64", "fd00:0:0:1::5"));
        assert!(holds("0.0.0.0/0", "192.0.2.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("[::]/0", "2001:db8::1") && holds("10.0.0.5", "10.0.0.5"));
        assert!(holds("2001:db8::/32", "2001:db8::5") && !holds("2001:db8::/32", "2001:db9::5"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("::/0", "1.2.3.4"));
        assert!(!holds("hash:/etc/postfix/networks !10.0.0.0/99x", "10.0.0.5"));
        let others: Vec<_> =
            of("127.0.0.0/8 ::1 10.0.0.0/8 203.0.113.0/24 0.0.0.0/0").of_others().collect();
        let expected = [("10.0.0.0/8", false), ("203.0.113.0/24", true), ("0.0.0.0/0", true)];
        assert_eq!(others, expected.map(|(network, world)| (network.to_owned(), world)));
    }
}
