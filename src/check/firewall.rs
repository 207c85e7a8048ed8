//! Checks the host's own firewall: whether a ruleset drops new connections from
//! other hosts to a mail port. A connection from the host itself does not show
//! this, because it uses the loopback interface. The kernel's rules are small
//! programs over registers; this interpreter runs them for a new connection of
//! which only the port is known. The numbers are those of
//! linux/netfilter/nf_tables.h.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::host::{Dump, Host, NetfilterObject, Result, attributes};
use crate::services::checking::Server;

/// The kernel's limit of nested jumps.
const DEEPEST: usize = 16;

const TCP: u8 = 6;
const INET: u8 = 1;
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// Stands for the incoming interface: any but the loopback.
const INTERFACE: &[u8] = b"interface";

/// The bit of a new connection in its state (`NF_CT_STATE_BIT(IP_CT_NEW)`).
const STATE_NEW: u32 = 8;

/// Finds the chains of the host that drop connections to ports that must be
/// open, and to `more`. Returns them by address family, each with the remedy.
pub(super) fn drops(server: &Server, more: &[u16]) -> Vec<(&'static str, Vec<(String, String)>)> {
    // Without nf_tables the kernel drops nothing.
    let Ok(ruleset) = Ruleset::load() else { return Vec::new() };
    let (ports, _) = server.ports();
    let ports: Vec<u16> = ports.iter().map(|port| port.number).chain(more.to_vec()).collect();
    let mut families: Vec<bool> = server.addresses.iter().map(IpAddr::is_ipv6).collect();
    families.sort_unstable();
    families.dedup();
    let drop = |(chain, dropped): (&Chain, Vec<u16>)| {
        let list: Vec<_> = dropped.iter().map(ToString::to_string).collect();
        let list = list.join(", ");
        let policy = if chain.drops { " (policy drop)" } else { "" };
        let facts = format!("{chain}{policy} drops connections from elsewhere to {list}");
        let remedy = format!(
            "Let them in: nft insert rule {chain} tcp dport '{{ {list} }}' accept\nAdd the same \
             where your rules are kept (/etc/nftables.conf, or the configuration of your firewall \
             program), so that it lasts."
        );
        (facts, remedy)
    };
    let of = |is_v6: bool| {
        let drops = ruleset.dropped(&ports, is_v6).into_iter().map(drop);
        (if is_v6 { "IPv6" } else { "IPv4" }, drops.collect())
    };
    families.into_iter().map(of).collect()
}

/// Family, table and name of a chain or a set.
type Name = (u8, String, String);

/// The kernel's rules.
#[derive(Debug, Default)]
struct Ruleset {
    chains: Vec<Chain>,
    sets: HashMap<Name, Set>,
}

#[derive(Debug)]
struct Chain {
    name: Name,
    /// Whether incoming packets enter this chain.
    is_entered: bool,
    /// Whether its policy is drop.
    drops: bool,
    /// Each rule as a list of expressions: name and attributes.
    rules: Vec<Vec<(String, Vec<u8>)>>,
}

#[derive(Debug, Default)]
struct Set {
    /// Whether its keys are the bounds of intervals.
    has_intervals: bool,
    elements: Vec<Element>,
}

#[derive(Debug)]
struct Element {
    key: Vec<u8>,
    /// Whether this key is the end of an interval.
    is_end: bool,
    /// The data of a map element.
    data: Vec<u8>,
}

impl std::fmt::Display for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (family, table, name) = &self.name;
        let family = match *family {
            INET => "inet",
            IPV6 => "ip6",
            _ => "ip",
        };
        write!(f, "{family} {table} {name}")
    }
}

impl Ruleset {
    fn load() -> Result<Self> {
        let mut ruleset = Self::default();
        let of = |object: &NetfilterObject, second| {
            let all = &object.payload;
            (object.family, text(get(all, 1)), text(get(all, second)))
        };
        for chain in Host::netfilter(Dump::Chains, None)? {
            let (hook, kind) = (get(&chain.payload, 4), text(get(&chain.payload, 7)));
            // The hooks for local and for all incoming packets
            // (`NF_INET_LOCAL_IN`, `…PRE_ROUTING`).
            let is_entered = !hook.is_empty() && matches!(number(get(hook, 1)), 0 | 1);
            ruleset.chains.push(Chain {
                name: of(&chain, 3),
                is_entered: is_entered && kind == "filter",
                drops: !get(&chain.payload, 5).is_empty() && number(get(&chain.payload, 5)) == 0,
                rules: Vec::new(),
            });
        }
        for rule in Host::netfilter(Dump::Rules, None)? {
            let name = of(&rule, 2);
            let expressions = attributes(get(&rule.payload, 4));
            let expressions =
                expressions.iter().map(|(_, it)| (text(get(it, 1)), get(it, 2).to_vec()));
            if let Some(chain) = ruleset.chains.iter_mut().find(|chain| chain.name == name) {
                chain.rules.push(expressions.collect());
            }
        }
        for set in Host::netfilter(Dump::Sets, None)? {
            let name = of(&set, 2);
            let objects =
                Host::netfilter(Dump::Elements, Some((name.0, name.1.as_str(), name.2.as_str())))?;
            let elements = objects.iter().flat_map(|object| attributes(get(&object.payload, 3)));
            let elements = elements.map(|(_, it)| Element {
                key: get(get(it, 1), 1).to_vec(),
                is_end: number(get(it, 3)) & 1 != 0,
                data: get(it, 2).to_vec(),
            });
            // The catch-all element (`NFT_SET_ELEM_CATCHALL`) has no key.
            let elements = elements.filter(|element| !element.key.is_empty()).collect();
            let has_intervals = number(get(&set.payload, 3)) & 4 != 0;
            ruleset.sets.insert(name, Set { has_intervals, elements });
        }
        Ok(ruleset)
    }

    /// Returns the chains that drop some of these ports, with those ports.
    fn dropped(&self, ports: &[u16], is_v6: bool) -> Vec<(&Chain, Vec<u16>)> {
        let ours = if is_v6 { IPV6 } else { IPV4 };
        let is_entered = |chain: &&Chain| chain.is_entered && [INET, ours].contains(&chain.name.0);
        let dropped = self.chains.iter().filter(is_entered).map(|chain| {
            let is_dropped = |port: &u16| {
                let run = Run { ruleset: self, port: *port, is_v6 };
                let fate = run.chain(chain, DEEPEST);
                fate == Fate::Dropped || fate == Fate::Undecided && chain.drops
            };
            (chain, ports.iter().copied().filter(is_dropped).collect::<Vec<_>>())
        });
        dropped.filter(|(_, ports)| !ports.is_empty()).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Accepted,
    Dropped,
    /// No rule decides.
    Undecided,
    /// A rule that this interpreter does not fully know may accept it.
    Unknown,
}

/// A new connection from another host that passes through the rules.
#[derive(Debug, Clone, Copy)]
struct Run<'r> {
    ruleset: &'r Ruleset,
    port: u16,
    is_v6: bool,
}

/// The content of a register; a missing one is unknown.
type Registers = HashMap<u32, Vec<u8>>;

impl Run<'_> {
    fn chain(self, chain: &Chain, depth: usize) -> Fate {
        let mut may_be_accepted = false;
        for rule in &chain.rules {
            match self.rule(chain, rule, depth) {
                Fate::Undecided => {}
                Fate::Unknown => may_be_accepted = true,
                Fate::Accepted => return Fate::Accepted,
                Fate::Dropped if may_be_accepted => return Fate::Unknown,
                Fate::Dropped => return Fate::Dropped,
            }
        }
        if may_be_accepted { Fate::Unknown } else { Fate::Undecided }
    }

    fn rule(self, chain: &Chain, rule: &[(String, Vec<u8>)], depth: usize) -> Fate {
        let mut registers = Registers::new();
        // Whether the rule certainly matches.
        let mut is_sure = true;
        for (name, expression) in rule {
            let attribute = |number| get(expression, number);
            let register = |at| register(number(attribute(at)));
            match name.as_str() {
                "meta" if !attribute(1).is_empty() => {
                    set(&mut registers, register(1), self.meta(number(attribute(2))));
                }
                "payload" if !attribute(1).is_empty() => {
                    let place = [2, 3, 4].map(|at| number(attribute(at)));
                    set(&mut registers, register(1), self.payload(place));
                }
                "ct" if !attribute(1).is_empty() => {
                    let state =
                        (number(attribute(2)) == 0).then(|| STATE_NEW.to_ne_bytes().to_vec());
                    set(&mut registers, register(1), state);
                }
                "bitwise" => {
                    let (mask, xor) = (get(attribute(4), 1), get(attribute(5), 1));
                    let masked = registers.get(&register(1)).map(|value| {
                        let parts = value.iter().zip(mask).zip(xor);
                        parts.map(|((value, mask), xor)| value & mask ^ xor).collect()
                    });
                    let plain = number(attribute(6)) == 0;
                    set(&mut registers, register(2), masked.filter(|_| plain));
                }
                "cmp" | "range" => {
                    let data = |at| get(attribute(at), 1);
                    let is_interface =
                        registers.get(&register(1)).is_some_and(|it| it == INTERFACE);
                    if is_interface {
                        match name == "cmp" && is_loopback(data(3)) {
                            true if number(attribute(2)) == 0 => return Fate::Undecided,
                            true => {}
                            false => is_sure = false,
                        }
                        continue;
                    }
                    let fits = registers.get(&register(1)).map(|value| match name.as_str() {
                        "cmp" => compares(value, number(attribute(2)), data(3)),
                        _ => {
                            let is_in = &value[..] >= data(3) && &value[..] <= data(4);
                            is_in == (number(attribute(2)) == 0)
                        }
                    });
                    match fits {
                        Some(true) => {}
                        Some(false) => return Fate::Undecided,
                        None => is_sure = false,
                    }
                }
                "lookup" => {
                    let name = (chain.name.0, chain.name.1.clone(), text(attribute(1)));
                    let value = registers.get(&register(2)).filter(|it| *it != INTERFACE);
                    let set = self.ruleset.sets.get(&name);
                    let (Some(value), Some(set)) = (value, set) else {
                        is_sure = false;
                        continue;
                    };
                    let (found, is_inverted) = (set.find(value), number(attribute(5)) & 1 != 0);
                    if found.is_some() == is_inverted {
                        return Fate::Undecided;
                    }
                    // A verdict map: the register it writes is that of the verdict.
                    if !attribute(3).is_empty() && number(attribute(3)) == 0 {
                        let data = found.map_or(&[][..], |element| &element.data);
                        return self.verdict(chain, data, depth).if_it(is_sure);
                    }
                }
                "immediate" if number(attribute(1)) == 0 => {
                    return self.verdict(chain, attribute(2), depth).if_it(is_sure);
                }
                "reject" => return Fate::Dropped.if_it(is_sure),
                // These do not affect the verdict.
                "counter" | "log" | "notrack" | "immediate" | "meta" | "ct" | "payload" => {}
                // A limit, an extension of iptables, or an unknown expression.
                _ => is_sure = false,
            }
        }
        Fate::Undecided
    }

    /// Follows a verdict (`NF_ACCEPT`, `NF_DROP`, `NFT_JUMP`, `NFT_GOTO`).
    fn verdict(self, chain: &Chain, data: &[u8], depth: usize) -> Fate {
        let verdict = get(data, 2);
        match number(get(verdict, 1)).cast_signed() {
            0 => Fate::Dropped,
            1 => Fate::Accepted,
            -3 | -4 => {
                let name = (chain.name.0, chain.name.1.clone(), text(get(verdict, 2)));
                let next = self.ruleset.chains.iter().find(|chain| chain.name == name);
                match next.filter(|_| depth > 0) {
                    Some(next) => self.chain(next, depth - 1),
                    None => Fate::Unknown,
                }
            }
            _ => Fate::Undecided,
        }
    }

    /// Returns the known metadata of a packet (`enum nft_meta_keys`).
    fn meta(self, key: u32) -> Option<Vec<u8>> {
        match key {
            1 if self.is_v6 => Some(vec![0x86, 0xdd]),
            1 => Some(vec![0x08, 0x00]),
            4 | 6 => Some(INTERFACE.to_vec()),
            15 => Some(vec![if self.is_v6 { IPV6 } else { IPV4 }]),
            16 => Some(vec![TCP]),
            _ => None,
        }
    }

    /// Returns the known content of a packet, by base, offset and length (`enum
    /// nft_payload_bases`): the protocol and the port.
    fn payload(self, place: [u32; 3]) -> Option<Vec<u8>> {
        match (place, self.is_v6) {
            ([1, 9, 1], false) | ([1, 6, 1], true) => Some(vec![TCP]),
            ([2, 2, 2], _) => Some(self.port.to_be_bytes().to_vec()),
            _ => None,
        }
    }
}

impl Set {
    fn find(&self, value: &[u8]) -> Option<&Element> {
        if !self.has_intervals {
            return self.elements.iter().find(|element| element.key == value);
        }
        let before = self.elements.iter().filter(|element| &element.key[..] <= value);
        before.max_by(|a, b| a.key.cmp(&b.key)).filter(|element| !element.is_end)
    }
}

impl Fate {
    /// Weakens a fate if the rule does not certainly match. A connection that
    /// is only possibly dropped is not reported.
    fn if_it(self, is_sure: bool) -> Self {
        match self {
            fate if is_sure => fate,
            Self::Accepted | Self::Unknown => Self::Unknown,
            Self::Dropped | Self::Undecided => Self::Undecided,
        }
    }
}

/// Returns whether a comparison is with the loopback interface, by name or number.
fn is_loopback(data: &[u8]) -> bool {
    data.starts_with(b"lo\0") || data == 1_u32.to_ne_bytes()
}

/// Compares as in `enum nft_cmp_ops`.
fn compares(value: &[u8], operation: u32, with: &[u8]) -> bool {
    let value = value.get(..with.len()).unwrap_or(value);
    match operation {
        0 => value == with,
        1 => value != with,
        2 => value < with,
        3 => value <= with,
        4 => value > with,
        _ => value >= with,
    }
}

fn set(registers: &mut Registers, register: u32, value: Option<Vec<u8>>) {
    match value {
        Some(value) => drop(registers.insert(register, value)),
        None => drop(registers.remove(&register)),
    }
}

/// Returns the offset of a register: the old ones have sixteen bytes, those
/// from number eight on have four.
fn register(number: u32) -> u32 {
    if number >= 8 { (number - 8) * 4 } else { number.saturating_sub(1) * 16 }
}

/// Returns an attribute, or an empty slice if there is none.
fn get(bytes: &[u8], wanted: u16) -> &[u8] {
    let found = attributes(bytes).into_iter().find(|(number, _)| *number == wanted);
    found.map_or(&[], |(_, value)| value)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn text(bytes: &[u8]) -> String {
    crate::visible::visible(bytes.strip_suffix(b"\0").unwrap_or(bytes))
}
