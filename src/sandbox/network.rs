//! The link between a guest and this machine: an interface at each end, and
//! addresses of a network that is not used otherwise. It leads nowhere else.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::{Cache, Error, Result, Watch, machine};

/// The addresses at the two ends of a pair of virtual Ethernet interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VethPair {
    /// This machine's address.
    pub here: Ipv4Addr,
    /// The guest's address, on its interface `eth0`.
    pub guest: Ipv4Addr,
}

impl VethPair {
    /// Connects the network namespace of this name to this machine.
    pub fn connect(cache: &Cache, name: &str, watch: Watch<'_>) -> Result<Self> {
        // Others that connect at the same time must see the network that we take.
        let _one_at_a_time = cache.lock("running", watch)?;
        let path = Path::new("/proc/net/route");
        let routes = fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        let network = free_network(&routes).ok_or(Error::NoNetwork)?;
        let veth = Self {
            here: Ipv4Addr::new(10, 77, network, 1),
            guest: Ipv4Addr::new(10, 77, network, 2),
        };
        machine::run(&[
            "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name,
        ])?;
        let here = format!("{}/24", veth.here);
        machine::run(&["ip", "address", "add", &here, "dev", name])?;
        machine::run(&["ip", "link", "set", name, "up"])?;
        ip(name, "link set lo up")?;
        ip(name, &format!("address add {}/24 dev eth0", veth.guest))?;
        ip(name, "link set eth0 up")?;
        Ok(veth)
    }
}

/// Runs `ip` in a network namespace, with arguments without spaces.
pub fn ip(namespace: &str, arguments: &str) -> Result<()> {
    let mut argv = vec!["ip", "-netns", namespace];
    argv.extend(arguments.split(' '));
    machine::run(&argv).map(drop)
}

/// Removes the namespace and the interface of a name.
pub(super) fn remove(name: &str) {
    if Path::new("/sys/class/net").join(name).exists() {
        machine::quietly(&["ip", "link", "delete", name]);
    }
    if Path::new("/run/netns").join(name).exists() {
        machine::quietly(&["ip", "netns", "delete", name]);
    }
}

/// Returns the first number N for which no route but the default one covers a
/// part of 10.77.N.0/24. `routes` has the format of /proc/net/route: addresses
/// and masks in hexadecimal, in the byte order of this machine.
fn free_network(routes: &str) -> Option<u8> {
    let number = |field: &str| {
        let bytes = u32::from_str_radix(field, 16).ok()?.to_ne_bytes();
        Some(u32::from_be_bytes(bytes))
    };
    let taken: Vec<(u32, u32)> = routes
        .lines()
        .filter_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            Some((number(fields.get(1)?)?, number(fields.get(7)?)?))
        })
        .filter(|(_, mask)| *mask != 0)
        .collect();
    (0..=u8::MAX).find(|candidate| {
        let network = u32::from(Ipv4Addr::new(10, 77, *candidate, 0));
        let overlaps = |(route, mask): &(u32, u32)| {
            let mask = mask & 0xffff_ff00;
            route & mask == network & mask
        };
        !taken.iter().any(overlaps)
    })
}

#[cfg(test)]
mod tests {
    use super::free_network;

    /// Formats a line of /proc/net/route in the byte order of this machine.
    fn route(destination: [u8; 4], mask: [u8; 4]) -> String {
        let hex = |address| format!("{:08X}", u32::from_ne_bytes(address));
        format!("eth0\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n", hex(destination), hex(mask))
    }

    #[test]
    fn a_network_is_free_if_no_route_leads_there() {
        let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n";
        let default = route([0; 4], [0; 4]);
        assert_eq!(free_network(""), Some(0));
        assert_eq!(free_network(&format!("{head}{default}")), Some(0));
        let first = route([10, 77, 0, 0], [255, 255, 255, 0]);
        assert_eq!(free_network(&format!("{head}{default}{first}")), Some(1));
        let part = route([10, 77, 1, 128], [255, 255, 255, 128]);
        assert_eq!(free_network(&(first + &part)), Some(2));
        assert_eq!(free_network(&route([10, 0, 0, 0], [255, 0, 0, 0])), None);
    }
}
