//! The name server of a test's network.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::debian::Debian;
use super::dnssec::{DNSKEY, Record, Signer};
use super::network::{Addresses, Network};
use super::wait::wait_for;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const OPT: u8 = 41;
const DS: u16 = 43;
const TLSA: u16 = 52;

/// Names and what they lead to.
#[derive(Debug, Default)]
pub struct Zone {
    /// Per lower-case name, types with their data as they go over the wire.
    records: HashMap<String, Vec<(u16, Vec<u8>)>>,
    /// Domains in which each name has the same address.
    below: Vec<(String, Ipv4Addr)>,
    /// Signs all names, where they are signed.
    signer: Option<Signer>,
    /// The domains that are not, nor the names in them.
    unsigned: Vec<String>,
}

impl Zone {
    /// Signs all names, the root's too.
    #[must_use]
    pub fn signed(mut self) -> Self {
        let signer = Signer::new();
        self.add("", DNSKEY, signer.dnskey());
        self.add("", NS, encode("ns.example"));
        self.signer = Some(signer);
        self.host("ns.example", Network::client())
    }

    /// Leaves a domain unsigned.
    #[must_use]
    pub fn unsigned(mut self, domain: &str) -> Self {
        self.unsigned.push(domain.to_owned());
        self
    }

    /// Returns the file by which a resolver trusts the root's signatures.
    pub fn anchor(&self) -> String {
        self.signer.as_ref().unwrap().anchor()
    }

    /// Says by which SHA-256 of its key a mail server is known (RFC 7672).
    #[must_use]
    pub fn tlsa(mut self, host: &str, sum: &[u8]) -> Self {
        self.add(&format!("_25._tcp.{host}"), TLSA, [&[3, 1, 1], sum].concat());
        self
    }

    /// Gives a host name both addresses of a box.
    #[must_use]
    pub fn host(self, name: &str, addresses: Addresses) -> Self {
        self.address(name, addresses.v4).address(name, addresses.v6)
    }

    /// Gives a host name an address.
    #[must_use]
    pub fn address(mut self, name: &str, address: impl Into<IpAddr>) -> Self {
        match address.into() {
            IpAddr::V4(address) => self.add(name, A, address.octets().to_vec()),
            IpAddr::V6(address) => self.add(name, AAAA, address.octets().to_vec()),
        }
        self
    }

    /// Sends a domain's mail to a host.
    #[must_use]
    pub fn mx(mut self, domain: &str, host: &str) -> Self {
        let preference = 10_u16.to_be_bytes();
        self.add(domain, MX, [&preference[..], &encode(host)].concat());
        self
    }

    /// Names the port of a service at a host (RFC 2782), as `0 1 993 mail.example.org`.
    #[must_use]
    pub fn service(mut self, name: &str, value: &str) -> Self {
        let words: Vec<_> = value.split(' ').collect();
        let numbers = words[..3].iter().flat_map(|it| it.parse::<u16>().unwrap().to_be_bytes());
        let numbers: Vec<u8> = numbers.collect();
        self.add(name, SRV, [numbers, encode(words[3])].concat());
        self
    }

    /// Makes a name an alias of another. It is told only if an alias is asked for.
    #[must_use]
    pub fn alias(mut self, name: &str, of: &str) -> Self {
        self.add(name, CNAME, encode(of));
        self
    }

    /// Gives each name below a domain this address, as a blocklist does that lists
    /// everything.
    #[must_use]
    pub fn below(mut self, domain: &str, address: Ipv4Addr) -> Self {
        self.below.push((format!(".{domain}"), address));
        self
    }

    /// Gives a name a text, in pieces of at most 255 bytes.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        let piece = |it: &[u8]| [&[u8::try_from(it.len()).unwrap()], it].concat();
        let pieces: Vec<u8> = text.as_bytes().chunks(255).flat_map(piece).collect();
        self.add(name, TXT, pieces);
        self
    }

    /// Lets both addresses of a box lead back to a name.
    #[must_use]
    pub fn back(mut self, addresses: Addresses, name: &str) -> Self {
        let [a, b, c, d] = addresses.v4.octets();
        self.add(&format!("{d}.{c}.{b}.{a}.in-addr.arpa"), PTR, encode(name));
        let digits = addresses.v6.octets().into_iter().rev();
        let digits =
            digits.flat_map(|byte| [format!("{:x}", byte & 15), format!("{:x}", byte >> 4)]);
        let digits = digits.collect::<Vec<_>>().join(".");
        self.add(&format!("{digits}.ip6.arpa"), PTR, encode(name));
        self
    }

    /// Answers on the test's own address in a network until the result is
    /// dropped, and makes these boxes ask there.
    pub fn serve(self, network: &Network, boxes: &[&Debian]) -> Dns {
        let address = Network::client().v4;
        // A process that another thread is just starting holds the last one's socket for a moment.
        let bind = || network.enter(|| UdpSocket::bind((address, 53))).ok();
        let socket = wait_for("the port of the name server", bind);
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        for debian in boxes {
            debian.write("/etc/resolv.conf", format!("nameserver {address}\n"), 0o644);
        }
        let (over, zone) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(self)));
        let server = {
            let (over, zone) = (Arc::clone(&over), Arc::clone(&zone));
            thread::spawn(move || answer_until(&over, &socket, &zone))
        };
        Dns { over, zone, server: Some(server) }
    }

    fn add(&mut self, name: &str, kind: u16, data: Vec<u8>) {
        self.records.entry(name.to_lowercase()).or_default().push((kind, data));
    }

    /// Returns the answer to a question; `None` where it is none.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = decode(query)?;
        let question = query.get(12..end + 4)?;
        let kind = u16::from_be_bytes([query[end], query[end + 1]]);
        let below = self.below.iter().find(|(domain, _)| name.ends_with(domain));
        let below = below.map(|(_, address)| vec![(A, address.octets().to_vec())]);
        let known = self.records.get(&name).or(below.as_ref());
        let owner = encode(&name);
        let record = |(kind, data): &(u16, Vec<u8>)| Record {
            owner: owner.clone(),
            kind: *kind,
            data: data.clone(),
        };
        let records = known.into_iter().flatten().filter(|record| record.0 == kind);
        let mut answers: Vec<Record> = records.map(record).collect();
        let is_delegated = self.unsigned.contains(&name);
        let signer = self.signer.as_ref().filter(|_| {
            let is_in = |domain: &String| name.ends_with(&format!(".{domain}"));
            !self.unsigned.iter().any(is_in) && (!is_delegated || kind == DS)
        });

        let mut authority = Vec::new();
        if answers.is_empty() {
            // The start of authority of the name asked for, or resolvers ask again.
            let owner = if signer.is_some() { encode("") } else { owner.clone() };
            authority.push(Record { owner, kind: SOA, data: vec![0; 22] });
        }
        if let Some(signer) = signer {
            if answers.is_empty() {
                let types = known.into_iter().flatten().map(|record| record.0);
                let denial = match is_delegated {
                    true => Signer::denial(&owner, [NS]),
                    false => Signer::denial(&owner, types),
                };
                let signatures =
                    [signer.signature(&authority), signer.signature(std::slice::from_ref(&denial))];
                authority.push(denial);
                authority.extend(signatures);
            } else {
                answers.push(signer.signature(&answers));
            }
        }
        // Where names are signed, one that does not exist is one without records.
        let no_such_name = u8::from(known.is_none() && self.signer.is_none()) * 3;
        let extended = query.get(end + 4..end + 7).is_some_and(|it| it == [0, 0, OPT]);
        let extended = extended && self.signer.is_some();
        let count = |records: &[Record]| u8::try_from(records.len()).unwrap();
        let mut answer = vec![query[0], query[1], 0x85, 0x80 | no_such_name];
        answer.extend([0, 1, 0, count(&answers), 0, count(&authority), 0, u8::from(extended)]);
        answer.extend(question);
        answers.iter().chain(&authority).for_each(|record| answer.extend(record.bytes()));
        if extended {
            // It takes 1232 bytes, and has been asked for signatures.
            answer.extend([0, 0, OPT, 4, 208, 0, 0, 0x80, 0, 0, 0]);
        }
        Some(answer)
    }
}

/// A running name server.
#[derive(Debug)]
pub struct Dns {
    over: Arc<AtomicBool>,
    zone: Arc<Mutex<Zone>>,
    server: Option<JoinHandle<()>>,
}

impl Dns {
    /// Answers from other records from now on.
    pub fn publish(&self, zone: Zone) {
        *self.zone.lock().unwrap() = zone;
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(server) = self.server.take() {
            let ended = server.join();
            assert!(ended.is_ok() || thread::panicking(), "the name server broke down");
        }
    }
}

fn answer_until(over: &AtomicBool, socket: &UdpSocket, zone: &Mutex<Zone>) {
    let mut buffer = [0; 1500];
    while !over.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((length, asker)) => {
                let answer = zone.lock().unwrap().answer(&buffer[..length]);
                if let Some(answer) = answer {
                    socket.send_to(&answer, asker).unwrap();
                }
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}"),
        }
    }
}

/// Returns a name as labels with their lengths.
fn encode(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// Returns the name that a query asks for and where its labels end.
fn decode(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        let label = query.get(at..at + length)?;
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length;
    }
}
